//! Which orders come, and what becomes of each. Pure: the same seed plans the same evening.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    domain::{Fulfilment, Language},
    simulator::{
        course::{self, Fate, Outline, Pace, Step},
        customers::{GUESTS, Guest},
        dice::Dice,
        menu::{self, Appetite},
        partners::{Chaos, Outcome, PLAYED, Part, Partner, WATCHED},
        restaurant::{ABDOUN, BRANCHES, Branch, JABAL_AMMAN, RIDERS, Rider, STATIONS},
    },
};

/// A new order and its course.
#[derive(Debug)]
pub struct Plan {
    /// The store that makes it.
    pub branch: &'static Branch,
    /// Who orders.
    pub guest: &'static Guest,
    /// Whether they say who they are; at a table they do not.
    pub is_known: bool,
    /// What partners do with it.
    pub errand: Option<Errand>,
    /// The body of `POST /v1/orders`, but for the store.
    pub body: Value,
    /// What happens at the restaurant.
    pub steps: Vec<Step>,
    /// Whether people in the kitchen are given time.
    pub is_patient: bool,
}

/// What a partner does with an order.
#[derive(Debug)]
pub struct Errand {
    /// Which one.
    pub partner: Partner,
    /// Whether it was placed there.
    pub part: Part,
    /// Who carries it.
    pub rider: &'static Rider,
    /// How it goes there.
    pub outcome: Outcome,
    /// What goes wrong.
    pub chaos: Chaos,
    /// The same throws of its own for the same seed.
    pub seed: u64,
}

/// Plans orders, one after another.
pub struct Planner {
    dice: Dice,
}

/// What is fixed about an order before chance decides the rest.
struct Wish {
    branch: &'static Branch,
    guest: &'static Guest,
    fulfilment: Fulfilment,
    partner: Option<(Partner, Part)>,
    fate: Fate,
    pace: Pace,
}

impl Planner {
    /// The same evening for the same seed.
    pub fn new(seed: u64) -> Self {
        Self { dice: Dice::seeded(seed) }
    }

    /// An order for somebody who watches: it moves every few seconds, all the way to the door.
    pub fn watched(&self, guest: &'static Guest) -> Plan {
        self.plan(&Wish {
            branch: &ABDOUN,
            guest,
            fulfilment: Fulfilment::Delivery,
            partner: Some((Partner::Generic, Part::Carries)),
            fate: Fate::Well,
            pace: Pace::Brisk,
        })
    }

    /// What is there when the doors open: the first one waits for somebody in the kitchen, and every partner has one.
    pub fn opening(&self) -> Vec<Plan> {
        use Fulfilment::{Delivery, DineIn, Pickup};
        [
            (&JABAL_AMMAN, Pickup, None),
            (&ABDOUN, Delivery, Some((Partner::Careem, Part::Brings))),
            (&ABDOUN, Delivery, Some((Partner::Talabat, Part::Brings))),
            (&ABDOUN, Delivery, Some((Partner::Deliveroo, Part::Brings))),
            (&ABDOUN, Delivery, Some((Partner::Generic, Part::Brings))),
            (&ABDOUN, Delivery, Some((Partner::UberDirect, Part::Carries))),
            (&ABDOUN, DineIn, None),
            (&JABAL_AMMAN, DineIn, None),
        ]
        .map(|(branch, fulfilment, partner)| {
            let (guest, pace) = (self.dice.pick(&GUESTS), pace(branch));
            self.plan(&Wish { branch, guest, fulfilment, partner, fate: Fate::Well, pace })
        })
        .into()
    }

    /// Whatever comes next.
    pub fn next(&self) -> Plan {
        let dice = &self.dice;
        let branch = *dice.pick(&BRANCHES);
        let fulfilment = match dice.between(1, 10) {
            1..=5 => Fulfilment::Delivery,
            6..=8 => Fulfilment::Pickup,
            _ => Fulfilment::DineIn,
        };
        let partner = (fulfilment == Fulfilment::Delivery).then(|| *dice.pick(&PARTS));
        let by_app = partner.is_none_or(|(_, part)| part == Part::Carries);
        let fate = match (dice.between(1, 20), fulfilment) {
            (1, Fulfilment::Delivery | Fulfilment::Pickup) if by_app => Fate::CalledOff,
            (2, _) => Fate::TurnedDown,
            (3, _) => Fate::Stopped,
            (4, Fulfilment::Pickup) | (4 | 5, Fulfilment::Delivery) => Fate::Undelivered,
            _ => Fate::Well,
        };
        let (guest, pace) = (dice.pick(&GUESTS), pace(branch));
        self.plan(&Wish { branch, guest, fulfilment, partner, fate, pace })
    }

    /// How long until the next order comes.
    pub fn gap(&self, orders_per_minute: u16) -> Duration {
        let mean = 60_000 / u32::from(orders_per_minute.max(1));
        Duration::from_millis((mean * u32::from(self.dice.between(70, 130)) / 100).into())
    }

