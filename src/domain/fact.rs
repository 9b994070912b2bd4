//! What happened to an order: one fact for each version.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, Courier, DeliveryStatus, Draft, Eta, EventId, EventType, Order, OrderId, OrderStatus,
    PaymentStatus, Reason, TicketStatus, TraceContext, Version,
};

/// Something that happened. Stored for ever, so members are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Fact {
    /// The order is there.
    OrderCreated {
        /// All of it.
        draft: Box<Draft>,
    },
    /// The order moved.
    OrderStatusChanged {
        /// Whence.
        from: OrderStatus,
        /// Whither.
        to: OrderStatus,
        /// Why, where somebody had to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// The courier's side moved, or its courier became known (then both ends are the same).
    DeliveryStatusChanged {
        /// Whence.
        from: DeliveryStatus,
        /// Whither.
        to: DeliveryStatus,
        /// Who carries it, if that is news.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        courier: Option<Courier>,
        /// The partner's tracking page, if that is news.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tracking_url: Option<String>,
    },
    /// One station's ticket moved.
    TicketStatusChanged {
        /// The station.
        station: String,
        /// Whence.
        from: TicketStatus,
        /// Whither.
        to: TicketStatus,
    },
    /// The order is expected at another time.
    OrderEtaChanged {
        /// When.
        eta: Eta,
    },
    /// The payment moved.
    PaymentProcessed {
        /// Whence.
        from: PaymentStatus,
        /// Whither.
        to: PaymentStatus,
    },
}

impl Fact {
    /// The name of the event that tells of it.
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::OrderCreated { .. } => EventType::OrderCreated,
            Self::OrderStatusChanged { .. } => EventType::OrderStatusChanged,
            Self::DeliveryStatusChanged { .. } => EventType::DeliveryStatusChanged,
            Self::TicketStatusChanged { .. } => EventType::TicketStatusChanged,
            Self::OrderEtaChanged { .. } => EventType::OrderEtaChanged,
            Self::PaymentProcessed { .. } => EventType::PaymentProcessed,
        }
    }

    /// Why, where somebody had to say.
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::OrderStatusChanged { reason, .. } => reason.as_ref(),
            Self::OrderCreated { .. }
            | Self::DeliveryStatusChanged { .. }
            | Self::TicketStatusChanged { .. }
            | Self::OrderEtaChanged { .. }
            | Self::PaymentProcessed { .. } => None,
        }
    }
}

/// A fact as the log keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The event's id, over all its deliveries.
    pub event_id: EventId,
    /// The order it happened to.
    pub order_id: OrderId,
    /// The order's version after it.
    pub version: Version,
    /// By our clock.
    pub recorded_at: Timestamp,
    /// By the clock of whoever told us.
    pub occurred_at: Option<Timestamp>,
    /// Who did it.
    pub actor: Actor,
    /// Where it came from.
    pub context: TraceContext,
    /// What.
    pub fact: Fact,
}

impl Recorded {
    /// Folds it into the order that it happened to; `None` begins one.
    pub fn fold(&self, order: Option<Order>) -> Option<Order> {
        match (&self.fact, order) {
            (Fact::OrderCreated { draft }, None) => {
                Some(Order::begin((**draft).clone(), self.recorded_at))
            }
            (fact, Some(mut order)) => {
                order.apply(fact, self.recorded_at);
                Some(order)
            }
            (_, None) => None,
        }
    }
}

impl Order {
    /// Folds one fact in. Cannot fail: what is recorded has happened.
    pub fn apply(&mut self, fact: &Fact, at: Timestamp) {
        self.version += 1;
        self.updated_at = at;
        match fact {
            // Only ever the first fact, which `begin` takes.
            Fact::OrderCreated { .. } => {}
            Fact::OrderStatusChanged { to, reason, .. } => self.move_to(*to, reason.clone(), at),
            Fact::DeliveryStatusChanged { to, courier, tracking_url, .. } => {
                self.delivery.status = *to;
                if courier.is_some() {
                    self.delivery.courier.clone_from(courier);
                }
                if tracking_url.is_some() {
                    self.delivery.tracking_url.clone_from(tracking_url);
                }
            }
            Fact::TicketStatusChanged { station, to, .. } => {
                for ticket in self.tickets.iter_mut().filter(|it| it.station == *station) {
                    ticket.status = *to;
                    ticket.changed_at = at;
                }
            }
            Fact::OrderEtaChanged { eta } => self.eta = Some(*eta),
            Fact::PaymentProcessed { to, .. } => self.payment.status = *to,
        }
    }
}
