//! Where the time comes from: the machine, corrected by the database of a cluster, or a test that holds it still.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, TimestampArithmetic};

/// The moment that lies this much after another, at most the latest there is.
pub fn after(at: Timestamp, by: impl Into<TimestampArithmetic>) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// The moment that lies this much before another, at least the earliest there is.
pub fn before(at: Timestamp, by: impl Into<TimestampArithmetic>) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// Hands out moments in whole microseconds: PostgreSQL keeps no finer, and what is stored must equal what was sent.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// The machine's, and what it lacks to the clock that a cluster goes by.
    Synced(Arc<Synced>),
    /// Stands still until a test moves it. Microseconds since 1970.
    Frozen(Arc<AtomicI64>),
}

/// A machine's clock and its correction, in microseconds.
#[derive(Debug, Default)]
pub struct Synced {
    /// How wrong the machine's clock is, in a test.
    skew: i64,
    /// What is added to the machine's clock.
    offset: AtomicI64,
}

impl Clock {
    /// A clock that stands at `at`.
    pub fn frozen(at: Timestamp) -> Self {
        Self::Frozen(Arc::new(AtomicI64::new(at.as_microsecond())))
    }

    /// The clock of a machine that is wrong by this much, for tests.
    pub fn skewed(by: SignedDuration) -> Self {
        let skew = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self::Synced(Arc::new(Synced { skew, ..Synced::default() }))
    }

    /// The same clock, and from now on it can be corrected. A frozen one never is.
    #[must_use]
    pub fn synced(self) -> Self {
        match self {
            Self::System => Self::Synced(Arc::default()),
            other => other,
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        let micros = match self {
            Self::System => machine_micros(),
            Self::Synced(synced) => machine_micros()
                .saturating_add(synced.skew)
                .saturating_add(synced.offset.load(Ordering::Relaxed)),
            Self::Frozen(at) => at.load(Ordering::Relaxed),
        };
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// Now, without the correction: what the correction is measured from.
    pub fn machine(&self) -> Timestamp {
        let Self::Synced(synced) = self else { return self.now() };
        let micros = machine_micros().saturating_add(synced.skew);
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// What is added to the machine's clock.
    pub fn offset(&self) -> SignedDuration {
        let Self::Synced(synced) = self else { return SignedDuration::ZERO };
        SignedDuration::from_micros(synced.offset.load(Ordering::Relaxed))
    }

    /// Corrects the clock by a measurement. As long as the present correction may be right, it stays: the clock does not
    /// jump with every round trip that took a little longer.
    pub fn correct(&self, offset: SignedDuration, uncertainty: Duration) {
        let Self::Synced(synced) = self else { return };
        if (offset - self.offset()).unsigned_abs() > uncertainty {
            let micros = i64::try_from(offset.as_micros()).unwrap_or(i64::MAX);
            synced.offset.store(micros, Ordering::Relaxed);
        }
    }

    /// Moves a frozen clock on; the machine's cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Self::Frozen(at) = self {
            let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            at.fetch_add(micros, Ordering::Relaxed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn machine_micros() -> i64 {
    Timestamp::now().as_microsecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_correction_stays_until_it_is_surely_wrong() {
        let clock = Clock::skewed(SignedDuration::from_secs(-30));
        let lag = Clock::System.now().duration_since(clock.now());
        assert!((lag - SignedDuration::from_secs(30)).unsigned_abs() < SECOND, "{lag}");
        clock.correct(SignedDuration::from_secs(30), SECOND);
        assert_eq!(clock.offset(), SignedDuration::from_secs(30));
        let lag = Clock::System.now().duration_since(clock.now());
        assert!(lag.unsigned_abs() < SECOND, "{lag}");
        clock.correct(SignedDuration::from_millis(30_900), SECOND);
        assert_eq!(clock.offset(), SignedDuration::from_secs(30));
        clock.correct(SignedDuration::from_millis(31_100), SECOND);
        assert_eq!(clock.offset(), SignedDuration::from_millis(31_100));
        let lag = Clock::System.now().duration_since(clock.machine());
        assert!((lag - SignedDuration::from_secs(30)).unsigned_abs() < SECOND, "{lag}");
    }

    #[test]
    fn a_frozen_clock_is_never_corrected() {
        let clock = Clock::frozen(Timestamp::UNIX_EPOCH).synced();
        clock.correct(SignedDuration::from_secs(30), Duration::ZERO);
        assert_eq!((clock.now(), clock.offset()), (Timestamp::UNIX_EPOCH, SignedDuration::ZERO));
    }
}
