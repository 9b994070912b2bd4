//! The life of one order, as a script of timed steps. Pure: the same throws write the same script.

use std::time::Duration;

use crate::{
    domain::{DeliveryStatus, Fulfilment, ReasonCode},
    simulator::{dice::Dice, webhook::Partner},
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
    /// A partner tells of the courier, so many times over.
    Report(DeliveryStatus, u8),
    /// A partner calls it off.
    Revoke,
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
            (_, Act::Expect { .. } | Act::Pay) => (1000, 2500),
            (_, Act::Finish(_) | Act::Cook | Act::HandOver) => (6000, 11_000),
            (
                _,
                Act::Accept
                | Act::Reject(_)
                | Act::Start(_)
                | Act::CallOff
                | Act::Stop(_)
                | Act::Revoke
                | Act::Report(..),
            ) => (4000, 8000),
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
    /// Called off while it is cooked: by the partner where there is one, else by the store.
    Stopped,
    /// It comes back, or nobody comes for it.
    Undelivered,
}

/// What a course is made for.
#[derive(Debug)]
pub struct Outline<'a> {
    /// How the food reaches the customer.
    pub fulfilment: Fulfilment,
    /// Who tells of the courier.
    pub partner: Option<Partner>,
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
    let Outline { fate, pace, partner, .. } = *outline;
    let mut acts = Vec::new();
    acts.extend(outline.pays_first.then_some(Act::Pay));
    match fate {
        Fate::CalledOff => acts.push(Act::CallOff),
        Fate::TurnedDown => acts.push(Act::Reject(*dice.pick(&REFUSALS))),
        Fate::Well | Fate::Stopped | Fate::Undelivered => {}
    }
    cook(&mut acts, outline);
    leave(&mut acts, outline);
    if pace != Pace::Brisk && partner.is_some() {
        repeat_some(&mut acts, dice);
        if dice.one_in(4) {
            swap_two(&mut acts, dice);
        }
    }
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
    acts.extend(outline.reports(&[DeliveryStatus::Searching, DeliveryStatus::Assigned]));
    acts.extend(outline.stations.iter().map(|it| Act::Start(it)));
    if outline.fate == Fate::Stopped {
        let stop = Act::Stop(ReasonCode::ItemUnavailable);
        acts.push(outline.partner.map_or(stop, |_| Act::Revoke));
    }
    acts.push(Act::Expect { ready: 4, arrives: arrives(16) });
    let finishes = outline.stations.iter().map(|it| Act::Finish(it));
    acts.extend(finishes);
    // The courier is there before the last station is done.
    let last = acts.pop();
    acts.extend(outline.reports(&[DeliveryStatus::AtStore]));
    acts.extend(last);
}

fn leave(acts: &mut Vec<Act>, outline: &Outline<'_>) {
    use DeliveryStatus::{
        AtDoor, Delivered, EnRoute, FailedAttempt, Nearby, PickedUp, Returned, Returning,
    };
    let undelivered = outline.fate == Fate::Undelivered;
    match (outline.fulfilment, outline.partner) {
        (Fulfilment::Delivery, Some(_)) => {
            acts.extend(outline.reports(&[PickedUp, EnRoute]));
            acts.push(Act::Expect { ready: 0, arrives: Some(6) });
            acts.extend(outline.reports(&[Nearby]));
            acts.push(Act::Expect { ready: 0, arrives: Some(2) });
            acts.extend(outline.reports(&[AtDoor]));
            let ways_back = outline.partner == Some(Partner::Generic);
            if undelivered && ways_back {
                acts.extend(outline.reports(&[FailedAttempt, Returning, Returned]));
            } else {
                acts.extend(outline.reports(&[Delivered]));
            }
        }
        (Fulfilment::Pickup, _) if undelivered => acts.push(Act::GiveUp),
        (Fulfilment::Delivery, None) => acts.extend([Act::HandOver, Act::Deliver]),
        (Fulfilment::Pickup | Fulfilment::DineIn, _) => acts.push(Act::HandOver),
    }
}

