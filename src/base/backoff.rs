//! Delays between attempts: doubling up to a cap, with jitter applied after the cap.
//!
//! Jitter before the cap would bring everybody back into step once the cap is reached.

use std::time::Duration;

use crate::base::mint::Mint;

/// A growing delay. [`Backoff::reset`] it after a success.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts at `first`, doubles up to `cap`.
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, failures: 0 }
    }

    /// As it stands after so many failures, for those who keep the count elsewhere.
    pub const fn after(first: Duration, cap: Duration, failures: u32) -> Self {
        Self { first, cap, failures }
    }

    /// The delay before the next attempt: between half and the whole of the present step.
    pub fn next_delay(&mut self, mint: &Mint) -> Duration {
        let step = self.first.saturating_mul(1 << self.failures.min(20)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(0.5 + mint.fraction() / 2.0)
    }

    /// Starts again from the first delay.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_keep_their_jitter_there() {
        let mint = Mint::seeded(7);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let delays: Vec<_> = (0..50).map(|_| backoff.next_delay(&mint)).collect();
        assert!(delays.iter().all(|it| *it <= Duration::from_secs(1)));
        assert!(delays[0] <= Duration::from_millis(100));
        let capped = &delays[10..];
        assert!(capped.iter().any(|it| *it < Duration::from_millis(700)));
        assert!(capped.iter().any(|it| Duration::from_millis(800) < *it));
    }
}
