//! The bus of a process that is alone. The outbox table is the durable queue; this holds the bounded part of it that is in memory.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    base::tasks::Tasks,
    bus::{BusError, Message, Queue, State, mailbox::Mailbox},
    config,
};

/// So many answers wake the relay, even while others are still to come.
const ANSWERS: usize = 256;

/// The in-process bus. Clones share one.
#[derive(Clone, Debug)]
pub struct Local {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// A reader who falls behind by more than the capacity loses the oldest, and is told so.
    feeds: Mutex<Vec<Weak<Mailbox>>>,
    queues: Mutex<Vec<LocalQueue>>,
    progress: Arc<Notify>,
    /// The place in the outbox up to which the feeds were given everything.
    published_through: AtomicI64,
    capacity: usize,
    delivery_limit: u32,
    state: watch::Sender<State>,
    stop: CancellationToken,
}

impl Local {
    pub(in crate::bus) fn new(config: &config::Bus, tasks: &Tasks) -> Self {
        let shared = Shared {
            feeds: Mutex::default(),
            queues: Mutex::default(),
            progress: Arc::default(),
            published_through: AtomicI64::new(0),
            capacity: config.local_capacity,
            delivery_limit: config.delivery_limit,
            state: watch::Sender::default(),
            stop: tasks.stop().child_token(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(in crate::bus) fn subscribe(&self) -> Arc<Mailbox> {
        let mailbox =
            Arc::new(Mailbox::new(self.shared.capacity, Arc::clone(&self.shared.progress)));
        let mut feeds = self.shared.feeds.lock();
        feeds.retain(|feed| feed.strong_count() > 0);
        feeds.push(Arc::downgrade(&mailbox));
        mailbox
    }

    pub(in crate::bus) fn consume(&self, queue: Queue) -> LocalQueue {
        let mut queues = self.shared.queues.lock();
        if let Some(known) = queues.iter().find(|known| known.queue() == queue) {
            return known.clone();
        }
        let new = LocalQueue::new(queue, &self.shared);
        queues.push(new.clone());
        new
    }

    pub(in crate::bus) fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    pub(in crate::bus) fn stop(&self) -> CancellationToken {
        self.shared.stop.clone()
    }

    pub(in crate::bus) fn close(&self) {
        self.shared.stop.cancel();
    }

    /// How many messages every node feed can take before it loses the oldest, as far as `batch`; `None` while that is so few that a
    /// publisher should wait for more.
    pub fn room(&self, batch: usize) -> Option<usize> {
        let feeds = self.shared.feeds.lock();
        let room = feeds.iter().filter_map(Weak::upgrade).map(|mailbox| mailbox.room()).min();
        let room = room.unwrap_or(batch).min(batch);
        (room >= batch.min(self.shared.capacity / 2)).then_some(room)
    }

    /// Gives a batch to the node feeds, which never make the publisher wait. `through` is its last place in the outbox.
    pub fn publish(&self, messages: &[Message], through: i64) -> Result<(), BusError> {
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Closed);
        }
        let feeds = self.shared.feeds.lock();
        for mailbox in feeds.iter().filter_map(Weak::upgrade) {
            mailbox.put(messages.iter().map(|message| message.body.clone()));
        }
        self.shared.published_through.fetch_max(through, Ordering::AcqRel);
        Ok(())
    }

    /// The place in the outbox up to which the node feeds were given everything.
    pub fn published_through(&self) -> i64 {
        self.shared.published_through.load(Ordering::Acquire)
    }

    /// The durable queues that have a consumer.
    pub fn queues(&self) -> Vec<LocalQueue> {
        self.shared.queues.lock().clone()
    }

    /// Waits until answers should be collected, or a node feed has room again. May be cancelled without loss.
    pub async fn progress(&self) {
        self.shared.progress.notified().await;
    }
}

/// One durable consumer's queue: the messages that were taken from the outbox and are not answered yet, bounded by
/// `bus.local_capacity`. It outlives its consumers. Clones share one.
#[derive(Clone, Debug)]
pub struct LocalQueue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Queue,
    capacity: usize,
    delivery_limit: u32,
    jobs: Mutex<Jobs>,
    arrived: Notify,
    progress: Arc<Notify>,
    position: AtomicI64,
}

#[derive(Debug, Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// Put in, and not collected as answered yet.
    open: usize,
    answers: Vec<Answer>,
}

