//! Leaves a failing neighbour alone for a while, then lets one call see whether it is back.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Decides who may call.
#[derive(Debug)]
pub struct Breaker {
    rest: Duration,
    /// Set from the first failure to the next success.
    resting_until: Mutex<Option<Instant>>,
}

impl Breaker {
    /// Lets everybody call, and for `rest` nobody after a failure.
    pub const fn new(rest: Duration) -> Self {
        Self { rest, resting_until: Mutex::new(None) }
    }

    /// Whether a call may be made now. After a rest this is true for one caller only, until that one has reported.
    pub fn admits(&self) -> bool {
        let mut resting_until = self.resting_until.lock();
        let now = Instant::now();
        match *resting_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                *resting_until = Some(now + self.rest);
                true
            }
        }
    }

    /// Whether the neighbour failed when it was last called.
    pub fn is_resting(&self) -> bool {
        self.resting_until.lock().is_some()
    }

    /// Reports a success. True if it ends a rest.
    pub fn succeeded(&self) -> bool {
        self.resting_until.lock().take().is_some()
    }

    /// Reports a failure. True if it is the first one.
    pub fn failed(&self) -> bool {
        self.resting_until.lock().replace(Instant::now() + self.rest).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_calls_rest_and_then_one_goes_first() {
        let breaker = Breaker::new(Duration::from_secs(1));
        assert!(breaker.admits());
        assert!(breaker.failed());
        assert!(!breaker.failed());
        assert!(!breaker.admits());
        tokio::time::advance(Duration::from_millis(1001)).await;
        assert!(breaker.admits());
        assert!(!breaker.admits());
        assert!(breaker.is_resting());
        assert!(breaker.succeeded());
        assert!(breaker.admits());
        assert!(breaker.admits());
    }
}
