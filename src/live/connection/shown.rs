//! What a connection's reader has been shown, as far as it may come once more.
//!
//! Behind open gates the publisher brings the events of an order in the order of their versions, each once, so nothing needs to be
//! remembered. While a gate is closed, or a snapshot is ahead of the publisher, something does.

use std::collections::HashMap;

use crate::domain::{OrderId, Version};

/// What has been shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// The newest version shown of an order, kept only while that version may still arrive once more.
    versions: HashMap<OrderId, Version>,
    /// The event that the publisher offered last: it offers one event once for each of its topics.
    offered: Option<(OrderId, Version)>,
    /// Subscriptions whose gate is closed.
    gates: u32,
}

impl Shown {
    /// Whether the publisher offers this event for the first time.
    pub fn offered(&mut self, order: OrderId, version: Version) -> bool {
        self.offered.replace((order, version)) != Some((order, version))
    }

    /// Whether this event is to be shown; from now on it has been.
    pub fn admits(&mut self, order: OrderId, version: Version) -> bool {
        if self.gates == 0 && self.versions.is_empty() {
            return true;
        }
        if self.versions.get(&order).is_some_and(|shown| version <= *shown) {
            return false;
        }
        if self.gates > 0 {
            // The same event may be held at a gate of this socket.
            self.versions.insert(order, version);
        } else {
            self.versions.remove(&order);
        }
        true
    }

    /// A gate closes.
    pub const fn gate_closed(&mut self) {
        self.gates += 1;
    }

    /// A snapshot showed these.
    pub fn by_snapshot(&mut self, shown: &[(OrderId, Version)]) {
        for (order, version) in shown {
            let known = self.versions.entry(*order).or_insert(*version);
            *known = (*known).max(*version);
        }
    }

    /// A gate opens. `published` tells whether a version has gone to everybody, so that it cannot come again.
    pub fn gate_opened(&mut self, published: impl Fn(OrderId, Version) -> bool) {
        self.gates = self.gates.saturating_sub(1);
        if self.gates == 0 {
            self.versions.retain(|order, version| !published(*order, *version));
            if self.versions.is_empty() {
                self.versions = HashMap::new();
            }
        }
    }
}
