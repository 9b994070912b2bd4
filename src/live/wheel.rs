//! When each connection is to be looked at next: one wheel for all of them, instead of a timer each.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use crate::live::Connection;

/// Slots of a wheel; what is further away than a turn is looked at once more on the way.
const SLOTS: usize = 256;

/// Connections by the moment when they are to be looked at.
#[derive(Debug)]
pub struct Wheel {
    slots: Vec<Vec<Weak<Connection>>>,
    started: Instant,
    tick: Duration,
    /// The last tick that was taken out.
    turned: u64,
}

impl Wheel {
    /// Turns every `tick`.
    pub fn new(tick: Duration) -> Self {
        let slots = (0..SLOTS).map(|_| Vec::new()).collect();
        Self { slots, started: Instant::now(), tick, turned: 0 }
    }

    /// How often it is to be turned.
    pub const fn tick(&self) -> Duration {
        self.tick
    }

    /// Looks at this connection at that moment, not before.
    pub fn put(&mut self, connection: Weak<Connection>, at: Instant) {
        let tick = self.tick_of(at) + 1;
        let tick = tick.clamp(self.turned + 1, self.turned + SLOTS as u64 - 1);
        if let Some(slot) = self.slot(tick) {
            slot.push(connection);
        }
    }

    /// Everything that is due by now.
    pub fn turn(&mut self, now: Instant) -> Vec<Weak<Connection>> {
        let mut due = Vec::new();
        let until = self.tick_of(now);
        // After a long sleep one whole turn is enough.
        let from = (self.turned + 1).max(until.saturating_sub(SLOTS as u64 - 1));
        for tick in from..=until {
            if let Some(slot) = self.slot(tick) {
                due.append(slot);
                // Else the memory of the busiest moment would be kept in every slot.
                slot.shrink_to(slot.capacity() / 2);
            }
        }
        self.turned = self.turned.max(until);
        due
    }

    fn tick_of(&self, at: Instant) -> u64 {
        let ticks = at.duration_since(self.started).as_nanos() / self.tick.as_nanos().max(1);
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    fn slot(&mut self, tick: u64) -> Option<&mut Vec<Weak<Connection>>> {
        let slots = self.slots.len() as u64;
        self.slots.get_mut(usize::try_from(tick % slots).unwrap_or_default())
    }
}
