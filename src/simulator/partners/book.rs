//! What a partner knows of its orders: its own record, against which ours is held.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    domain::{DeliveryStatus, LocalizedText, OrderId, OrderStatus, PartnerAction},
    simulator::{
        customers::Guest,
        partners::{chaos::Hearing, partner::Partner},
        restaurant::Rider,
    },
};

/// An order that somebody places at a partner.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The partner's name for the store.
    pub store: String,
    /// What is ordered.
    pub lines: Vec<Line>,
    /// Who orders.
    pub guest: &'static Guest,
    /// When.
    pub at: Timestamp,
}

/// A line of an order, as `POST /v1/orders` takes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The menu's name for it.
    pub sku: String,
    /// What people call it.
    pub name: LocalizedText,
    /// How many.
    pub quantity: i64,
    /// What one costs.
    pub unit_price: Price,
    /// For the station.
    #[serde(default)]
    pub note: Option<String>,
}

/// A price.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Price {
    /// In thousandths of a dinar.
    pub amount: i64,
}

impl NewOrder {
    /// Of lines that `POST /v1/orders` would take; what it would not is left out.
    pub fn of(store: &str, lines: &[Value], guest: &'static Guest, at: Timestamp) -> Self {
        let lines = lines.iter().filter_map(|it| Line::deserialize(it).ok()).collect();
        Self { store: store.to_owned(), lines, guest, at }
    }

    /// What it costs, in thousandths of a dinar.
    pub fn total(&self) -> i64 {
        self.lines.iter().map(|it| it.unit_price.amount * it.quantity).sum()
    }
}

/// Thousandths of a dinar, as dinars.
pub fn dinars(fils: i64) -> String {
    format!("{}.{:03}", fils / 1000, fils % 1000)
}

/// Where an order stands for its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The order.
    pub status: OrderStatus,
    /// Its delivery.
    pub delivery: DeliveryStatus,
    /// Our name for it, once the partner knows.
    pub ours: Option<OrderId>,
    /// Whether a courier at the store would see the food.
    pub is_food_there: bool,
}

impl Standing {
    /// Answers whether that moved it.
    fn raise(&mut self, status: OrderStatus) -> bool {
        let moves = self.status.rank() < status.rank();
        if moves {
            self.status = status;
        }
        moves
    }

    fn tell(&mut self, action: PartnerAction, ours: Option<OrderId>) -> bool {
        let is_named = self.ours.is_none() && ours.is_some();
        self.ours = self.ours.or(ours);
        let was_accepted = OrderStatus::Accepted.rank() <= self.status.rank();
        is_named
            | match action {
                PartnerAction::Accept => self.raise(OrderStatus::Accepted),
                PartnerAction::Ready => self.raise(OrderStatus::Ready),
                PartnerAction::PickedUp => self.raise(OrderStatus::OutForDelivery),
                PartnerAction::Reject if was_accepted => self.raise(OrderStatus::Cancelled),
                PartnerAction::Reject => self.raise(OrderStatus::Rejected),
                PartnerAction::Receive | PartnerAction::Delay => false,
            }
    }
}

/// An order in a partner's book.
pub struct Entry {
    /// Whose book.
    pub partner: Partner,
    /// The partner's name for it.
    pub name: String,
    /// What was ordered; `None` where it only carries an order of ours.
    pub order: Option<NewOrder>,
    /// Who carries it.
    pub rider: &'static Rider,
    standing: watch::Sender<Standing>,
    hearing: Hearing,
    /// Whether it was told anything.
    was_told: AtomicBool,
}

impl Entry {
    /// An order that is placed there now.
    pub fn placed(partner: Partner, name: String, order: NewOrder, rider: &'static Rider) -> Self {
        Self::new(partner, name, Some(order), rider, (OrderStatus::Placed, None))
    }

    /// An order of ours that it is to carry.
    pub fn carried(partner: Partner, name: String, ours: OrderId, rider: &'static Rider) -> Self {
        Self::new(partner, name, None, rider, (OrderStatus::Accepted, Some(ours)))
    }

    fn new(
        partner: Partner,
        name: String,
        order: Option<NewOrder>,
        rider: &'static Rider,
        (status, ours): (OrderStatus, Option<OrderId>),
    ) -> Self {
        let delivery = DeliveryStatus::None;
        let standing = Standing { status, delivery, ours, is_food_there: false };
        let (standing, hearing) = (watch::Sender::new(standing), Hearing::Good);
        let was_told = AtomicBool::new(false);
        Self { partner, name, order, rider, standing, hearing, was_told }
    }

    /// The same, of a partner that hears like this.
    pub fn with(self, hearing: Hearing) -> Self {
        Self { hearing, ..self }
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// The partner says that the delivery stands there.
    pub fn deliver(&self, to: DeliveryStatus) {
        self.standing.send_modify(|it| {
            if it.delivery.rank() < to.rank() {
                it.delivery = to;
                let _moved = to.implies().is_some_and(|to| it.raise(to));
            }
        });
    }

    /// The partner calls it off.
    pub fn cancel(&self) {
        self.standing.send_if_modified(|it| it.raise(OrderStatus::Cancelled));
    }

    /// We tell it something. Answers whether it says that it has heard it.
    pub fn tell(&self, action: PartnerAction, ours: Option<OrderId>) -> bool {
        let was_told = self.was_told.swap(true, Ordering::Relaxed);
        let hearing = if was_told { Hearing::Good } else { self.hearing };
        if hearing != Hearing::Deaf {
            self.standing.send_if_modified(|it| it.tell(action, ours));
        }
        hearing == Hearing::Good
    }

    /// What a courier sees who stands at the counter, and what the restaurant tells those who carry its own orders.
    pub fn see(&self, status: OrderStatus) {
        let is_ours = self.order.is_none();
        self.standing.send_if_modified(|it| {
            let is_news = !it.is_food_there && OrderStatus::Ready.rank() <= status.rank();
            it.is_food_there |= is_news;
            is_news | (is_ours && it.raise(status))
        });
    }

    /// Waits until it stands so, or has ended.
    pub async fn until(&self, stands: impl Fn(&Standing) -> bool) -> Standing {
        let mut standing = self.standing.subscribe();
        let found = standing.wait_for(|it| it.status.is_terminal() || stands(it)).await;
        // Its sender is ours, and so still there.
        found.map_or_else(|_| self.standing(), |it| *it)
    }

    /// For those who hold it against another record.
    pub fn record(&self) -> Record {
        let Standing { status, delivery, ours, .. } = self.standing();
        Record {
            partner: self.partner.slug(),
            name: self.name.clone(),
            order_id: ours.map(|it| it.to_string()),
            is_carried: self.order.is_none(),
            status: status.as_str(),
            delivery: delivery.as_str(),
        }
    }
}

/// One order in a partner's book, for those who hold it against another record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The partner's slug.
    pub partner: &'static str,
    /// The partner's name for the order.
    pub name: String,
    /// Ours, where the partner was told.
    pub order_id: Option<String>,
    /// Whether it is an order of ours that the partner only carries.
    pub is_carried: bool,
    /// Where the order stands there, in our words.
    pub status: &'static str,
    /// Where its delivery stands, in our words.
    pub delivery: &'static str,
}
