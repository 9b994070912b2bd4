//! Loops that move work from one floor to the next. The loop itself stands here, once.

pub mod adapters;
mod clock_sync;
mod consume;
mod deadlines;
mod deliveries;
pub mod dispatcher;
mod fanout;
mod gather;
mod housekeeping;
mod intake;
mod messages;
mod partner_calls;
mod presence;
mod pulse;
mod reconciler;
mod relay;

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use metrics::counter;
use tokio_util::sync::CancellationToken;

pub use self::{
    adapters::Adapters,
    clock_sync::ClockSync,
    consume::{Addressing, Consume, Notifications, Timings},
    deadlines::Deadlines,
    deliveries::Deliveries,
    dispatcher::Dispatcher,
    fanout::Fanout,
    gather::Gather,
    housekeeping::Housekeeping,
    intake::Intake,
    messages::Messages,
    partner_calls::PartnerCalls,
    presence::Presence,
    pulse::Pulse,
    reconciler::Reconciler,
    relay::Relay,
};
use crate::{app::App, base::backoff::Backoff, telemetry::metric};

/// How long a worker rests after its first failure; it doubles up to the second.
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// What one step found to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It did something; ask again at once.
    Worked,
    /// There was nothing.
    Idle,
}

/// A loop that can be stopped between two steps and never within one.
pub trait Worker: Send + 'static {
    /// As it appears in logs and metrics.
    const NAME: &'static str;

    /// Does one bounded piece of work. After an error the same piece comes again.
    fn step(&mut self) -> impl Future<Output = anyhow::Result<Step>> + Send;

    /// Resolves when there may be work. Must lose nothing when it is dropped half-way.
    fn wait(&mut self) -> impl Future<Output = ()> + Send;

    /// Gives back what it holds, when it is told to stop.
    fn leave(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}

/// Repeats a worker until told to stop. A step that fails, or panics, is logged, counted and tried again after a rest.
pub async fn run<W: Worker>(mut worker: W, app: App, stop: CancellationToken) {
    let mut backoff = Backoff::new(FIRST_REST, LONGEST_REST);
    let idle = *app.config.workers.rest;
    while !stop.is_cancelled() {
        let failure = match AssertUnwindSafe(worker.step()).catch_unwind().await {
            Ok(Ok(found)) => {
                backoff.reset();
                if found == Step::Worked {
                    continue;
                }
                None
            }
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_panic) => Some("panicked".to_owned()),
        };
        if let Some(why) = failure {
            // The bus closes when the work is told to stop; what a step had to leave is taken up at the next start.
            if stop.is_cancelled() {
                tracing::debug!(worker = W::NAME, "left a step when told to stop: {why}");
                break;
            }
            counter!(metric::WORKER_FAILURES, "worker" => W::NAME).increment(1);
            tracing::warn!(worker = W::NAME, "{} failed, resting: {why}", W::NAME);
            // It need not wait for work: it has some.
            let pause = tokio::time::sleep(backoff.next_delay(&app.mint));
            let _stopped = stop.run_until_cancelled(pause).await;
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = worker.wait() => {}
            () = tokio::time::sleep(idle) => {}
        }
    }
    worker.leave().await;
}

#[cfg(test)]
mod tests;
