//! How many attempts are under way, in all and by what they share a limit with.

use std::{collections::HashMap, hash::Hash};

/// Attempts under way. A partition is what shares a limit of its own: a partner, an endpoint, a channel.
#[derive(Debug)]
pub struct Load<P> {
    capacity: usize,
    total: usize,
    partitions: HashMap<P, usize>,
}

impl<P: Clone + Eq + Hash> Load<P> {
    /// None yet, and no more than this at once.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, total: 0, partitions: HashMap::new() }
    }

    /// How many are under way.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// How many more may begin.
    pub const fn free(&self) -> usize {
        self.capacity.saturating_sub(self.total)
    }

    /// How many of one partition are under way.
    pub fn of(&self, partition: &P) -> usize {
        self.partitions.get(partition).copied().unwrap_or_default()
    }

    /// One more.
    pub fn began(&mut self, partition: P) {
        self.total += 1;
        *self.partitions.entry(partition).or_default() += 1;
    }

    /// One fewer.
    pub fn ended(&mut self, partition: &P) {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.partitions.get_mut(partition) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.partitions.remove(partition);
            }
        }
    }
}
