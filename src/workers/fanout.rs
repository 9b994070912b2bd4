//! Bus → hub: gives every event to the screens of this node, and heals gaps from the store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use jiff::Timestamp;
use metrics::histogram;

use crate::{
    app::{App, events, tracking},
    base::clock,
    bus::{FeedItem, NodeFeed},
    domain::{Envelope, Order},
    live::Event,
    store,
    telemetry::metric,
    workers::{Step, Worker},
};

/// Items taken from the feed in one step.
const BURST: usize = 256;

/// Events shown together. More would keep the first of them waiting.
const SHOWN_AT_ONCE: usize = 32;

/// Orders read at once while a gap is healed.
const PAGE: u32 = 200;

/// How much further back a gap is healed than it seems to reach: clocks differ, and an event is recorded before it is committed.
const MARGIN: Duration = Duration::from_secs(30);

/// Publishes to the hub of this node. There is one, as the hub wants one publisher.
pub struct Fanout {
    app: App,
    feed: NodeFeed,
    waiting: Option<FeedItem>,
    /// Decoded, and to be shown together: a socket that several of them are for gets them in one write.
    burst: Vec<Arc<Event>>,
    /// The newest moment that an event of the feed told of; gaps are healed from there.
    seen_until: Timestamp,
    heals: bool,
    /// The feed has lost touch.
    lost: bool,
    /// Committed events are not being published.
    stalled: bool,
    looked_at: Instant,
}

impl Fanout {
    /// Takes up the feed. Until its first word nobody knows what is missing, so the node counts as behind.
    pub fn new(app: App) -> Self {
        let now = app.clock.now();
        app.hub.fall_behind(now);
        let feed = app.bus.node_feed();
        Self {
            app,
            feed,
            waiting: None,
            burst: Vec::new(),
            seen_until: now,
            heals: false,
            lost: false,
            stalled: false,
            looked_at: Instant::now(),
        }
    }

    /// Takes an event into the burst; a word about the feed itself comes after everything before it.
    async fn take(&mut self, item: FeedItem) {
        match item {
            FeedItem::Message(body) => self.gather(&body).await,
            FeedItem::Lost => {
                self.show().await;
                self.lost = true;
                if self.app.hub.behind_since().is_none() {
                    tracing::warn!("events may be missing: the screens of this node are told");
                    self.app.hub.fall_behind(self.app.clock.now());
                }
            }
            FeedItem::Restored => {
                self.show().await;
                self.lost = false;
                self.heals = true;
            }
        }
    }

    async fn gather(&mut self, body: &Bytes) {
        let envelope: Envelope<Arc<Order>> = match events::read(body, Self::NAME) {
            Ok(Some(envelope)) => envelope,
            Ok(None) => return,
            Err(error) => {
                tracing::error!("a message on the bus is skipped: {error}");
                return;
            }
        };
        self.seen_until = self.seen_until.max(envelope.timestamp);
        let lag = self.app.clock.now().duration_since(envelope.timestamp).as_secs_f64();
        histogram!(metric::LIVE_LAG_SECONDS).record(lag.max(0.0));
        let event = Arc::new(Event::new(envelope));
        if let Err(error) = self.gather_elders(&event).await {
            tracing::warn!("an event came before its elders, which cannot be read: {error:#}");
        }
        self.burst.push(event);
        if SHOWN_AT_ONCE <= self.burst.len() {
            self.show().await;
        }
    }

    /// A relay that had to publish a batch twice may bring a newer event before an older one. The log has them all, in order.
    async fn gather_elders(&mut self, event: &Event) -> anyhow::Result<()> {
        // Only orders have a log. Of other subjects the newest state is enough.
        let Some(order) = event.order().map(|order| order.id) else { return Ok(()) };
        let id = event.subject().id;
        let gathered = self.burst.iter().rev().find(|it| it.subject().id == id);
        let known = gathered.map(|it| it.version()).or_else(|| self.app.hub.published(id));
        if known.is_none_or(|it| event.version() <= it + 1) {
            return Ok(());
        }
        let mut tx = self.app.db.read().await?;
        let events = tracking::events_of(&mut tx, order, Timestamp::MIN).await?;
        self.burst.extend(events.into_iter().filter(|it| it.version() < event.version()));
        Ok(())
    }

    /// The cache first: whoever subscribes between the two must not find less than what was published.
    async fn show(&mut self) {
        for event in &self.burst {
            if let Some(order) = event.order() {
                self.app.reads.follow(event);
                self.app.cache.put_local(order).await;
            }
        }
        self.app.hub.publish(&self.burst);
        self.burst.clear();
    }

    /// Publishes what the feed may have missed, from the log; what it has not missed, the hub drops.
    async fn heal(&mut self) -> anyhow::Result<()> {
        self.app.cache.forget_all_local();
        self.app.reads.forget();
        let since = clock::before(self.seen_until, MARGIN);
        // Taken over only at the end: what is healed first must not let a second attempt begin behind what is left.
        let mut newest = self.seen_until;
        let mut after = None;
        loop {
            let mut tx = self.app.db.read().await?;
            let (changed, last) = tracking::changed_since(&mut tx, since, after, PAGE).await?;
            drop(tx);
            for events in changed {
                for event in events {
                    newest = newest.max(event.envelope().timestamp);
                    self.burst.push(event);
                }
                self.show().await;
            }
            let Some(last) = last else { break };
            after = Some(last);
        }
        newest = newest.max(self.heal_other_subjects(since).await?);
        self.seen_until = newest;
        if !self.stalled {
            self.app.hub.catch_up();
        }
        Ok(())
    }

    /// Publishes the newest event of each subject without a log that has changed since; answers when the newest of all was recorded.
    async fn heal_other_subjects(&mut self, since: Timestamp) -> anyhow::Result<Timestamp> {
        let mut newest = since;
        let mut tx = self.app.db.read().await?;
        for body in store::latest_events::since(&mut tx, since).await? {
            if let Some(envelope) = events::read(&body, Self::NAME)? {
                let event = Event::new(envelope);
                newest = newest.max(event.envelope().timestamp);
                self.burst.push(Arc::new(event));
            }
        }
        drop(tx);
        self.show().await;
        Ok(newest)
    }

    /// The feed may be well and yet bring nothing, because nothing is published: what is committed waits in the outbox. What only waits for
    /// a durable consumer of this process does not count.
    async fn look_at_outbox(&mut self) {
        let patience = *self.app.config.live.behind_after;
        if self.looked_at.elapsed() < patience / 2 {
            return;
        }
        self.looked_at = Instant::now();
        let published = self.app.bus.published_through();
        // A store that cannot be asked takes no changes that could be missed.
        let Ok(mut tx) = self.app.db.read().await else { return };
        let Ok(rows) = store::outbox::peek(&mut tx, published, 1).await else { return };
        let now = self.app.clock.now();
        let oldest = rows.first().map(|row| row.message.created_at);
        let stalled = oldest.filter(|it| patience < now.duration_since(*it).unsigned_abs());
        if let Some(since) = stalled
            && self.app.hub.behind_since().is_none()
        {
            tracing::warn!("events are not published: the screens of this node are told");
            self.app.hub.fall_behind(since);
        }
        self.heals |= self.stalled && stalled.is_none() && !self.lost;
        self.stalled = stalled.is_some();
    }
}

impl Worker for Fanout {
    const NAME: &'static str = "fanout";

    async fn step(&mut self) -> anyhow::Result<Step> {
        self.look_at_outbox().await;
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
                break;
            }
        }
        self.show().await;
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
