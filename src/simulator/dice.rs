//! Chance that can be repeated: the same seed throws the same numbers.

use crate::base::mint::Mint;

/// Throws numbers.
pub struct Dice(Mint);

impl Dice {
    /// The same throws for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Mint::seeded(seed))
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&self, low: u16, high: u16) -> u16 {
        let sides = u32::from(high.saturating_sub(low)) + 1;
        let thrown = u32::from(self.throw()) % sides;
        low.saturating_add(u16::try_from(thrown).unwrap_or(0))
    }

    /// True once in so many throws.
    pub fn one_in(&self, throws: u16) -> bool {
        self.between(1, throws) == 1
    }

    /// One of a list that is not empty.
    #[expect(clippy::indexing_slicing, reason = "a remainder is within, and no list here is empty")]
    pub fn pick<'a, T>(&self, list: &'a [T]) -> &'a T {
        &list[usize::from(self.throw()) % list.len()]
    }

    fn throw(&self) -> u16 {
        let mut bytes = [0; 2];
        self.0.fill(&mut bytes);
        u16::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_stay_within_their_bounds_and_reach_both_ends() {
        let dice = Dice::seeded(7);
        let throws: Vec<_> = (0..500).map(|_| dice.between(3, 6)).collect();
        assert_eq!((throws.iter().min(), throws.iter().max()), (Some(&3), Some(&6)));
        assert!((0..100).all(|_| dice.one_in(1)));
        assert!((0..100).all(|_| "abc".contains(*dice.pick(&['a', 'b', 'c']))));
    }
}