    fn plan(&self, wish: &Wish) -> Plan {
        let Wish { branch, guest, fulfilment, partner, fate, pace } = *wish;
        let dice = &self.dice;
        let is_watched = pace == Pace::Brisk;
        let appetite = if is_watched { Appetite::FromEveryStation } else { Appetite::Usual };
        let language = guest.language;
        let basket = menu::choose(dice, appetite, language);
        let pays_first = !is_watched && partner.is_none() && dice.one_in(6);
        let mut body = json!({"fulfilment": fulfilment, "items": basket.items});
        let mut set = |field: &str, value: Value| {
            body.as_object_mut().map(|it| it.insert(field.to_owned(), value));
        };
        set("payment", payment(dice, pays_first));
        let is_brought = partner.is_some_and(|(_, part)| part == Part::Brings);
        let is_known = fulfilment != Fulfilment::DineIn;
        if is_known {
            set("customer", guest.body());
            // What partners pass on are their customers, who have agreed to nothing here.
            if let Some(consent) = guest.consent().filter(|_| !is_brought) {
                set("consent", consent);
            }
        } else {
            set("note", json!(table(dice, language)));
        }
        if fulfilment == Fulfilment::Delivery {
            set("address", guest.address());
        }
        // Partners know nothing of stations: what they bring is all for the first.
        let [first, ..] = &STATIONS;
        let stations = if is_brought { &[*first][..] } else { &basket.stations };
        let outline = Outline { fulfilment, partner, stations, pays_first, fate, pace };
        let errand = partner.map(|(partner, part)| Errand {
            partner,
            part,
            rider: dice.pick(&RIDERS),
            outcome: match fate {
                Fate::Stopped if is_brought => Outcome::CalledOff,
                Fate::Undelivered => Outcome::ComesBack,
                _ => Outcome::Arrives,
            },
            chaos: if is_watched { WATCHED } else { PLAYED },
            seed: dice.between(0, u16::MAX).into(),
        });
        Plan {
            branch,
            guest,
            is_known,
            errand,
            body,
            steps: course::steps(&outline, dice),
            is_patient: pace == Pace::Patient,
        }
    }
}

/// Who brings and carries deliveries.
const PARTS: [(Partner, Part); 6] = [
    (Partner::Careem, Part::Brings),
    (Partner::Talabat, Part::Brings),
    (Partner::Deliveroo, Part::Brings),
    (Partner::Generic, Part::Brings),
    (Partner::Generic, Part::Carries),
    (Partner::UberDirect, Part::Carries),
];

const fn pace(branch: &Branch) -> Pace {
    if branch.is_yours { Pace::Patient } else { Pace::Usual }
}

fn payment(dice: &Dice, pays_first: bool) -> Value {
    match pays_first {
        true => json!({"method": "card", "status": "pending"}),
        false if dice.one_in(2) => json!({"method": "cash"}),
        false => json!({"method": "wallet"}),
    }
}

fn table(dice: &Dice, language: Language) -> String {
    let table = dice.between(1, 18);
    match language {
        Language::Arabic => format!("طاولة {table}"),
        Language::English => format!("Table {table}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::course::Act;

    #[test]
    fn the_same_seed_plans_the_same_evening() {
        let evening = |seed| {
            let planner = Planner::new(seed);
            let plans: Vec<_> =
                planner.opening().into_iter().chain((0..20).map(|_| planner.next())).collect();
            format!("{plans:?}")
        };
        assert_eq!(evening(7), evening(7));
        assert_ne!(evening(7), evening(8));
    }

    #[test]
    fn in_an_evening_everything_happens() {
        let planner = Planner::new(1);
        let plans: Vec<_> = (0..300).map(|_| planner.next()).collect();
        let has = |wanted: fn(&Act) -> bool| {
            plans.iter().flat_map(|it| &it.steps).any(|it| wanted(&it.act))
        };
        assert!(has(|it| matches!(it, Act::Pay)));
        assert!(has(|it| matches!(it, Act::CallOff)));
        assert!(has(|it| matches!(it, Act::Reject(_))));
        assert!(has(|it| matches!(it, Act::Stop(_))));
        assert!(has(|it| matches!(it, Act::GiveUp)));
        for outcome in [Outcome::CalledOff, Outcome::ComesBack, Outcome::Arrives] {
            let happens = |it: &Plan| it.errand.as_ref().is_some_and(|it| it.outcome == outcome);
            assert!(plans.iter().any(happens), "{outcome:?}");
        }
        for wanted in PARTS {
            let has =
                |it: &Plan| it.errand.as_ref().is_some_and(|it| (it.partner, it.part) == wanted);
            assert!(plans.iter().any(has), "{wanted:?}");
        }
        for branch in BRANCHES {
            assert!(plans.iter().any(|it| it.branch.en == branch.en));
        }
        for fulfilment in Fulfilment::ALL {
            let word = json!(fulfilment);
            assert!(plans.iter().any(|it| it.body["fulfilment"] == word));
        }
    }

    #[test]
    fn orders_come_as_often_as_was_asked_for() {
        let planner = Planner::new(3);
        let minute: Duration = (0..60).map(|_| planner.gap(60)).sum();
        assert!((50..70).contains(&minute.as_secs()), "{minute:?}");
    }
}
