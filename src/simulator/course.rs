//! The life of one order at the restaurant, as a script of timed steps. Pure: the same throws write the same script.
//!
//! What partners do with it is their own affair (`simulator::partners`).

use std::time::Duration;

use crate::{
    domain::{Fulfilment, ReasonCode},
    simulator::{
        dice::Dice,
        partners::{Part, Partner},
    },
};

/// One thing that happens to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The payment goes through.
    Pay,
    /// The store takes it on.
    Accept,
    /// The store turns it down.
    Reject(ReasonCode),
    /// The kitchen says when it will be ready, and there, in minutes from then.
    Expect {
        /// On the pass; once it is there, that stays.
        ready: u8,
        /// At the door.
        arrives: Option<u8>,
    },
    /// A station begins.
    Start(&'static str),
    /// A station is done.
    Finish(&'static str),
    /// Whatever the kitchen still has to do.
    Cook,
    /// The customer calls it off, while that is possible.
    CallOff,
    /// The store stops it.
    Stop(ReasonCode),
    /// Out of the store: to the courier, the customer or the table.
    HandOver,
    /// The store hears that it has arrived.
    Deliver,
    /// Nobody came for it.
    GiveUp,
    /// A partner is asked to carry it.
    CallCourier,
    /// The food waits for whoever comes for it.
    Serve,
}

impl Act {
    /// Whether somebody in the kitchen may do it first.
    pub const fn is_for_the_kitchen(&self) -> bool {
        matches!(self, Self::Accept | Self::Start(_) | Self::Finish(_) | Self::Cook)
    }
}

/// An act, and how long after the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the one before.
    pub after: Duration,
    /// What happens.
    pub act: Act,
}

/// How fast an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Something every two or three seconds, for somebody who watches.
    Brisk,
    /// A minute or so.
    Usual,
    /// Leaves the kitchen's part to people for a while.
    Patient,
}

impl Pace {
    /// How long an act takes, in milliseconds: from, to.
    const fn takes(self, act: &Act) -> (u16, u16) {
        match (self, act) {
            (Self::Brisk, Act::Accept) => (700, 800),
            (Self::Brisk, _) => (2000, 2800),
            (Self::Patient, Act::Accept) => (25_000, 35_000),
            (Self::Patient, Act::Start(_) | Act::Finish(_) | Act::Cook) => (8000, 12_000),
            (_, Act::Expect { .. } | Act::Pay | Act::CallCourier | Act::Serve) => (1000, 2500),
            (_, Act::Finish(_) | Act::Cook | Act::HandOver) => (6000, 11_000),
            (_, Act::Accept | Act::Reject(_) | Act::Start(_) | Act::CallOff | Act::Stop(_)) => {
                (4000, 8000)
            }
            (_, Act::Deliver | Act::GiveUp) => (12_000, 20_000),
        }
    }
}

/// How an order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Well.
    Well,
    /// The customer changes their mind before the store answers.
    CalledOff,
    /// The store says no.
    TurnedDown,
    /// Called off while it is cooked: by the partner where it was placed, else by the store.
    Stopped,
    /// It comes back, or nobody comes for it.
    Undelivered,
}

/// What a course is made for.
#[derive(Debug)]
pub struct Outline<'a> {
    /// How the food reaches the customer.
    pub fulfilment: Fulfilment,
    /// Which partner has which part in it.
    pub partner: Option<(Partner, Part)>,
    /// The stations that work on it.
    pub stations: &'a [&'static str],
    /// Whether it waits for its payment first.
    pub pays_first: bool,
    /// How it ends.
    pub fate: Fate,
    /// How fast.
    pub pace: Pace,
}

/// Writes the script. An unhappy end is only one step of it: should that be refused, because somebody in the kitchen was faster,
/// the order goes its way.
pub fn steps(outline: &Outline<'_>, dice: &Dice) -> Vec<Step> {
    let Outline { fate, pace, .. } = *outline;
    let mut acts = Vec::new();
    acts.extend(outline.pays_first.then_some(Act::Pay));
    match fate {
        Fate::CalledOff => acts.push(Act::CallOff),
        Fate::TurnedDown => acts.push(Act::Reject(*dice.pick(&REFUSALS))),
        Fate::Well | Fate::Stopped | Fate::Undelivered => {}
    }
    cook(&mut acts, outline);
    leave(&mut acts, outline);
    let after = |act: &Act| {
        let (least, most) = pace.takes(act);
        Duration::from_millis(dice.between(least, most).into())
    };
    acts.into_iter().map(|act| Step { after: after(&act), act }).collect()
}

/// The rest of the way for an order that nobody looks after.
pub fn rest_of_the_way() -> Vec<Step> {
    [Act::Pay, Act::Accept, Act::Cook, Act::HandOver, Act::Deliver]
        .map(|act| Step { after: Duration::from_secs(4), act })
        .to_vec()
}

const REFUSALS: [ReasonCode; 3] =
    [ReasonCode::ItemUnavailable, ReasonCode::TooBusy, ReasonCode::Closed];