/// What a consumer answered to a message.
#[derive(Debug)]
pub struct Answer {
    /// The message's place in the outbox.
    pub seq: i64,
    /// The message and the reason, when it became a dead letter.
    pub dead: Option<(Message, String)>,
}

impl LocalQueue {
    fn new(queue: Queue, shared: &Shared) -> Self {
        Self(Arc::new(Inner {
            queue,
            capacity: shared.capacity,
            delivery_limit: shared.delivery_limit,
            jobs: Mutex::default(),
            arrived: Notify::new(),
            progress: Arc::clone(&shared.progress),
            position: AtomicI64::new(0),
        }))
    }

    /// Whose queue it is.
    pub fn queue(&self) -> Queue {
        self.0.queue
    }

    /// The place in the outbox up to which it has taken what it wants.
    pub fn position(&self) -> i64 {
        self.0.position.load(Ordering::Acquire)
    }

    /// Moves the position on.
    pub fn pass(&self, seq: i64) {
        self.0.position.fetch_max(seq, Ordering::AcqRel);
    }

    /// How many messages it can take.
    pub fn room(&self) -> usize {
        self.0.capacity.saturating_sub(self.0.jobs.lock().open)
    }

    /// Whether it can take so many messages, or half of what it can hold: reading fewer is not worth it.
    pub fn has_room_for(&self, messages: u32) -> bool {
        let wanted = usize::try_from(messages).unwrap_or(usize::MAX).min(self.0.capacity / 2);
        wanted <= self.room()
    }

    /// Messages that are not answered.
    pub fn unanswered(&self) -> usize {
        let jobs = self.0.jobs.lock();
        jobs.open.saturating_sub(jobs.answers.len())
    }

    /// Takes a message from its place in the outbox.
    pub fn put(&self, seq: i64, message: Message) {
        let mut jobs = self.0.jobs.lock();
        jobs.open += 1;
        jobs.waiting.push_back(Job { seq, message, attempt: 1 });
        drop(jobs);
        self.0.arrived.notify_one();
    }

    /// Collects the answers since the last time.
    pub fn answers(&self) -> Vec<Answer> {
        let mut jobs = self.0.jobs.lock();
        jobs.open = jobs.open.saturating_sub(jobs.answers.len());
        std::mem::take(&mut jobs.answers)
    }

    pub(in crate::bus) async fn next(&self) -> Job {
        loop {
            if let Some(job) = self.try_next() {
                return job;
            }
            self.0.arrived.notified().await;
        }
    }

    pub(in crate::bus) fn try_next(&self) -> Option<Job> {
        let mut jobs = self.0.jobs.lock();
        let job = jobs.waiting.pop_front();
        if !jobs.waiting.is_empty() {
            // Another consumer may be waiting, too.
            self.0.arrived.notify_one();
        }
        job
    }

    pub(in crate::bus) fn ack(&self, job: &Job) {
        self.answer(job.seq, None);
    }

    /// It comes again at once, before what is behind it; after the configured number of deliveries it is a dead letter.
    pub(in crate::bus) fn reject(&self, mut job: Job, why: &str) {
        if self.0.delivery_limit <= job.attempt {
            self.queue().count_dead(Some(job.message.event_id), why);
            self.dead_letter(job, why);
            return;
        }
        job.attempt += 1;
        self.0.jobs.lock().waiting.push_front(job);
        self.0.arrived.notify_one();
    }

    pub(in crate::bus) fn dead_letter(&self, job: Job, why: &str) {
        self.answer(job.seq, Some((job.message, why.to_owned())));
    }

    fn answer(&self, seq: i64, dead: Option<(Message, String)>) {
        let mut jobs = self.0.jobs.lock();
        jobs.answers.push(Answer { seq, dead });
        // Not for each: the relay removes what is answered from the outbox in one transaction.
        let wakes = jobs.answers.len() == jobs.open || jobs.answers.len().is_multiple_of(ANSWERS);
        drop(jobs);
        if wakes {
            self.0.progress.notify_one();
        }
    }
}

/// One message on its way to one consumer.
#[derive(Debug)]
pub(in crate::bus) struct Job {
    seq: i64,
    pub(in crate::bus) message: Message,
    /// Counts deliveries, from 1.
    pub(in crate::bus) attempt: u32,
}
