//! Outbox → the queues of this process. The outbox is the durable queue: each consumer has its own position in it, so one that is slow or
//! stuck holds up neither the screens nor the others.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use metrics::counter;

use crate::{
    app::App,
    bus::{Local, LocalQueue, Message, Queue},
    store::{
        self, Tx,
        dead_letters::DeadLetter,
        outbox::{self, OutboxRow},
    },
    telemetry::metric,
    workers::{
        Step,
        relay::{message, remember},
    },
};

/// On PostgreSQL a place in the outbox is taken before the commit, so an event may appear behind the positions. So often the outbox is
/// looked through for such events, so many places at once.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const SWEEP: u32 = 10_000;

/// How far the screens and each durable queue are. In memory only: after a restart, what is still in the outbox is published again to all,
/// and consumers are idempotent.
#[derive(Debug, Default)]
pub struct Positions {
    /// Up to where the screens were given everything.
    published: i64,
    /// When the outbox was last looked through for what appeared behind that, and up to which place; 0 for the whole of it.
    swept_at: Option<Instant>,
    swept_through: i64,
    lanes: Vec<Lane>,
    /// Since when a feed of the screens has been full.
    full_since: Option<Instant>,
    /// Places that all are done with, to be removed.
    done: BTreeSet<i64>,
    /// Dead letters, to be stored.
    dead: Vec<(Queue, Message, String)>,
}

/// One durable queue. It is done with a place that is not behind its position and not among the unanswered.
#[derive(Debug)]
struct Lane {
    queue: LocalQueue,
    unanswered: BTreeSet<i64>,
}

impl Positions {
    /// One step: writes down what was answered, publishes what is new, and lets queues that were full catch up. With `only_progress` of
    /// consumers nothing is new.
    pub async fn relay(
        &mut self,
        app: &App,
        local: &Local,
        only_progress: bool,
    ) -> anyhow::Result<Step> {
        for queue in local.queues().into_iter().skip(self.lanes.len()) {
            self.lanes.push(Lane { queue, unanswered: BTreeSet::new() });
        }
        self.settle(app).await?;
        let mut is_idle = true;
        if !only_progress || self.full_since.is_some() {
            let rows = self.read(app, local).await?;
            is_idle = rows.is_empty();
            self.publish(app, local, rows).await?;
        }
        is_idle &= !self.catch_up(app).await?;
        Ok(if is_idle { Step::Idle } else { Step::Worked })
    }

    /// Collects answers, stores dead letters, and removes from the outbox what all are done with.
    pub async fn settle(&mut self, app: &App) -> anyhow::Result<()> {
        let mut answered = Vec::new();
        for lane in &mut self.lanes {
            for answer in lane.queue.answers() {
                lane.unanswered.remove(&answer.seq);
                answered.push(answer.seq);
                if let Some((message, error)) = answer.dead {
                    self.dead.push((lane.queue.queue(), message, error));
                }
            }
        }
        self.find_done(answered);
        if self.done.is_empty() && self.dead.is_empty() {
            return Ok(());
        }
        let mut tx = app.db.begin().await?;
        if self.dead.is_empty() {
            outbox::may_come_back(&mut tx).await?;
        }
        let now = app.clock.now();
        for (queue, message, error) in &self.dead {
            let letter = DeadLetter {
                id: app.mint.uuid(now),
                queue: queue.as_str().to_owned(),
                body: message.body.clone(),
                error: error.clone(),
                died_at: now,
            };
            store::dead_letters::put(&mut tx, &letter).await?;
        }
        let done: Vec<_> = self.done.iter().copied().collect();
        outbox::remove(&mut tx, &done).await?;
        tx.commit().await?;
        self.done.clear();
        self.dead.clear();
        Ok(())
    }

    /// What is new, and what has appeared in gaps; nothing while a feed of the screens is full. That takes a moment, or the screens are stuck.
    async fn read(&mut self, app: &App, local: &Local) -> anyhow::Result<Vec<OutboxRow>> {
        let batch = app.config.workers.relay_batch;
        let room = local.room(batch as usize);
        if room.is_some() {
            self.full_since = None;
        } else {
            let full_since = *self.full_since.get_or_insert_with(Instant::now);
            if full_since.elapsed() < *app.config.bus.timeout {
                return Ok(Vec::new());
            }
        }
        let limit = room.and_then(|room| u32::try_from(room).ok()).unwrap_or(batch);
        let mut tx = app.db.read().await?;
        let mut rows = self.sweep(&mut tx).await?;
        rows.extend(outbox::peek(&mut tx, self.published, limit).await?);
        Ok(rows)
    }

