//! Outbox → bus. A row is removed only after the bus has its event safe. One relay is active in a cluster.

mod broker;
mod embedded;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use metrics::gauge;

use self::{broker::Bindings, embedded::Positions};
use crate::{
    app::App,
    bus::{Bus, Message},
    cache,
    domain::{Envelope, Order},
    store::{
        Lease, LeaseName, Signal, Work,
        outbox::{self, OutboxMessage, OutboxRow},
    },
    telemetry::metric,
    workers::{Step, Worker},
};

/// How often the lease is asked for. Two relays at once would only publish twice, which every consumer bears.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Publishes what is committed.
pub struct Relay {
    app: App,
    signal: Signal,
    lease: Option<Lease>,
    /// When the lease was last renewed or asked for.
    checked_at: Option<Instant>,
    /// Whether this node led when that was last said.
    said: Option<bool>,
    /// That events wait has been said.
    warned: bool,
    /// With a broker.
    bindings: Bindings,
    /// Without one.
    positions: Positions,
    /// Since the last step consumers in this process went on, and nothing else was heard.
    only_progress: bool,
}

impl Relay {
    /// Without the lease yet.
    pub fn new(app: App) -> Self {
        Self {
            signal: app.db.signal(Work::Outbox),
            app,
            lease: None,
            checked_at: None,
            said: None,
            warned: false,
            bindings: Bindings::default(),
            positions: Positions::default(),
            only_progress: false,
        }
    }

    /// The lease, if this process is the one that publishes.
    async fn lead(&mut self) -> anyhow::Result<Option<Lease>> {
        // Every commit wakes every relay, and to ask for the lease takes a connection of its own.
        if self.checked_at.is_some_and(|at| at.elapsed() < ASK_EVERY) {
            return Ok(self.lease.take());
        }
        self.checked_at = Some(Instant::now());
        if let Some(mut lease) = self.lease.take() {
            if lease.renew().await {
                return Ok(Some(lease));
            }
            tracing::warn!("the relay has lost its lease");
            gauge!(metric::RELAY_LEADS).set(0.0);
        }
        let lease = self.app.db.lease(LeaseName::RELAY).await?;
        self.say(lease.is_some());
        if lease.is_some() {
            self.bindings.taken_over(self.app.clock.now());
        } else {
            self.look_at_outbox().await?;
        }
        Ok(lease)
    }

    /// Says once who publishes.
    fn say(&mut self, leads: bool) {
        gauge!(metric::RELAY_LEADS).set(f64::from(u8::from(leads)));
        if self.said.replace(leads) == Some(leads) {
            return;
        }
        if leads {
            tracing::info!("this node publishes the events: it holds the lease of the relay");
        } else if matches!(self.app.bus, Bus::Local(_)) {
            tracing::error!(
                "another server works on this database, and without a broker the events are its alone: \
                 the screens of this server show nothing new. Set AMQP_URL for both, or stop one"
            );
        } else {
            tracing::info!("another node holds the lease of the relay; this one stands by");
        }
    }

    /// Says once that the node that should publish does not.
    async fn look_at_outbox(&mut self) -> anyhow::Result<()> {
        let mut tx = self.app.db.read().await?;
        let oldest = outbox::peek(&mut tx, 0, 1).await?.first().map(|row| row.message.created_at);
        let now = self.app.clock.now();
        let waited = oldest.map_or(Duration::ZERO, |at| now.duration_since(at).unsigned_abs());
        let is_late = waited > *self.app.config.live.behind_after;
        if is_late && !self.warned {
            tracing::warn!(
                "events have waited for {} s: another node holds the lease of the relay and does not publish them",
                waited.as_secs()
            );
        }
        self.warned = is_late;
        Ok(())
    }
}

impl Worker for Relay {
    const NAME: &'static str = "relay";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let Some(mut lease) = self.lead().await? else { return Ok(Step::Idle) };
        let only_progress = std::mem::take(&mut self.only_progress);
        let Self { app, bindings, positions, .. } = self;
        let publish = async {
            match &app.bus {
                Bus::Rabbit(rabbit) => bindings.relay(app, rabbit).await,
                Bus::Local(local) => positions.relay(app, local, only_progress).await,
            }
        };
        // A broker that takes its time must not cost the lease.
        let step = lease.renewed_during(publish).await;
        self.lease = Some(lease);
        step
    }

    async fn wait(&mut self) {
        let Some(lease) = &mut self.lease else { return self.signal.wait().await };
        let progress = async {
            match &self.app.bus {
                Bus::Local(local) => local.progress().await,
                Bus::Rabbit(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.signal.wait() => {}
            () = lease.until_lost() => self.checked_at = None,
            () = progress => self.only_progress = true,
        }
    }

    async fn leave(mut self) {
        // What is answered need not be published again after the next start.
        if let (Some(_), Bus::Local(_)) = (&self.lease, &self.app.bus)
            && let Err(error) = self.positions.settle(&self.app).await
        {
            tracing::debug!("events that were acknowledged stay in the outbox: {error:#}");
        }
        if let Some(lease) = self.lease {
            lease.release().await;
        }
    }
}

/// Puts the newest state of each order into Redis. Here, and not where it was committed: a process that dies in between leaves
/// its rows to the next relay, so that Redis is never left with the past.
async fn remember(app: &App, messages: &[Message]) {
    // With a Redis that is away it goes on: what Redis misses, the cache must know.
    if app.cache.state() == cache::State::InProcess {
        return;
    }
    let about_orders = messages.iter().filter(|message| message.routing.is_about_order());
    let newest: HashMap<_, _> =
        about_orders.map(|message| (&*message.routing.subject_id, message)).collect();
    let puts = newest.values().filter_map(|message| {
        let envelope: Envelope<Arc<Order>> = Envelope::read(&message.body).ok()?;
        let order = Arc::clone(&envelope.data.order()?.order);
        Some(async move { app.cache.put(&order).await })
    });
    join_all(puts).await;
}

fn message(row: OutboxRow) -> Message {
    let OutboxMessage { event_id, routing, body, .. } = row.message;
    Message { event_id, routing: Arc::new(routing), body }
}
