//! A token bucket: so many in a second, and twice as many at once.

use std::time::Instant;

/// A bucket that refills by itself.
#[derive(Debug)]
pub struct Bucket {
    /// 0 for no bound.
    per_second: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full one. 0 for no bound.
    pub fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, tokens: 2.0 * per_second, at: Instant::now() }
    }

    /// Whether there is one left.
    pub fn has_one(&mut self, now: Instant) -> bool {
        let refill = now.duration_since(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + refill).min(2.0 * self.per_second);
        self.at = self.at.max(now);
        self.per_second < 1.0 || 1.0 <= self.tokens
    }

    /// Takes one, if there is one left.
    pub fn take(&mut self, now: Instant) -> bool {
        let taken = self.has_one(now);
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_of_twice_the_rate_may_come_and_then_the_rate() {
        let mut bucket = Bucket::new(10);
        let now = Instant::now();
        let taken = |bucket: &mut Bucket, at| (0..100).filter(|_| bucket.take(at)).count();
        assert_eq!(taken(&mut bucket, now), 20);
        assert!(!bucket.has_one(now));
        assert_eq!(taken(&mut bucket, now + Duration::from_millis(500)), 5);
        // A clock that was read earlier gives nothing, and takes nothing away.
        assert_eq!(taken(&mut bucket, now), 0);
        assert_eq!(taken(&mut bucket, now + Duration::from_secs(1)), 5);
        assert_eq!(taken(&mut bucket, now + Duration::from_hours(1)), 20);
    }

    #[test]
    fn nothing_is_refused_without_a_bound() {
        let mut bucket = Bucket::new(0);
        let now = Instant::now();
        assert!((0..1000).all(|_| bucket.has_one(now) && bucket.take(now)));
    }
}