    /// Events that have appeared behind the positions: nobody was given them, and nobody waits for them.
    async fn sweep(&mut self, tx: &mut Tx) -> anyhow::Result<Vec<OutboxRow>> {
        if self.swept_at.is_some_and(|at| at.elapsed() < SWEEP_EVERY) {
            return Ok(Vec::new());
        }
        self.swept_at = Some(Instant::now());
        let places = outbox::places(tx, (self.swept_through, self.published), SWEEP).await?;
        let is_last = places.len() < SWEEP as usize;
        self.swept_through = places.last().copied().filter(|_| !is_last).unwrap_or(0);
        let is_passed = |place: &i64| {
            !self.done.contains(place) && self.lanes.iter().all(|lane| lane.is_done_with(*place))
        };
        let passed: Vec<_> = places.into_iter().filter(is_passed).collect();
        Ok(outbox::at(tx, &passed).await?)
    }

    /// Gives events to the screens, and to each queue that has had all before them and has room.
    async fn publish(
        &mut self,
        app: &App,
        local: &Local,
        rows: Vec<OutboxRow>,
    ) -> anyhow::Result<()> {
        let places: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let Some(last) = places.last() else { return Ok(()) };
        let messages: Vec<_> = rows.into_iter().map(message).collect();
        let before = self.published;
        local.publish(&messages, *last)?;
        self.published = before.max(*last);
        for lane in &mut self.lanes {
            lane.take_new(&places, &messages, before);
        }
        self.find_done(places.iter().copied());
        counter!(metric::RELAY_PUBLISHED).increment(places.len() as u64);
        remember(app, &messages).await;
        Ok(())
    }

    /// Reads on for the queues that were full; answers whether any has taken something.
    async fn catch_up(&mut self, app: &App) -> anyhow::Result<bool> {
        let (limit, mut passed) = (app.config.workers.relay_batch, Vec::new());
        for lane in &mut self.lanes {
            if self.published <= lane.queue.position() || !lane.queue.has_room_for(limit) {
                continue;
            }
            let mut tx = app.db.read().await?;
            let rows = outbox::peek(&mut tx, lane.queue.position(), limit).await?;
            drop(tx);
            // What is newer comes with what the screens are given next.
            let published: Vec<_> =
                rows.into_iter().filter(|row| row.seq <= self.published).collect();
            let is_last = published.len() < limit as usize;
            let all_taken = published.into_iter().all(|row| {
                passed.push(row.seq);
                lane.take(row.seq, message(row))
            });
            if is_last && all_taken {
                lane.queue.pass(self.published);
            }
        }
        let any = !passed.is_empty();
        self.find_done(passed);
        Ok(any)
    }

    fn find_done(&mut self, places: impl IntoIterator<Item = i64>) {
        let is_done = |place: &i64| self.lanes.iter().all(|lane| lane.is_done_with(*place));
        self.done.extend(places.into_iter().filter(is_done));
    }
}

impl Lane {
    fn is_done_with(&self, place: i64) -> bool {
        place <= self.queue.position() && !self.unanswered.contains(&place)
    }

    /// Takes what was read for the screens, which were at `before`.
    fn take_new(&mut self, places: &[i64], messages: &[Message], before: i64) {
        let mut is_level = self.queue.position() == before;
        for (place, message) in places.iter().copied().zip(messages) {
            if place <= before {
                // It has appeared late. A queue that is not so far finds it by itself.
                if place <= self.queue.position() && self.wants(message) {
                    self.unanswered.insert(place);
                    self.queue.put(place, message.clone());
                }
            } else if is_level {
                is_level = self.take(place, message.clone());
            }
        }
    }

    fn wants(&self, message: &Message) -> bool {
        self.queue.queue().wants(&message.routing.event_type)
    }

    /// Passes one place, and takes the message if it wants it; `false` when there is no room.
    fn take(&mut self, place: i64, message: Message) -> bool {
        if self.wants(&message) {
            if self.queue.room() == 0 {
                return false;
            }
            self.unanswered.insert(place);
            self.queue.put(place, message);
        }
        self.queue.pass(place);
        true
    }
}
