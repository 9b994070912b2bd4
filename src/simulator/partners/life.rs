//! What a partner says of one order, one thing after another, and what goes wrong with each. Pure: the same throws plan the same life.

use std::time::Duration;

use crate::{
    domain::{DeliveryStatus, OrderStatus},
    simulator::{
        dice::Dice,
        partners::{
            book::{Entry, Standing},
            chaos::Chaos,
            voice::Answers,
        },
    },
};

/// How an order goes at its partner, as far as that lies with the partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrives.
    Arrives,
    /// It is called off on its way.
    CalledOff,
    /// It comes back; where the partner has no word for that, it arrives.
    ComesBack,
}

/// What a partner says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Where the delivery stands.
    Delivery(DeliveryStatus),
    /// That it is called off.
    CalledOff,
}

/// What must be before a partner says the next thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The store has taken the order on.
    Accepted,
    /// The food waits.
    Food,
}

/// One thing that a partner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Not before.
    pub until: Until,
    /// How long after that.
    pub after: Duration,
    /// What.
    pub news: News,
    /// How long after its time each copy is sent; none when it is withheld.
    pub copies: Vec<Duration>,
}

/// All that a partner says of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// That it was placed: how long after that each copy is sent.
    pub birth: Vec<Duration>,
    /// The rest.
    pub steps: Vec<Step>,
}

const WAY_OUT: [DeliveryStatus; 8] = [
    DeliveryStatus::Searching,
    DeliveryStatus::Assigned,
    DeliveryStatus::AtStore,
    DeliveryStatus::PickedUp,
    DeliveryStatus::EnRoute,
    DeliveryStatus::Nearby,
    DeliveryStatus::AtDoor,
    DeliveryStatus::Delivered,
];

const WAY_BACK: [DeliveryStatus; 3] =
    [DeliveryStatus::FailedAttempt, DeliveryStatus::Returning, DeliveryStatus::Returned];

impl Life {
    /// Plans the life of an order.
    pub fn of(entry: &Entry, outcome: Outcome, chaos: &Chaos, dice: &Dice) -> Self {
        let answers = entry.partner.voice().answers();
        let birth = chaos.copies(dice, answers == Answers::OpenOrders);
        let can_be_asked = entry.order.is_some() && answers != Answers::Nothing;
        let news = news(entry, outcome, dice);
        let last = news.len().saturating_sub(1);
        let step = |(at, news): (usize, News)| {
            let until = match news {
                News::Delivery(it) if it.implies().is_some() && chaos.waits_for_food => Until::Food,
                News::Delivery(_) | News::CalledOff => Until::Accepted,
            };
            // What cannot be asked for must at least be made up for by what is said later.
            let copies = chaos.copies(dice, can_be_asked || at < last);
            Step { until, after: chaos.pause(dice), news, copies }
        };
        Self { birth, steps: news.into_iter().enumerate().map(step).collect() }
    }
}

fn news(entry: &Entry, outcome: Outcome, dice: &Dice) -> Vec<News> {
    let knows = |it: &DeliveryStatus| entry.partner.word(*it).is_some();
    let way = |way: &[DeliveryStatus]| -> Vec<News> {
        way.iter().copied().filter(knows).map(News::Delivery).collect()
    };
    let mut news = way(&WAY_OUT);
    match outcome {
        Outcome::CalledOff => {
            // Never after the end, and where food is on its way only that courier could.
            let until = news.len().saturating_sub(1).try_into().unwrap_or(0);
            news.truncate(dice.between(0, until).into());
            news.push(News::CalledOff);
        }
        Outcome::ComesBack if knows(&DeliveryStatus::Returned) => {
            news.retain(|it| *it != News::Delivery(DeliveryStatus::Delivered));
            news.extend(way(&WAY_BACK));
        }
        Outcome::Arrives | Outcome::ComesBack => {}
    }
    news
}

impl Until {
    /// Whether that is so.
    pub fn is(self, entry: &Entry, standing: &Standing) -> bool {
        let reached = |it: OrderStatus| it.rank() <= standing.status.rank();
        let is_told = entry.order.is_some() && entry.partner.voice().is_told_of_food();
        match self {
            Self::Accepted => reached(OrderStatus::Accepted),
            Self::Food if is_told => reached(OrderStatus::Ready),
            Self::Food => standing.is_food_there,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::partners::{chaos::PLAYED, partner::Partner, storm};

    fn life(partner: Partner, outcome: Outcome, seed: u64) -> Life {
        let dice = Dice::seeded(seed);
        let entry = storm::sample(partner, &dice);
        Life::of(&entry, outcome, &PLAYED, &dice)
    }

    #[test]
    fn the_same_seed_plans_the_same_life() {
        for partner in Partner::ALL {
            let [one, same, other] = [7, 7, 8].map(|it| life(partner, Outcome::Arrives, it));
            assert_eq!(one, same);
            assert_ne!(one, other);
        }
    }

    #[test]
    fn each_partner_comes_to_an_end_that_it_has_a_word_for() {
        let last = |partner, outcome| life(partner, outcome, 1).steps.pop().unwrap().news;
        for partner in [Partner::Careem, Partner::Deliveroo, Partner::UberDirect, Partner::Generic]
        {
            let arrived = News::Delivery(DeliveryStatus::Delivered);
            assert_eq!(last(partner, Outcome::Arrives), arrived, "{partner:?}");
        }
        let unseen = News::Delivery(DeliveryStatus::PickedUp);
        assert_eq!(last(Partner::Talabat, Outcome::Arrives), unseen);
        let back = News::Delivery(DeliveryStatus::Returned);
        assert_eq!(last(Partner::UberDirect, Outcome::ComesBack), back);
        assert_eq!(last(Partner::Generic, Outcome::CalledOff), News::CalledOff);
    }

    #[test]
    fn who_cannot_be_asked_withholds_nothing_that_is_not_made_up_for() {
        for partner in [Partner::Talabat, Partner::UberDirect] {
            for seed in 0..300 {
                let life = life(partner, Outcome::Arrives, seed);
                assert!(!life.birth.is_empty());
                assert!(!life.steps.last().unwrap().copies.is_empty());
            }
        }
        let withheld = |seed| life(Partner::Careem, Outcome::Arrives, seed).steps.pop().unwrap();
        assert!((0..300).any(|it| withheld(it).copies.is_empty()));
    }
}
