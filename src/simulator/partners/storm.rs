//! Many orders at all partners at once, each with a life of its own by the seed: how the tests see what holds.

use std::sync::Arc;

use crate::{
    domain::{Language, OrderId},
    simulator::{
        customers::GUESTS,
        dice::Dice,
        menu::{self, Appetite},
        partners::{
            book::{Entry, NewOrder},
            chaos::Chaos,
            life::{Life, Outcome},
            partner::Partner,
            state::Partners,
        },
        restaurant::RIDERS,
    },
};

/// Many orders, all of them foreseen by the seed.
#[derive(Clone, Debug)]
pub struct Storm {
    /// The same orders with the same lives for the same seed.
    pub seed: u64,
    /// What goes wrong.
    pub chaos: Chaos,
    /// What all partners call the store that they order from.
    pub store: String,
}

impl Storm {
    /// Has somebody place the `nth` order, at one partner after the other, and lets it live.
    pub fn place(&self, partners: &Partners, nth: usize) {
        let dice = self.dice(nth);
        let [first, ..] = Partner::MARKETS;
        let market = Partner::MARKETS.iter().cycle().nth(nth % Partner::MARKETS.len());
        let market = *market.unwrap_or(&first);
        let order = self.order(&dice, partners);
        let entry = Entry::placed(market, self.name(nth), order, dice.pick(&RIDERS));
        let outcome = match dice.between(1, 10) {
            1 | 2 => Outcome::CalledOff,
            3 => Outcome::ComesBack,
            _ => Outcome::Arrives,
        };
        self.let_live(partners, entry, outcome, &dice);
    }

    /// Has Uber Direct carry the `nth` order, which is one of our own, and lets it live. `false` when that is no id of an order.
    pub fn carry(&self, partners: &Partners, nth: usize, order_id: &str) -> bool {
        let Ok(ours) = order_id.parse::<OrderId>() else { return false };
        let dice = self.dice(nth);
        let entry = Entry::carried(Partner::UberDirect, self.name(nth), ours, dice.pick(&RIDERS));
        let outcome = if dice.one_in(10) { Outcome::ComesBack } else { Outcome::Arrives };
        self.let_live(partners, entry, outcome, &dice);
        true
    }

    fn let_live(&self, partners: &Partners, entry: Entry, outcome: Outcome, dice: &Dice) {
        let entry = Arc::new(entry.with(self.chaos.hearing(dice)));
        let life = Life::of(&entry, outcome, &self.chaos, dice);
        partners.let_live(&entry, life);
    }

    fn order(&self, dice: &Dice, partners: &Partners) -> NewOrder {
        let basket = menu::choose(dice, Appetite::Usual, Language::English);
        NewOrder::of(&self.store, &basket.items, dice.pick(&GUESTS), partners.0.clock.now())
    }

    /// A number, for Careem's are.
    fn name(&self, nth: usize) -> String {
        format!("{}{nth:06}", self.seed)
    }

    /// Each order has throws of its own, so that the pace of one does not change another.
    fn dice(&self, nth: usize) -> Dice {
        Dice::seeded(self.seed.wrapping_add(u64::try_from(nth).unwrap_or(0)))
    }
}

/// An order for tests of what becomes of it.
#[cfg(test)]
pub fn sample(partner: Partner, dice: &Dice) -> Entry {
    let (name, rider) = ("118".to_owned(), dice.pick(&RIDERS));
    let ours = OrderId::from_uuid(uuid::Uuid::from_u128(118));
    if partner == Partner::UberDirect {
        return Entry::carried(partner, name, ours, rider);
    }
    let basket = menu::choose(dice, Appetite::Usual, Language::English);
    let (guest, at) = (dice.pick(&GUESTS), jiff::Timestamp::UNIX_EPOCH);
    let order = NewOrder::of("branch-7", &basket.items, guest, at);
    Entry::placed(partner, name, order, rider)
}
