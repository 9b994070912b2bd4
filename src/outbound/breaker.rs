//! Leaves a host alone that has failed several times in a row, then lets one request see whether it is back.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::vocabulary;

vocabulary! {
    /// Whether a host may be asked.
    pub enum Standing {
        /// It may.
        Closed = "closed",
        /// One request is on its way to see whether it is back, or may go now.
        HalfOpen = "half_open",
        /// It is left alone.
        Open = "open",
    }
}

/// What trips a breaker, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open.
    pub rest: Duration,
}

/// Decides who may ask one host. The time is given, so that a test can hold it still. A host that answers needs none: drop it.
#[derive(Debug, Default)]
pub struct Breaker {
    failures: u32,
    /// Set while it is not closed: until then nobody may ask.
    resting_until: Option<Timestamp>,
}

impl Breaker {
    /// Whether the host may be asked now; else from when on. After a rest that is so for one request only, until it has reported, or
    /// for another rest.
    pub fn admit(&mut self, tolerance: Tolerance, now: Timestamp) -> Result<(), Timestamp> {
        match self.resting_until {
            None => Ok(()),
            Some(until) if now < until => Err(until),
            Some(_) => {
                self.resting_until = Some(later(now, tolerance.rest));
                Ok(())
            }
        }
    }

    /// The host failed.
    pub fn failed(&mut self, tolerance: Tolerance, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if tolerance.failures <= self.failures {
            self.resting_until = Some(later(now, tolerance.rest));
        }
    }

    /// How often the host has failed in a row.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How it stands.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.resting_until {
            None => Standing::Closed,
            Some(until) if now < until => Standing::Open,
            Some(_) => Standing::HalfOpen,
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    const TOLERANCE: Tolerance = Tolerance { failures: 3, rest: Duration::from_secs(10) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + seconds.seconds()
    }

    fn tripped() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            assert_eq!(breaker.admit(TOLERANCE, at(0)), Ok(()));
            breaker.failed(TOLERANCE, at(0));
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_fewer_do_not() {
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            breaker.failed(TOLERANCE, at(0));
        }
        assert_eq!(breaker.standing(at(0)), Standing::Closed);
        assert_eq!(breaker.admit(TOLERANCE, at(0)), Ok(()));
        assert_eq!(tripped().admit(TOLERANCE, at(9)), Err(at(10)));
        assert_eq!(tripped().standing(at(9)), Standing::Open);
    }

    #[test]
    fn after_the_rest_one_goes_first_and_what_it_finds_counts_for_all() {
        let mut breaker = tripped();
        assert_eq!(breaker.standing(at(10)), Standing::HalfOpen);
        assert_eq!(breaker.admit(TOLERANCE, at(10)), Ok(()));
        assert_eq!(breaker.admit(TOLERANCE, at(11)), Err(at(20)));
        breaker.failed(TOLERANCE, at(12));
        assert_eq!(breaker.admit(TOLERANCE, at(21)), Err(at(22)));
        assert_eq!(breaker.admit(TOLERANCE, at(22)), Ok(()));
    }

    #[test]
    fn a_probe_that_never_reports_does_not_close_the_door_for_ever() {
        let mut breaker = tripped();
        assert_eq!(breaker.admit(TOLERANCE, at(10)), Ok(()));
        assert_eq!(breaker.admit(TOLERANCE, at(20)), Ok(()));
    }
}
