//! Outbox → bus. A row goes only after the bus has confirmed its event. One relay is active in a cluster.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use metrics::counter;

use crate::{
    app::App,
    bus::{Bus, Message},
    cache,
    domain::{Envelope, Order},
    store::{
        self, RelayLease, Signal, Work,
        dead_letters::DeadLetter,
        outbox::{self, OutboxRow},
    },
    telemetry::metric,
    workers::{Step, Worker},
};

/// How often the lease is looked at. Two relays at once would only publish twice, which every consumer bears.
const LEASE_CHECK: Duration = Duration::from_secs(1);

/// Publishes what is committed.
pub struct Relay {
    app: App,
    signal: Signal,
    lease: Option<RelayLease>,
    /// When the lease was last looked at or asked for.
    checked_at: Option<Instant>,
    /// Somebody else has the lease, and that has been said.
    warned: bool,
}

impl Relay {
    /// Without the lease yet.
    pub fn new(app: App) -> Self {
        Self {
            signal: app.db.signal(Work::Outbox),
            app,
            lease: None,
            checked_at: None,
            warned: false,
        }
    }

    /// Whether this process is the one that publishes.
    async fn leads(&mut self) -> anyhow::Result<bool> {
        // Every commit wakes every relay, and to ask for the lease takes a connection of its own.
        if self.checked_at.is_some_and(|it| it.elapsed() < LEASE_CHECK) {
            return Ok(self.lease.is_some());
        }
        self.checked_at = Some(Instant::now());
        if let Some(lease) = &mut self.lease {
            if lease.still_held().await {
                return Ok(true);
            }
            tracing::warn!("the relay has lost its lease");
            self.lease = None;
        }
        self.lease = self.app.db.relay_lease().await?;
        if self.lease.is_none() && !self.warned && matches!(self.app.bus, Bus::Local(_)) {
            self.warned = true;
            tracing::error!(
                "another server works on this database, and without a broker the events are its alone: \
                 the screens of this server show nothing new. Set AMQP_URL for both, or stop one"
            );
        }
        Ok(self.lease.is_some())
    }

    /// Puts the newest state of each order into Redis. Here, and not where it was committed: a process that dies in between leaves
    /// its rows to the next relay, so that Redis is never left with the past.
    async fn remember(&self, rows: &[OutboxRow]) {
        // With a Redis that is away it goes on: what Redis misses, the cache must know.
        if self.app.cache.state() == cache::State::InProcess {
            return;
        }
        let newest: HashMap<_, _> = rows.iter().map(|it| (it.order_id, it)).collect();
        let puts = newest.values().filter_map(|row| {
            let envelope: Envelope<Arc<Order>> = serde_json::from_slice(&row.body).ok()?;
            Some(async move { self.app.cache.put(&envelope.data.order).await })
        });
        join_all(puts).await;
    }

    async fn publish(&self, rows: &[OutboxRow]) -> anyhow::Result<()> {
        let messages: Vec<Message> = rows.iter().map(message).collect();
        let (published, ()) = tokio::join!(self.app.bus.publish(&messages), self.remember(rows));
        let published = published?;
        let mut tx = self.app.db.begin().await?;
        if published.dead.is_empty() {
            outbox::may_come_back(&mut tx).await?;
        }
        let now = self.app.clock.now();
        for dead in published.dead {
            let queue = dead.queue.as_str();
            tracing::error!("a message of {queue} was given up: {}", dead.error);
            counter!(metric::DEAD_LETTERS, "queue" => queue).increment(1);
            let letter = DeadLetter {
                id: self.app.mint.uuid(now),
                queue: queue.to_owned(),
                body: dead.message.body,
                error: dead.error,
                died_at: now,
            };
            store::dead_letters::put(&mut tx, &letter).await?;
        }
        let seqs: Vec<i64> = rows.iter().map(|it| it.seq).collect();
        outbox::remove(&mut tx, &seqs).await?;
        tx.commit().await?;
        counter!(metric::RELAY_PUBLISHED).increment(rows.len() as u64);
        Ok(())
    }
}

impl Worker for Relay {
    const NAME: &'static str = "relay";

    async fn step(&mut self) -> anyhow::Result<Step> {
        if !self.leads().await? {
            return Ok(Step::Idle);
        }
        let mut tx = self.app.db.read().await?;
        let rows = outbox::peek(&mut tx, self.app.config.workers.relay_batch).await?;
        drop(tx);
        if rows.is_empty() {
            return Ok(Step::Idle);
        }
        self.publish(&rows).await?;
        Ok(Step::Worked)
    }

    async fn wait(&mut self) {
        self.signal.wait().await;
    }

    async fn leave(self) {
        if let Some(lease) = self.lease {
            lease.release().await;
        }
    }
}

fn message(row: &OutboxRow) -> Message {
    Message {
        event_id: row.event_id,
        event_type: row.event_type,
        store_id: row.store_id,
        order_id: row.order_id,
        body: row.body.clone(),
    }
}
