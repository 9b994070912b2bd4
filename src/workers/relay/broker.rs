//! Outbox → broker, and the check that each durable queue still gets what is published.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use metrics::counter;

use crate::{
    app::{App, events, tracking},
    bus::{Message, Queue, Rabbit},
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

/// What is known of the bindings of the durable queues. A queue that lost its binding misses events, and the broker does not say so.
#[derive(Debug, Default)]
pub struct Bindings {
    probed_at: Option<Instant>,
    /// When the oldest event was recorded that was published since the last time all bindings were there; `None` for no event.
    unproven_since: Option<Timestamp>,
    /// Queues that lost events and have not been sent them yet.
    unbound: Vec<Queue>,
}

impl Bindings {
    /// Another relay published before, and nobody knows when it last looked.
    pub fn taken_over(&mut self, now: Timestamp) {
        let doubted = now.saturating_sub(TAKEOVER).unwrap_or(now);
        // Queues that were not sent yet what they have missed still want it from its beginning.
        let known = self.unproven_since.filter(|_| !self.unbound.is_empty());
        self.unproven_since = known.into_iter().chain([doubted]).min();
        self.probed_at = None;
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
        self.unproven_since =
            rows.iter().map(|row| row.message.created_at).chain(self.unproven_since).min();
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

    /// Probes the bindings when it is time to and something was published since. What a queue has missed is sent to it alone, from the log.
    async fn prove(&mut self, app: &App, rabbit: &Rabbit) -> anyhow::Result<()> {
        let pause = *app.config.bus.probe_every;
        let is_early = self.probed_at.is_some_and(|at| at.elapsed() < pause);
        let Some(since) = self.unproven_since.filter(|_| !is_early) else { return Ok(()) };
        if self.unbound.is_empty() {
            self.unbound = rabbit.unbound_queues().await?;
            for queue in &self.unbound {
                let queue = queue.as_str();
                tracing::error!(
                    bus.queue = queue,
                    "the queue {queue} had lost its binding to the exchange: it is bound again, and is sent the events since {since}"
                );
                counter!(metric::BINDINGS_LOST, "queue" => queue).increment(1);
            }
        }
        if !self.unbound.is_empty() {
            publish_again(app, rabbit, &self.unbound, since).await?;
            self.unbound.clear();
        }
        self.unproven_since = None;
        self.probed_at = Some(Instant::now());
        Ok(())
    }
}

/// Sends these queues the events that were recorded since then: those of orders from the log, and of every other subject the newest. They may
/// have some of them already: their consumers are idempotent.
async fn publish_again(
    app: &App,
    rabbit: &Rabbit,
    queues: &[Queue],
    since: Timestamp,
) -> anyhow::Result<()> {
    let since = since.saturating_sub(MARGIN).unwrap_or(since);
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
