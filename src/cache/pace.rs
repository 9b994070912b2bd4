//! How fast we may write: to all people together, and to each of them. In this process, or through Redis for all.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::base::clock;

/// People remembered before those are forgotten who may be written to anyhow.
const MANY: usize = 10_000;

/// How fast we may write from one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From one message to the next.
    pub every: Duration,
    /// From one message to the same person to the next.
    pub pair_every: Duration,
    /// How far ahead a turn may be given.
    pub horizon: Duration,
}

/// A message's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// After so long, which is at most the horizon. It has been given, whether it is used or not.
    After(Duration),
    /// This person was written to a moment ago: ask again after so long.
    NotBefore(Duration),
    /// All turns within the horizon are given, to whomever: ask again after so long.
    Full(Duration),
}

/// Turns given by this process alone.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<HashMap<String, Lane>>>);

/// What was given for one number.
#[derive(Debug, Default)]
struct Lane {
    next: Timestamp,
    people: HashMap<String, Timestamp>,
}

impl Turns {
    /// Gives a turn to each of these people, in their order.
    pub fn give(&self, number: &str, pace: Pace, people: &[&str], now: Timestamp) -> Vec<Turn> {
        let mut lanes = self.0.lock();
        let lane = lanes.entry(number.to_owned()).or_default();
        if MANY < lane.people.len() {
            lane.people.retain(|_, until| now < *until);
        }
        people.iter().map(|it| lane.give(pace, it, now)).collect()
    }
}

impl Lane {
    fn give(&mut self, pace: Pace, person: &str, now: Timestamp) -> Turn {
        let until = self.people.get(person).copied().unwrap_or(now);
        if now < until {
            return Turn::NotBefore(between(now, until));
        }
        let turn = self.next.max(now);
        let wait = between(now, turn);
        if pace.horizon < wait {
            return Turn::Full(wait.saturating_sub(pace.horizon));
        }
        self.next = clock::after(turn, pace.every);
        self.people.insert(person.to_owned(), clock::after(turn, pace.pair_every));
        Turn::After(wait)
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        every: Duration::from_millis(100),
        pair_every: Duration::from_secs(6),
        horizon: Duration::from_millis(250),
    };

    fn after(millis: u64) -> Turn {
        Turn::After(Duration::from_millis(millis))
    }

    fn not_before(millis: u64) -> Turn {
        Turn::NotBefore(Duration::from_millis(millis))
    }

    #[test]
    fn turns_follow_each_other_and_nobody_gets_two_at_once() {
        let turns = Turns::default();
        let now = Timestamp::UNIX_EPOCH;
        let given = turns.give("n", PACE, &["a", "b", "a", "c", "d"], now);
        let full = Turn::Full(Duration::from_millis(50));
        assert_eq!(given, [after(0), after(100), not_before(6000), after(200), full]);
        // Another number has turns of its own.
        assert_eq!(turns.give("m", PACE, &["a"], now), [after(0)]);
        let soon = now + jiff::SignedDuration::from_millis(5999);
        assert_eq!(turns.give("n", PACE, &["a"], soon), [not_before(1)]);
        let then = now + jiff::SignedDuration::from_secs(6);
        assert_eq!(turns.give("n", PACE, &["a", "e"], then), [after(0), after(100)]);
    }
}