impl Outline<'_> {
    /// Of these, what the partner has words for.
    fn reports(&self, statuses: &[DeliveryStatus]) -> Vec<Act> {
        let Some(partner) = self.partner else { return Vec::new() };
        let said = statuses.iter().filter(|it| partner.word(**it).is_some());
        said.map(|it| Act::Report(*it, 1)).collect()
    }
}

/// Partners that miss an answer send the same call again.
fn repeat_some(acts: &mut [Act], dice: &Dice) {
    for act in acts {
        if let Act::Report(_, times) = act
            && dice.one_in(6)
        {
            *times = dice.between(2, 3).try_into().unwrap_or(2);
        }
    }
}

/// Two calls overtake each other. Only where the order itself would stand the same: a courier with the food too early would have to wait.
fn swap_two(acts: &mut [Act], dice: &Dice) {
    let reports: Vec<(usize, DeliveryStatus)> = acts
        .iter()
        .enumerate()
        .filter_map(|(at, act)| match act {
            Act::Report(status, _) if !status.is_terminal() => Some((at, *status)),
            _ => None,
        })
        .collect();
    let pairs: Vec<(usize, usize)> = reports
        .iter()
        .zip(reports.iter().skip(1))
        .filter(|((_, one), (_, other))| one.implies() == other.implies())
        .map(|((one, _), (other, _))| (*one, *other))
        .collect();
    if !pairs.is_empty() {
        let (one, other) = *dice.pick(&pairs);
        acts.swap(one, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(fulfilment: Fulfilment, partner: Option<Partner>) -> Outline<'static> {
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
        let outline = outline(Fulfilment::Delivery, Some(Partner::Generic));
        let [one, same, other] = [7, 7, 8].map(|it| steps(&outline, &Dice::seeded(it)));
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn an_order_lives_for_about_a_minute_and_a_watched_one_moves_every_few_seconds() {
        for seed in 0..50 {
            for partner in [Partner::Generic, Partner::Careem, Partner::Deliveroo] {
                let mut outline = outline(Fulfilment::Delivery, Some(partner));
                let usual = lasts(&steps(&outline, &Dice::seeded(seed)));
                assert!((45..130).contains(&usual), "{partner:?} {usual}");
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
                let partner = (fulfilment == Fulfilment::Delivery).then_some(Partner::Careem);
                let acts = acts(&outline(fulfilment, partner), seed);
                let at = |wanted: &Act| acts.iter().position(|it| it == wanted);
                assert!(at(&Act::Accept) < at(&Act::Start("grill")));
                assert!(at(&Act::Start("fry")) < at(&Act::Finish("fry")));
                let cooked = at(&Act::Finish("grill")).max(at(&Act::Finish("fry")));
                let leaves = acts.iter().position(|it| match it {
                    Act::HandOver => true,
                    Act::Report(status, _) => status.implies().is_some(),
                    _ => false,
                });
                assert!(cooked.is_some() && cooked < leaves, "{acts:?}");
            }
        }
    }

    #[test]
    fn now_and_then_a_call_comes_twice_or_out_of_order() {
        let outline = outline(Fulfilment::Delivery, Some(Partner::Generic));
        let straight: Vec<_> = acts(&Outline { pace: Pace::Brisk, ..outline }, 0);
        let (mut repeated, mut swapped) = (0, 0);
        for seed in 0..100 {
            let acts = acts(&outline, seed);
            repeated += usize::from(acts.iter().any(|it| matches!(it, Act::Report(_, 2..))));
            let once: Vec<_> = acts
                .into_iter()
                .map(|it| if let Act::Report(status, _) = it { Act::Report(status, 1) } else { it })
                .collect();
            swapped += usize::from(once != straight);
        }
        assert!((30..95).contains(&repeated), "{repeated}");
        assert!((10..50).contains(&swapped), "{swapped}");
    }

    #[test]
    fn an_unhappy_order_still_has_a_way_to_go_should_its_end_be_refused() {
        for fate in [Fate::CalledOff, Fate::TurnedDown, Fate::Stopped] {
            let acts = acts(&Outline { fate, ..outline(Fulfilment::Pickup, None) }, 1);
            assert_eq!(acts.last(), Some(&Act::HandOver), "{fate:?}");
        }
    }
}
