//! A node that goes away sends its sockets away one after the other, so that their return is no storm for those that stay.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use crate::{
    base::mint::Mint,
    live::{Close, Connection, Hub, ServerFrame},
};

/// How often those whose turn has come are closed.
const BATCH: Duration = Duration::from_millis(50);

/// The sockets that are still to go.
#[derive(Debug)]
pub struct Drain {
    begun: Instant,
    /// Who goes, and how long after the beginning.
    turns: VecDeque<(Duration, Weak<Connection>)>,
}

impl Drain {
    /// Refuses new sockets, and tells each open one when it will be closed: spread evenly over `window`, in an order that is drawn.
    /// Until then they are sent events as ever.
    pub fn begin(hub: &Hub, window: Duration, mint: &Mint) -> Self {
        hub.shut();
        let mut connections = hub.connections();
        connections.sort_by_cached_key(|_| draw(mint));
        let share = window / u32::try_from(connections.len()).unwrap_or(u32::MAX).max(1);
        let turns = (0_u32..).zip(&connections).map(|(place, connection)| {
            let after = share.saturating_mul(place);
            connection.send(&ServerFrame::Reconnect { after_ms: after.as_millis() });
            (after, Arc::downgrade(connection))
        });
        Self { begun: Instant::now(), turns: turns.collect() }
    }

    /// Closes those whose turn has come. Answers when to call again; `None` when nobody is left.
    pub fn step(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.duration_since(self.begun);
        while let Some((_, connection)) = self.turns.pop_front_if(|(after, _)| *after <= passed) {
            if let Some(connection) = connection.upgrade() {
                connection.close(Close::Shutdown);
            }
        }
        self.turns.retain(|(_, connection)| connection.strong_count() > 0);
        (!self.turns.is_empty()).then_some(BATCH)
    }

    /// How many sockets are left.
    pub fn left(&self) -> usize {
        self.turns.len()
    }
}

fn draw(mint: &Mint) -> [u8; 8] {
    let mut lot = [0; 8];
    mint.fill(&mut lot);
    lot
}
