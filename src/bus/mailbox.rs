//! What waits for one reader of the in-process bus. A batch arrives as a whole: whoever takes events together gets it together.

use std::{collections::VecDeque, mem, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What waits for one reader.
#[derive(Debug)]
pub(in crate::bus) struct Mailbox {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    /// Told when there is room again.
    drained: Arc<Notify>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    bodies: VecDeque<Bytes>,
    lost: bool,
}

/// What a reader finds.
#[derive(Debug)]
pub(in crate::bus) enum Mail {
    /// A message.
    Message(Bytes),
    /// The reader has fallen behind by more than the capacity: the oldest messages are gone.
    Lost,
}

impl Mailbox {
    /// A mailbox for so many messages. `drained` is notified when half of them have been taken.
    pub fn new(capacity: usize, drained: Arc<Notify>) -> Self {
        Self { waiting: Mutex::default(), arrived: Notify::new(), drained, capacity }
    }

    /// How many messages can be put in before the oldest are lost.
    pub fn room(&self) -> usize {
        let waiting = self.waiting.lock();
        self.capacity.saturating_sub(waiting.bodies.len())
    }

    /// Puts a batch in.
    pub fn put(&self, batch: impl Iterator<Item = Bytes>) {
        let mut waiting = self.waiting.lock();
        waiting.bodies.extend(batch);
        while self.capacity < waiting.bodies.len() {
            waiting.bodies.pop_front();
            waiting.lost = true;
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// What is there already.
    pub fn try_next(&self) -> Option<Mail> {
        let mut waiting = self.waiting.lock();
        if mem::take(&mut waiting.lost) {
            return Some(Mail::Lost);
        }
        let body = waiting.bodies.pop_front()?;
        if waiting.bodies.len() == self.capacity / 2 {
            self.drained.notify_one();
        }
        Some(Mail::Message(body))
    }

    /// Waits for what comes next. May be cancelled without loss.
    pub async fn next(&self) -> Mail {
        loop {
            if let Some(mail) = self.try_next() {
                return mail;
            }
            self.arrived.notified().await;
        }
    }
}
