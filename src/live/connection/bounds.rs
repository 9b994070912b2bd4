//! What the connections of a hub may keep waiting, each and all together.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// A queue over its bound may grow so many times as long while its reader still reads.
const PATIENCE_FACTOR: usize = 4;

/// The bounds of every connection of a hub, and the memory that they take together.
#[derive(Debug)]
pub struct Bounds {
    /// Bytes that wait for one connection, before newer state replaces older.
    pub queue_bytes: usize,
    /// How long a reader over its bound may go without taking a byte.
    pub slow_after: Duration,
    /// Events held at one gate.
    pub gate_events: usize,
    waiting: AtomicUsize,
}

impl Bounds {
    /// With nothing waiting.
    pub const fn new(queue_bytes: usize, slow_after: Duration, gate_events: usize) -> Self {
        Self { queue_bytes, slow_after, gate_events, waiting: AtomicUsize::new(0) }
    }

    /// The most that ever waits for one connection, in bytes.
    pub const fn most_bytes(&self) -> usize {
        self.queue_bytes.saturating_mul(PATIENCE_FACTOR)
    }

    /// Memory that waits for all connections, in bytes. What they share, events, does not count.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A connection's share was `before` and is `now`.
    pub(super) fn changed(&self, before: usize, now: usize) {
        if before != now {
            self.waiting.fetch_add(now, Ordering::Relaxed);
            self.waiting.fetch_sub(before, Ordering::Relaxed);
        }
    }
}
