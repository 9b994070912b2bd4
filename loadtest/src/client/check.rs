//! Whether one socket sees every version of one order, once, in order.

/// What an arrival was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next version, or one after a gap of so many.
    New {
        /// Versions passed over.
        skipped: u64,
    },
    /// It had come before.
    Repeated,
    /// It comes after a newer one; the gap that it left is filled.
    Disordered,
}

/// What a socket has seen of one order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    last: u64,
    /// Bit n: version `last - n` has come.
    window: u64,
}

impl Seen {
    /// A snapshot showed this version: everything up to it is known.
    pub const fn snapshot(version: u64) -> Self {
        Self { last: version, window: u64::MAX }
    }

    /// The newest version seen.
    pub const fn last(self) -> u64 {
        self.last
    }

    /// An event of this version has come.
    pub fn take(&mut self, version: u64) -> Arrival {
        if self.last < version {
            let step = version - self.last;
            let known = self.window.checked_shl(step as u32).unwrap_or(0);
            // Before the first word about an order nothing can be missing.
            let skipped = if self.last == 0 { 0 } else { step - 1 };
            *self = Self { last: version, window: known | 1 };
            return Arrival::New { skipped };
        }
        let back = self.last - version;
        let bit = 1_u64.checked_shl(back as u32).unwrap_or(0);
        if bit == 0 || self.window & bit != 0 {
            return Arrival::Repeated;
        }
        self.window |= bit;
        Arrival::Disordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other_is_as_it_should_be() {
        let mut seen = Seen::snapshot(3);
        for version in 4..200 {
            assert_eq!(seen.take(version), Arrival::New { skipped: 0 });
        }
    }

    #[test]
    fn gaps_repetitions_and_disorder_are_told_apart() {
        let mut seen = Seen::snapshot(3);
        assert_eq!(seen.take(3), Arrival::Repeated);
        assert_eq!(seen.take(6), Arrival::New { skipped: 2 });
        assert_eq!(seen.take(5), Arrival::Disordered);
        assert_eq!(seen.take(5), Arrival::Repeated);
        assert_eq!(seen.take(7), Arrival::New { skipped: 0 });
        assert_eq!(seen.take(4), Arrival::Disordered);
        assert_eq!(seen.take(4), Arrival::Repeated);
        assert_eq!(seen.take(700), Arrival::New { skipped: 692 });
        assert_eq!(seen.take(7), Arrival::Repeated);
    }
}
