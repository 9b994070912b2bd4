//! The event envelope: the one form in which changes leave, on the bus and on every screen.
//!
//! It is a contract: fields are added, never renamed or removed (`static/schemas` and `tests/fixtures/events` watch over it).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, Eta, EventId, Fact, Order, OrderId, Reason, Recorded, StoreId, Version,
    vocabulary::vocabulary,
};

/// The version of the envelope's format.
pub const FORMAT_VERSION: &str = "1.0";

/// The `source` of every event that begins here.
pub const SOURCE: &str = "orderwire";

vocabulary! {
    /// What an event tells of. Past tense, with the domain in front.
    pub enum EventType {
        /// The order is there.
        OrderCreated = "OrderCreated",
        /// The order's status moved.
        OrderStatusChanged = "OrderStatusChanged",
        /// The courier's side moved.
        DeliveryStatusChanged = "DeliveryStatusChanged",
        /// One station's ticket moved.
        TicketStatusChanged = "TicketStatusChanged",
        /// The order is expected at another time.
        OrderEtaChanged = "OrderEtaChanged",
        /// The payment moved.
        PaymentProcessed = "PaymentProcessed",
    }
}

/// One event. `O` is the order in the shape that the reader may see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<O> {
    /// Stable over all deliveries of this event.
    pub event_id: EventId,
    /// What it tells of.
    pub event_type: EventType,
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// When it was recorded.
    pub timestamp: Timestamp,
    /// [`SOURCE`].
    pub source: String,
    /// What happened.
    pub data: EventData<O>,
    /// About the event itself.
    pub metadata: Metadata,
}

/// What happened, and the whole present state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventData<O> {
    /// The order.
    pub order_id: OrderId,
    /// Its store.
    pub store_id: StoreId,
    /// Its version after the event.
    pub order_version: Version,
    /// The station, of a ticket event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// Whence, where something moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_status: Option<String>,
    /// Whither, where something moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The new expectation, of an ETA event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Eta>,
    /// The order after the event.
    pub order: O,
}

/// About the event itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Who did it.
    pub actor: Actor,
    /// When, by the clock of whoever told us.
    #[serde(default)]
    pub occurred_at: Option<Timestamp>,
    /// Why, where somebody had to say.
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl<'a> Envelope<&'a Order> {
    /// The event of a recorded fact; `order` is the state after it.
    pub fn of(recorded: &Recorded, order: &'a Order) -> Self {
        let (station, previous_status, status, eta) = ends(&recorded.fact);
        Self {
            event_id: recorded.event_id,
            event_type: recorded.fact.event_type(),
            version: FORMAT_VERSION.to_owned(),
            timestamp: recorded.recorded_at,
            source: SOURCE.to_owned(),
            data: EventData {
                order_id: order.id,
                store_id: order.store_id,
                order_version: recorded.version,
                station,
                previous_status: previous_status.map(str::to_owned),
                status: status.map(str::to_owned),
                eta,
                order,
            },
            metadata: Metadata {
                actor: recorded.actor.clone(),
                occurred_at: recorded.occurred_at,
                reason: recorded.fact.reason().cloned(),
            },
        }
    }
}

impl<O> Envelope<O> {
    /// The same event with its order in another shape.
    pub fn with_order<P>(&self, order: P) -> Envelope<P> {
        Envelope {
            event_id: self.event_id,
            event_type: self.event_type,
            version: self.version.clone(),
            timestamp: self.timestamp,
            source: self.source.clone(),
            data: EventData {
                order_id: self.data.order_id,
                store_id: self.data.store_id,
                order_version: self.data.order_version,
                station: self.data.station.clone(),
                previous_status: self.data.previous_status.clone(),
                status: self.data.status.clone(),
                eta: self.data.eta,
                order,
            },
            metadata: self.metadata.clone(),
        }
    }
}

type Ends = (Option<String>, Option<&'static str>, Option<&'static str>, Option<Eta>);

fn ends(fact: &Fact) -> Ends {
    match fact {
        Fact::OrderCreated { draft } => (None, None, Some(draft.status.as_str()), None),
        Fact::OrderStatusChanged { from, to, .. } => {
            (None, Some(from.as_str()), Some(to.as_str()), None)
        }
        Fact::DeliveryStatusChanged { from, to, .. } => {
            (None, Some(from.as_str()), Some(to.as_str()), None)
        }
        Fact::TicketStatusChanged { station, from, to } => {
            (Some(station.clone()), Some(from.as_str()), Some(to.as_str()), None)
        }
        Fact::OrderEtaChanged { eta } => (None, None, None, Some(*eta)),
        Fact::PaymentProcessed { from, to } => (None, Some(from.as_str()), Some(to.as_str()), None),
    }
}
