//! The bus of a process that is alone: the outbox makes it durable, so it keeps nothing itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    base::tasks::Tasks,
    bus::{BusError, DeadLetter, Message, Published, Queue, State, mailbox::Mailbox},
    config,
};

/// The in-process bus. Clones share one.
#[derive(Clone, Debug)]
pub struct Local {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// A reader who falls behind by more than the capacity loses the oldest, and is told so.
    feeds: Mutex<Vec<Weak<Mailbox>>>,
    queues: Mutex<HashMap<Queue, LocalQueue>>,
    capacity: usize,
    delivery_limit: u32,
    timeout: Duration,
    state: watch::Sender<State>,
    stop: CancellationToken,
}

impl Local {
    pub(in crate::bus) fn new(config: &config::Bus, tasks: &Tasks) -> Self {
        let shared = Shared {
            feeds: Mutex::default(),
            queues: Mutex::default(),
            capacity: config.local_capacity,
            delivery_limit: config.delivery_limit,
            timeout: *config.timeout,
            state: watch::Sender::default(),
            stop: tasks.stop().child_token(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(in crate::bus) fn subscribe(&self) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new(self.shared.capacity));
        let mut feeds = self.shared.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|it| it.strong_count() > 0);
        feeds.push(Arc::downgrade(&mailbox));
        mailbox
    }

    pub(in crate::bus) fn consume(&self, queue: Queue) -> LocalQueue {
        let mut queues = self.shared.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(queue).or_insert_with(|| LocalQueue::new(self.shared.capacity)).clone()
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

    pub(in crate::bus) async fn publish(
        &self,
        messages: &[Message],
    ) -> Result<Published, BusError> {
        let timeout = self.shared.timeout;
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Err(BusError::Closed),
            dead = self.deliver(messages) => Ok(Published { dead }),
            () = tokio::time::sleep(timeout) => Err(BusError::Timeout(timeout)),
        }
    }

    fn feed(&self, messages: &[Message]) {
        let feeds = self.shared.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        for mailbox in feeds.iter().filter_map(Weak::upgrade) {
            mailbox.put(messages.iter().map(|it| it.body.clone()));
        }
    }

    async fn deliver(&self, messages: &[Message]) -> Vec<DeadLetter> {
        self.feed(messages);
        let queues: Vec<_> = {
            let queues = self.shared.queues.lock().unwrap_or_else(PoisonError::into_inner);
            queues.iter().map(|(queue, jobs)| (*queue, jobs.clone())).collect()
        };
        let limit = self.shared.delivery_limit;
        let deliveries = queues.iter().map(|(queue, jobs)| jobs.deliver(*queue, messages, limit));
        join_all(deliveries).await.into_iter().flatten().collect()
    }
}

/// One durable consumer's queue. It outlives its consumers: what they leave is taken by the next one, or published again.
#[derive(Clone, Debug)]
pub(in crate::bus) struct LocalQueue {
    /// Full, it makes the publisher wait, which makes the outbox grow.
    jobs: mpsc::Sender<Job>,
    waiting: Arc<tokio::sync::Mutex<mpsc::Receiver<Job>>>,
}

impl LocalQueue {
    fn new(capacity: usize) -> Self {
        let (jobs, waiting) = mpsc::channel(capacity);
        Self { jobs, waiting: Arc::new(tokio::sync::Mutex::new(waiting)) }
    }

    pub(in crate::bus) async fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock().await;
        loop {
            let job = waiting.recv().await?;
            if job.is_awaited() {
                return Some(job);
            }
        }
    }

    pub(in crate::bus) fn try_next(&self) -> Option<Job> {
        let mut waiting = self.waiting.try_lock().ok()?;
        loop {
            let job = waiting.try_recv().ok()?;
            if job.is_awaited() {
                return Some(job);
            }
        }
    }

    /// Hands every message over until it is acknowledged or dead.
    async fn deliver(&self, queue: Queue, messages: &[Message], limit: u32) -> Vec<DeadLetter> {
        let wanted: Vec<_> = messages.iter().filter(|it| queue.wants(it.event_type)).collect();
        // Every job has at most one answer on its way, so this never fills up.
        let (answers, mut answered) = mpsc::channel(wanted.len().max(1));
        for message in &wanted {
            self.hand_over(Job {
                message: (*message).clone(),
                attempt: 1,
                answers: answers.clone(),
            })
            .await;
        }
        let mut dead = Vec::new();
        let mut open = wanted.len();
        while open > 0 {
            match answered.recv().await {
                Some(Answer::Rejected(mut job, _)) if job.attempt < limit => {
                    job.attempt += 1;
                    self.hand_over(job).await;
                }
                Some(Answer::Rejected(job, error)) => {
                    dead.push(DeadLetter { queue, message: job.message, error });
                    open -= 1;
                }
                Some(Answer::Acknowledged) | None => open -= 1,
            }
        }
        dead
    }

    async fn hand_over(&self, job: Job) {
        // Cannot fail: `waiting` lives as long as `self`.
        let _never = self.jobs.send(job).await;
    }
}

/// One message on its way to one consumer.
#[derive(Debug)]
pub(in crate::bus) struct Job {
    pub(in crate::bus) message: Message,
    /// Counts deliveries, from 1.
    pub(in crate::bus) attempt: u32,
    answers: mpsc::Sender<Answer>,
}

#[derive(Debug)]
enum Answer {
    Acknowledged,
    Rejected(Job, String),
}

impl Job {
    pub(in crate::bus) fn ack(self) {
        let _given_up = self.answers.try_send(Answer::Acknowledged);
    }

    pub(in crate::bus) fn reject(self, why: &str) {
        let answers = self.answers.clone();
        let _given_up = answers.try_send(Answer::Rejected(self, why.to_owned()));
    }

    /// Whether its publisher still waits; one that has given up will publish the message again.
    fn is_awaited(&self) -> bool {
        !self.answers.is_closed()
    }
}
