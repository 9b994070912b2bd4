//! Outbox → broker, and the check that each durable queue still gets what is published.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use metrics::counter;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::{
    app::{App, events, tracking},
    base::clock,
    bus::{BindingState, Message, Queue, Rabbit},
    domain::{Envelope, Order, Routing},
    store::{self, outbox},
    telemetry::metric,
    workers::{
        Step,
        relay::{message, remember},
    },
};

/// How far back a relay that takes over doubts what the one before it has published.
const TAKEOVER: Duration = Duration::from_mins(1);

/// How much further back events are published again: an event is recorded before it is committed, and clocks differ.
const MARGIN: Duration = Duration::from_secs(30);

/// Orders read at once while a queue is sent what it has missed.
const PAGE: u32 = 200;

/// What is known of the bindings of the durable queues. A queue that lost a binding misses events, and the broker does not say so.
#[derive(Debug, Default)]
pub struct Bindings {
    /// When the last check began.
    checked_at: Option<Instant>,
    /// The check that is under way.
    check: Option<Check>,
    /// When the oldest event was recorded that no check covers; `None` for no event.
    unproven_since: Option<Timestamp>,
    /// Queues that missed events and have not been sent them yet, and since when.
    lost: Option<(Vec<Queue>, Timestamp)>,
}

/// A check of the bindings. It waits for consumers, so the relay goes on meanwhile.
#[derive(Debug)]
struct Check {
    /// When the oldest event was recorded that it covers.
    since: Timestamp,
    found: oneshot::Receiver<BindingState>,
}

impl Bindings {
    /// Another relay published before, and nobody knows when it last checked.
    pub fn taken_over(&mut self, now: Timestamp) {
        self.doubt(clock::before(now, TAKEOVER));
        self.checked_at = None;
    }

    fn doubt(&mut self, since: Timestamp) {
        self.unproven_since = self.unproven_since.into_iter().chain([since]).min();
    }

    /// Publishes what waits, and looks after the bindings from time to time.
    pub async fn relay(&mut self, app: &App, rabbit: &Rabbit) -> anyhow::Result<Step> {
        self.prove(app, rabbit).await?;
        let mut tx = app.db.read().await?;
        let rows = outbox::peek(&mut tx, 0, app.config.workers.relay_batch).await?;
        drop(tx);
        if rows.is_empty() {
            return Ok(Step::Idle);
        }
        // Before: after a failure some of them may have been published.
        if let Some(oldest) = rows.iter().map(|row| row.message.created_at).min() {
            self.doubt(oldest);
        }
        let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let messages: Vec<Message> = rows.into_iter().map(message).collect();
        let (published, ()) = tokio::join!(rabbit.publish(&messages), remember(app, &messages));
        published?;
        let mut tx = app.db.begin().await?;
        outbox::may_come_back(&mut tx).await?;
        outbox::remove(&mut tx, &seqs).await?;
        tx.commit().await?;
        counter!(metric::RELAY_PUBLISHED).increment(seqs.len() as u64);
        Ok(Step::Worked)
    }

    /// Checks the bindings when it is time to and something was published since. What a queue has missed is sent to it alone, from the log.
    async fn prove(&mut self, app: &App, rabbit: &Rabbit) -> anyhow::Result<()> {
        self.take_found();
        if let Some((queues, since)) = &self.lost {
            publish_again(app, rabbit, queues, *since).await?;
            self.lost = None;
        }
        let pause = *app.config.bus.probe_every;
        let is_early = self.checked_at.is_some_and(|at| at.elapsed() < pause);
        if is_early || self.check.is_some() {
            return Ok(());
        }
        if let Some(since) = self.unproven_since.take() {
            self.checked_at = Some(Instant::now());
            self.check = Some(Check { since, found: start_check(app, rabbit) });
        }
        Ok(())
    }

    /// Takes what the check has found, if it is over.
    fn take_found(&mut self) {
        let Some(mut check) = self.check.take() else { return };
        match check.found.try_recv() {
            Ok(BindingState::Bound) => {}
            Ok(BindingState::Lost(queues)) => {
                for queue in queues.iter().map(|queue| queue.as_str()) {
                    tracing::error!(
                        bus.queue = queue,
                        "the queue {queue} had lost its binding to the exchange: it is bound again, and is sent the events since {}",
                        check.since
                    );
                    counter!(metric::BINDINGS_LOST, "queue" => queue).increment(1);
                }
                self.lost = Some((queues, check.since));
            }
            Err(TryRecvError::Empty) => self.check = Some(check),
            Ok(BindingState::Unknown) | Err(TryRecvError::Closed) => self.doubt(check.since),
        }
    }
}

fn start_check(app: &App, rabbit: &Rabbit) -> oneshot::Receiver<BindingState> {
    let (sender, found) = oneshot::channel();
    let rabbit = rabbit.clone();
    app.tasks.spawn(async move {
        match rabbit.check_bindings().await {
            // Fails only when the relay has ended.
            Ok(state) => drop(sender.send(state)),
            Err(error) => tracing::debug!("the bindings of the queues were not checked: {error}"),
        }
    });
    found
}

/// Sends these queues the events that were recorded since then: those of orders from the log, and of every other subject the newest. They may
/// have some of them already: their consumers are idempotent.
async fn publish_again(
    app: &App,
    rabbit: &Rabbit,
    queues: &[Queue],
    since: Timestamp,
) -> anyhow::Result<()> {
    let since = clock::before(since, MARGIN);
    let mut tx = app.db.read().await?;
    let latest = store::latest_events::since(&mut tx, since).await?;
    drop(tx);
    let mut messages = Vec::with_capacity(latest.len());
    for body in latest {
        if let Some(envelope) = events::read::<Arc<Order>>(&body, "relay")? {
            messages.push(message_of(&envelope)?);
        }
    }
    let mut after = None;
    loop {
        let mut tx = app.db.read().await?;
        let (changed, last) = tracking::changed_since(&mut tx, since, after, PAGE).await?;
        drop(tx);
        for event in changed.iter().flatten() {
            messages.push(message_of(event.envelope())?);
        }
        for queue in queues {
            let wanted = messages.iter().filter(|message| queue.wants(&message.routing.event_type));
            let wanted: Vec<_> = wanted.cloned().collect();
            rabbit.publish_to(*queue, &wanted).await?;
        }
        messages.clear();
        let Some(last) = last else { return Ok(()) };
        after = Some(last);
    }
}

fn message_of(envelope: &Envelope<Arc<Order>>) -> anyhow::Result<Message> {
    Ok(Message {
        event_id: envelope.event_id,
        routing: Arc::new(Routing::of(envelope)),
        body: serde_json::to_vec(envelope)?.into(),
    })
}
