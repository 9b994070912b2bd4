//! Bus → hub: gives every event to the screens of this node, and heals gaps from the store.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use jiff::Timestamp;
use metrics::histogram;

use crate::{
    app::{App, tracking},
    base::cursor::Cursor,
    bus::{FeedItem, NodeFeed},
    domain::{Envelope, Order},
    live::Event,
    store,
    telemetry::metric,
    workers::{Step, Worker},
};

/// Items taken from the feed in one step.
const BURST: usize = 256;

/// Orders read at once while a gap is healed.
const PAGE: u32 = 200;

/// How much further back a gap is healed than it seems to reach: clocks differ, and an event is recorded before it is committed.
const MARGIN: Duration = Duration::from_secs(30);

/// Publishes to the hub of this node. There is one, as the hub wants one publisher.
pub struct Fanout {
    app: App,
    feed: NodeFeed,
    waiting: Option<FeedItem>,
    /// The newest moment that an event of the feed told of; gaps are healed from there.
    seen_until: Timestamp,
    heals: bool,
}

impl Fanout {
    /// Takes up the feed. Until its first word nobody knows what is missing, so the node counts as behind.
    pub fn new(app: App) -> Self {
        let now = app.clock.now();
        app.hub.fall_behind(now);
        Self { feed: app.bus.node_feed(), app, waiting: None, seen_until: now, heals: false }
    }

    async fn take(&mut self, item: FeedItem) {
        match item {
            FeedItem::Message(body) => self.publish(&body).await,
            FeedItem::Lost => {
                tracing::warn!("events may be missing: the screens of this node are told");
                if self.app.hub.behind_since().is_none() {
                    self.app.hub.fall_behind(self.app.clock.now());
                }
            }
            FeedItem::Restored => self.heals = true,
        }
    }

    async fn publish(&mut self, body: &Bytes) {
        let envelope: Envelope<Order> = match serde_json::from_slice(body) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::error!("a message on the bus is no event: {error}");
                return;
            }
        };
        self.seen_until = self.seen_until.max(envelope.timestamp);
        let lag = self.app.clock.now().duration_since(envelope.timestamp).as_secs_f64();
        histogram!(metric::LIVE_LAG_SECONDS).record(lag.max(0.0));
        let event = Arc::new(Event::new(envelope));
        if let Err(error) = self.fill_in_before(&event).await {
            tracing::warn!("an event came before its elders, which cannot be read: {error:#}");
        }
        self.show(&event).await;
    }

    /// A relay that had to publish a batch twice may bring a newer event before an older one. The log has them all, in order.
    async fn fill_in_before(&self, event: &Event) -> anyhow::Result<()> {
        let order = event.order_id();
        let Some(published) = self.app.hub.published(order) else { return Ok(()) };
        if event.version() <= published + 1 {
            return Ok(());
        }
        let mut tx = self.app.db.read().await?;
        for elder in tracking::events_of(&mut tx, order, Timestamp::MIN).await? {
            if elder.version() < event.version() {
                self.show(&elder).await;
            }
        }
        Ok(())
    }

    /// The cache first: whoever subscribes between the two must not find less than what was published.
    async fn show(&self, event: &Arc<Event>) {
        self.app.cache.put_local(&Arc::new(event.order().clone())).await;
        self.app.hub.publish(event);
    }

    /// Publishes what the feed may have missed, from the log; what it has not missed, the hub drops.
    async fn heal(&mut self) -> anyhow::Result<()> {
        self.app.cache.forget_all_local();
        let since = self.seen_until.saturating_sub(MARGIN).unwrap_or(self.seen_until);
        let mut after = None;
        loop {
            let mut tx = self.app.db.read().await?;
            let orders = store::orders::changed_since(&mut tx, since, after, PAGE).await?;
            for order in &orders {
                for event in tracking::events_of(&mut tx, order.id, since).await? {
                    self.seen_until = self.seen_until.max(event.envelope().timestamp);
                    self.show(&event).await;
                }
            }
            drop(tx);
            let Some(last) = orders.last() else { break };
            after = Some(Cursor { at: last.updated_at, id: last.id.uuid() });
        }
        self.app.hub.catch_up();
        Ok(())
    }
}

impl Worker for Fanout {
    const NAME: &'static str = "fanout";

    async fn step(&mut self) -> anyhow::Result<Step> {
        if self.heals {
            self.heal().await.context("cannot heal a gap in the events")?;
            self.heals = false;
        }
        let mut taken = 0;
        while taken < BURST {
            let Some(item) = self.waiting.take().or_else(|| self.feed.try_next()) else { break };
            self.take(item).await;
            taken += 1;
            if self.heals {
                return Ok(Step::Worked);
            }
        }
        Ok(if taken == 0 { Step::Idle } else { Step::Worked })
    }

    async fn wait(&mut self) {
        match self.feed.next().await {
            Some(item) => self.waiting = Some(item),
            // The bus is closed: the end is near.
            None => std::future::pending().await,
        }
    }
}
