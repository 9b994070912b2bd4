//! A circuit breaker: stops requests to a peer that keeps failing, then lets one probe find out whether it is back.

use std::{mem, time::Duration};

use jiff::Timestamp;

use crate::base::clock;

/// The state of a circuit.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// Requests pass.
    Closed,
    /// One probe is under way, or may be sent now.
    HalfOpen,
    /// No request passes.
    Open,
}

/// When a circuit opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct CircuitConfig {
    /// Consecutive failures that open it.
    pub failures: u32,
    /// How long it stays open.
    pub rest: Duration,
}

/// The circuit of one peer. The caller gives the time.
#[derive(Debug, Default)]
pub struct CircuitBreaker {
    failures: u32,
    /// Set while the circuit is not closed: no request passes before this time.
    open_until: Option<Timestamp>,
}

impl CircuitBreaker {
    /// Whether a request passes now; if not, the time of the next probe. After `rest` one probe passes. The next one passes when the
    /// first has reported, or after another `rest`.
    pub fn admit(&mut self, config: CircuitConfig, now: Timestamp) -> Result<(), Timestamp> {
        match self.open_until {
            None => Ok(()),
            Some(until) if now < until => Err(until),
            Some(_) => {
                self.open(config, now);
                Ok(())
            }
        }
    }

    /// Records a failure. Returns `true` if it opens a closed circuit.
    pub fn failed(&mut self, config: CircuitConfig, now: Timestamp) -> bool {
        self.failures = self.failures.saturating_add(1);
        let was_closed = self.open_until.is_none();
        if self.failures >= config.failures {
            self.open(config, now);
        }
        was_closed && self.open_until.is_some()
    }

    /// Records a success. Returns `true` if it closes the circuit.
    pub fn succeeded(&mut self) -> bool {
        mem::take(self).open_until.is_some()
    }

    /// Consecutive failures.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The present state.
    pub fn state(&self, now: Timestamp) -> CircuitState {
        match self.open_until {
            None => CircuitState::Closed,
            Some(until) if now < until => CircuitState::Open,
            Some(_) => CircuitState::HalfOpen,
        }
    }

    fn open(&mut self, config: CircuitConfig, now: Timestamp) {
        self.open_until = Some(clock::after(now, config.rest));
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    const CONFIG: CircuitConfig = CircuitConfig { failures: 3, rest: Duration::from_secs(10) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + seconds.seconds()
    }

    fn tripped() -> CircuitBreaker {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..3 {
            assert_eq!(breaker.admit(CONFIG, at(0)), Ok(()));
            breaker.failed(CONFIG, at(0));
        }
        breaker
    }

    #[test]
    fn consecutive_failures_open_a_circuit_and_fewer_do_not() {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..2 {
            breaker.failed(CONFIG, at(0));
        }
        assert_eq!(breaker.state(at(0)), CircuitState::Closed);
        assert_eq!(breaker.admit(CONFIG, at(0)), Ok(()));
        assert_eq!(tripped().admit(CONFIG, at(9)), Err(at(10)));
        assert_eq!(tripped().state(at(9)), CircuitState::Open);
    }

    #[test]
    fn after_the_rest_one_probe_decides_for_all() {
        let mut breaker = tripped();
        assert_eq!(breaker.state(at(10)), CircuitState::HalfOpen);
        assert_eq!(breaker.admit(CONFIG, at(10)), Ok(()));
        assert_eq!(breaker.admit(CONFIG, at(11)), Err(at(20)));
        breaker.failed(CONFIG, at(12));
        assert_eq!(breaker.admit(CONFIG, at(21)), Err(at(22)));
        assert_eq!(breaker.admit(CONFIG, at(22)), Ok(()));
    }

    #[test]
    fn a_probe_that_never_reports_is_followed_by_another() {
        let mut breaker = tripped();
        assert_eq!(breaker.admit(CONFIG, at(10)), Ok(()));
        assert_eq!(breaker.admit(CONFIG, at(20)), Ok(()));
    }

    #[test]
    fn a_circuit_that_one_failure_opens_is_closed_by_one_success() {
        let config = CircuitConfig { failures: 1, rest: Duration::from_secs(1) };
        let mut breaker = CircuitBreaker::default();
        assert!(breaker.admit(config, at(0)).is_ok());
        assert!(breaker.failed(config, at(0)));
        assert!(!breaker.failed(config, at(0)));
        assert!(breaker.admit(config, at(0)).is_err());
        assert!(breaker.admit(config, at(1)).is_ok());
        assert!(breaker.admit(config, at(1)).is_err());
        assert_ne!(breaker.state(at(1)), CircuitState::Closed);
        assert!(breaker.succeeded());
        assert!(breaker.admit(config, at(1)).is_ok());
        assert!(breaker.admit(config, at(1)).is_ok());
    }
}