fn cook(acts: &mut Vec<Act>, outline: &Outline<'_>) {
    let delivery = outline.fulfilment == Fulfilment::Delivery;
    let arrives = |minutes| delivery.then_some(minutes);
    acts.push(Act::Accept);
    acts.push(Act::Expect { ready: 9, arrives: arrives(22) });
    let part = outline.partner.map(|(_, part)| part);
    acts.extend((part == Some(Part::Carries)).then_some(Act::CallCourier));
    acts.extend(outline.stations.iter().map(|it| Act::Start(it)));
    // Where it was placed at a partner, that is for the partner to do.
    if outline.fate == Fate::Stopped && part != Some(Part::Brings) {
        acts.push(Act::Stop(ReasonCode::ItemUnavailable));
    }
    acts.push(Act::Expect { ready: 4, arrives: arrives(16) });
    acts.extend(outline.stations.iter().map(|it| Act::Finish(it)));
}

fn leave(acts: &mut Vec<Act>, outline: &Outline<'_>) {
    match (outline.fulfilment, outline.partner) {
        (Fulfilment::Delivery, Some((partner, _))) => {
            acts.push(Act::Serve);
            acts.extend([6, 2].map(|it| Act::Expect { ready: 0, arrives: Some(it) }));
            // Talabat does not say when its couriers arrive.
            acts.extend((partner == Partner::Talabat).then_some(Act::Deliver));
        }
        (Fulfilment::Pickup, _) if outline.fate == Fate::Undelivered => acts.push(Act::GiveUp),
        (Fulfilment::Delivery, None) => acts.extend([Act::HandOver, Act::Deliver]),
        (Fulfilment::Pickup | Fulfilment::DineIn, _) => acts.push(Act::HandOver),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROUGHT: [Option<(Partner, Part)>; 4] = [
        Some((Partner::Careem, Part::Brings)),
        Some((Partner::Talabat, Part::Brings)),
        Some((Partner::Deliveroo, Part::Brings)),
        Some((Partner::Generic, Part::Brings)),
    ];
    const CARRIED: Option<(Partner, Part)> = Some((Partner::Generic, Part::Carries));

    fn outline(fulfilment: Fulfilment, partner: Option<(Partner, Part)>) -> Outline<'static> {
        let stations = &["grill", "fry"];
        let (fate, pace) = (Fate::Well, Pace::Usual);
        Outline { fulfilment, partner, stations, pays_first: false, fate, pace }
    }

    fn lasts(steps: &[Step]) -> u64 {
        steps.iter().map(|it| it.after).sum::<Duration>().as_secs()
    }

    fn acts(outline: &Outline<'_>, seed: u64) -> Vec<Act> {
        steps(outline, &Dice::seeded(seed)).into_iter().map(|it| it.act).collect()
    }

    #[test]
    fn the_same_seed_writes_the_same_script() {
        let outline = outline(Fulfilment::Delivery, CARRIED);
        let [one, same, other] = [7, 7, 8].map(|it| steps(&outline, &Dice::seeded(it)));
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn a_kitchen_takes_about_a_minute_and_a_watched_one_moves_every_few_seconds() {
        for seed in 0..50 {
            for partner in BROUGHT.into_iter().chain([CARRIED, None]) {
                let mut outline = outline(Fulfilment::Delivery, partner);
                let usual = lasts(&steps(&outline, &Dice::seeded(seed)));
                assert!((25..90).contains(&usual), "{partner:?} {usual}");
                outline.pace = Pace::Brisk;
                let brisk = steps(&outline, &Dice::seeded(seed));
                assert!(brisk.iter().all(|it| it.after < Duration::from_secs(3)));
                assert!(brisk[0].after < Duration::from_secs(1));
                outline.pace = Pace::Patient;
                let patient = lasts(&steps(&outline, &Dice::seeded(seed)));
                assert!(patient < 180, "{partner:?} {patient}");
            }
        }
    }

    #[test]
    fn every_kitchen_part_begins_and_ends_and_the_food_leaves_after_it() {
        for seed in 0..50 {
            for fulfilment in [Fulfilment::Delivery, Fulfilment::Pickup, Fulfilment::DineIn] {
                let partner = CARRIED.filter(|_| fulfilment == Fulfilment::Delivery);
                let acts = acts(&outline(fulfilment, partner), seed);
                let at = |wanted: &Act| acts.iter().position(|it| it == wanted);
                assert!(at(&Act::Accept) < at(&Act::Start("grill")));
                assert!(at(&Act::Start("fry")) < at(&Act::Finish("fry")));
                let cooked = at(&Act::Finish("grill")).max(at(&Act::Finish("fry")));
                let leaves = acts.iter().position(|it| matches!(it, Act::HandOver | Act::Serve));
                assert!(cooked.is_some() && cooked < leaves, "{acts:?}");
            }
        }
    }

    #[test]
    fn couriers_are_called_for_orders_of_our_own_only() {
        let calls =
            |partner| acts(&outline(Fulfilment::Delivery, partner), 1).contains(&Act::CallCourier);
        assert!(calls(CARRIED));
        assert!(!BROUGHT.into_iter().any(calls));
    }

    #[test]
    fn an_unhappy_order_still_has_a_way_to_go_should_its_end_be_refused() {
        for fate in [Fate::CalledOff, Fate::TurnedDown, Fate::Stopped] {
            let acts = acts(&Outline { fate, ..outline(Fulfilment::Pickup, None) }, 1);
            assert_eq!(acts.last(), Some(&Act::HandOver), "{fate:?}");
        }
    }
}
