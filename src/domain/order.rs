//! One order: what was asked for, and where its four axes stand. A fold over its facts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Address, Customer, Delivery, Fulfilment, LocalizedText, Money, OrderId, OrderStatus, Payment,
    Reason, StoreId, Ticket, TicketStatus, Version,
};

/// An order as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The store that makes it.
    pub store_id: StoreId,
    /// What people call it: `118`.
    pub number: String,
    /// How many changes it has seen.
    pub version: Version,
    /// How the food reaches the customer.
    pub fulfilment: Fulfilment,
    /// Where it was placed: `app` for the restaurant's own channels, else the partner's slug.
    pub source: String,
    /// The partner's name for the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// The courier's side.
    pub delivery: Delivery,
    /// The money side.
    pub payment: Payment,
    /// The kitchen's side, one for each station.
    pub tickets: Vec<Ticket>,
    /// What was ordered.
    pub items: Vec<Item>,
    /// What it costs.
    pub total: Money,
    /// Who ordered.
    pub customer: Customer,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// For the kitchen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it will be ready and there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Eta>,
    /// Until when the store may answer; it expires then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_by: Option<Timestamp>,
    /// Why it stands where it stands, where somebody had to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Every status it had, and since when.
    pub timeline: Vec<Milestone>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The menu's name for it.
    pub sku: String,
    /// What people call it.
    pub name: LocalizedText,
    /// How many.
    pub quantity: u32,
    /// What one costs, options included.
    pub unit_price: Money,
    /// The station that makes it.
    pub station: String,
    /// For the station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What was chosen with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<ItemOption>,
}

impl Item {
    /// Pieces in one line, at most; of each option too.
    pub const MOST: u32 = 999;
    /// Options of one line, at most.
    pub const MOST_OPTIONS: usize = 50;
}

/// Something chosen with an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemOption {
    /// What people call it.
    pub name: LocalizedText,
    /// How many for each item.
    #[serde(default = "one")]
    pub quantity: u32,
}

const fn one() -> u32 {
    1
}

/// When the order is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Eta {
    /// On the pass.
    #[schema(value_type = String, format = DateTime)]
    pub ready_at: Timestamp,
    /// At the customer's door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub arrives_at: Option<Timestamp>,
}

/// One status, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Milestone {
    /// The status.
    pub status: OrderStatus,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A new order, checked and complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    /// Its id.
    pub id: OrderId,
    /// The store that makes it.
    pub store_id: StoreId,
    /// What people call it.
    pub number: String,
    /// How the food reaches the customer.
    pub fulfilment: Fulfilment,
    /// Where it was placed: `app` for the restaurant's own channels, else the partner's slug.
    pub source: String,
    /// The partner's name for the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Where it starts: `pending_payment` or `placed`.
    pub status: OrderStatus,
    /// The money side.
    pub payment: Payment,
    /// What was ordered.
    pub items: Vec<Item>,
    /// What it costs.
    pub total: Money,
    /// Who ordered.
    pub customer: Customer,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// For the kitchen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Eta>,
    /// Until when the store may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_by: Option<Timestamp>,
}

impl Order {
    /// The order that a draft begins. Version 1.
    pub fn begin(draft: Draft, at: Timestamp) -> Self {
        let tickets = stations(&draft.items)
            .into_iter()
            .map(|station| Ticket { station, status: TicketStatus::Held, changed_at: at })
            .collect();
        Self {
            id: draft.id,
            store_id: draft.store_id,
            number: draft.number,
            version: 1,
            fulfilment: draft.fulfilment,
            source: draft.source,
            external_id: draft.external_id,
            status: draft.status,
            delivery: Delivery::default(),
            payment: draft.payment,
            tickets,
            items: draft.items,
            total: draft.total,
            customer: draft.customer,
            address: draft.address,
            note: draft.note,
            eta: draft.eta,
            accept_by: draft.accept_by,
            reason: None,
            timeline: vec![Milestone { status: draft.status, at }],
            placed_at: at,
            updated_at: at,
        }
    }

    /// Until when somebody must answer it; `None` once somebody has, and where nobody has to.
    pub fn answer_by(&self) -> Option<Timestamp> {
        self.accept_by.filter(|_| self.status == OrderStatus::Placed)
    }

    /// The ticket of a station.
    pub fn ticket(&self, station: &str) -> Option<&Ticket> {
        self.tickets.iter().find(|it| it.station == station)
    }

    pub(in crate::domain) fn move_to(
        &mut self,
        to: OrderStatus,
        reason: Option<Reason>,
        at: Timestamp,
    ) {
        let reopened = self.status.is_terminal() && !to.is_terminal();
        self.status = to;
        self.reason = reason;
        self.timeline.push(Milestone { status: to, at });
        for ticket in &mut self.tickets {
            let status = if reopened { TicketStatus::Recalled } else { ticket.status.follow(to) };
            if status != ticket.status {
                ticket.status = status;
                ticket.changed_at = at;
            }
        }
    }
}

/// The stations that an order needs, each once, in the order of its items.
fn stations(items: &[Item]) -> Vec<String> {
    let mut stations: Vec<String> = Vec::new();
    for item in items {
        if !stations.contains(&item.station) {
            stations.push(item.station.clone());
        }
    }
    stations
}
