//! What goes wrong on the way, by chance that can be repeated.

use std::time::Duration;

use crate::simulator::dice::Dice;

/// How much goes wrong, and how fast all of it happens. 0 in `…_in` is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chaos {
    /// One in so many calls is withheld: never sent.
    pub lost_in: u16,
    /// One in so many calls is sent again, as if its answer had got lost; and again.
    pub repeated_in: u16,
    /// One in so many calls is held up for up to `late_by`, and so overtaken by those after it.
    pub late_in: u16,
    /// In milliseconds.
    pub late_by: u16,
    /// For one in so many orders the partner does not take the first thing that it is told, or takes it and does not say so.
    pub deaf_in: u16,
    /// How long a partner lets pass before it says the next thing, in milliseconds: from, to.
    pub pace: (u16, u16),
    /// Whether couriers wait for the food. Else they outrun the kitchen.
    pub waits_for_food: bool,
}

/// Of the demo's partners: enough to be seen.
pub const PLAYED: Chaos = Chaos {
    lost_in: 15,
    repeated_in: 6,
    late_in: 6,
    late_by: 9000,
    deaf_in: 8,
    pace: (4000, 8000),
    waits_for_food: true,
};

/// Of the orders that somebody watches: none, and something every two or three seconds.
pub const WATCHED: Chaos = Chaos {
    lost_in: 0,
    repeated_in: 0,
    late_in: 0,
    late_by: 0,
    deaf_in: 0,
    pace: (2000, 2800),
    waits_for_food: true,
};

impl Chaos {
    /// What becomes of one call: how long after its time each of its copies is sent. None: it is withheld.
    pub fn copies(&self, dice: &Dice, can_be_lost: bool) -> Vec<Duration> {
        // Thrown in any case, so that the throws after it stay the same.
        let is_lost = happens(dice, self.lost_in);
        let mut copies = vec![self.delay(dice)];
        while copies.len() < MOST_COPIES && happens(dice, self.repeated_in) {
            copies.push(self.delay(dice));
        }
        if is_lost && can_be_lost { Vec::new() } else { copies }
    }

    /// How long the partner lets pass.
    pub fn pause(&self, dice: &Dice) -> Duration {
        let (least, most) = self.pace;
        Duration::from_millis(dice.between(least, most).into())
    }

    /// How the partner of one order hears.
    pub fn hearing(&self, dice: &Dice) -> Hearing {
        match (happens(dice, self.deaf_in), dice.one_in(2)) {
            (false, _) => Hearing::Good,
            (true, false) => Hearing::Deaf,
            (true, true) => Hearing::Mute,
        }
    }

    fn delay(&self, dice: &Dice) -> Duration {
        let by = dice.between(0, self.late_by);
        let by = if happens(dice, self.late_in) { by } else { 0 };
        Duration::from_millis(by.into())
    }
}

/// How often one call is sent at most.
const MOST_COPIES: usize = 4;

/// How a partner takes the first thing that it is told of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// As it should.
    Good,
    /// It does not.
    Deaf,
    /// It does, and its answer says that it did not.
    Mute,
}

fn happens(dice: &Dice, one_in: u16) -> bool {
    one_in != 0 && dice.one_in(one_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_chaos_each_call_is_sent_once_and_at_once() {
        let dice = Dice::seeded(1);
        assert!((0..100).all(|_| WATCHED.copies(&dice, true) == [Duration::ZERO]));
        assert!((0..100).all(|_| WATCHED.hearing(&dice) == Hearing::Good));
    }

    #[test]
    fn calls_are_withheld_repeated_and_held_up_about_as_often_as_was_asked_for() {
        let dice = Dice::seeded(2);
        let calls: Vec<_> = (0..3000).map(|_| PLAYED.copies(&dice, true)).collect();
        let count = |which: fn(&Vec<Duration>) -> bool| calls.iter().filter(|it| which(it)).count();
        assert!((150..250).contains(&count(Vec::is_empty)));
        assert!((380..560).contains(&count(|it| 1 < it.len())));
        assert!((380..660).contains(&count(|it| it.first().is_some_and(|it| !it.is_zero()))));
    }

    #[test]
    fn what_nothing_makes_up_for_is_not_withheld() {
        let dice = Dice::seeded(3);
        let lost = Chaos { lost_in: 1, ..PLAYED };
        assert!((0..100).all(|_| !lost.copies(&dice, false).is_empty()));
        assert!((0..100).all(|_| lost.copies(&dice, true).is_empty()));
    }
}
