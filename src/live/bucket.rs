//! A token bucket: so many in a second, and twice as many at once.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// A bucket that refills by itself.
#[derive(Debug)]
pub struct Bucket {
    /// 0 for no bound.
    per_second: f64,
    level: Mutex<Level>,
}

#[derive(Debug)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full one. 0 for no bound.
    pub fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        let level = Level { tokens: 2.0 * per_second, at: Instant::now() };
        Self { per_second, level: Mutex::new(level) }
    }

    /// Whether there is one left.
    pub fn has_one(&self, now: Instant) -> bool {
        self.is_boundless() || 1.0 <= self.refilled(now).tokens
    }

    /// Takes one, if there is one left.
    pub fn take(&self, now: Instant) -> bool {
        if self.is_boundless() {
            return true;
        }
        let mut level = self.refilled(now);
        let taken = 1.0 <= level.tokens;
        if taken {
            level.tokens -= 1.0;
        }
        taken
    }

    fn is_boundless(&self) -> bool {
        self.per_second < 1.0
    }

    fn refilled(&self, now: Instant) -> MutexGuard<'_, Level> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let refill = now.duration_since(level.at).as_secs_f64() * self.per_second;
        level.tokens = (level.tokens + refill).min(2.0 * self.per_second);
        level.at = level.at.max(now);
        level
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_of_twice_the_rate_may_come_and_then_the_rate() {
        let bucket = Bucket::new(10);
        let now = Instant::now();
        let taken = |at| (0..100).filter(|_| bucket.take(at)).count();
        assert_eq!(taken(now), 20);
        assert!(!bucket.has_one(now));
        assert_eq!(taken(now + Duration::from_millis(500)), 5);
        // A clock that was read earlier gives nothing, and takes nothing away.
        assert_eq!(taken(now), 0);
        assert_eq!(taken(now + Duration::from_secs(1)), 5);
        assert_eq!(taken(now + Duration::from_hours(1)), 20);
    }

    #[test]
    fn nothing_is_refused_without_a_bound() {
        let bucket = Bucket::new(0);
        let now = Instant::now();
        assert!((0..1000).all(|_| bucket.has_one(now) && bucket.take(now)));
    }
}
