//! What events say: the type of each, and the data that belongs to it.

use serde::Serialize;

use crate::domain::{
    DeliveryStatus, Eta, EventType, Fact, Order, OrderId, OrderStatus, PaymentStatus, Recorded,
    Store, StoreId, Subject, SubjectId, TicketStatus, Version,
};

/// What happened, and the whole state after it. `O` is the order in the shape that the reader may see.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum EventData<O> {
    /// The order is there.
    OrderCreated {
        /// The order.
        #[serde(flatten)]
        order: OrderData<O>,
        /// Its first status.
        status: OrderStatus,
    },
    /// The order's status moved.
    OrderStatusChanged {
        /// The order.
        #[serde(flatten)]
        order: OrderData<O>,
        /// The status before.
        previous_status: OrderStatus,
        /// The status after.
        status: OrderStatus,
    },
    /// The courier's side moved, or its courier became known (then both statuses are the same).
    DeliveryStatusChanged {
        /// The order.
        #[serde(flatten)]
        order: OrderData<O>,
        /// The status before.
        previous_status: DeliveryStatus,
        /// The status after.
        status: DeliveryStatus,
    },
    /// One station's ticket moved.
    TicketStatusChanged {
        /// The order.
        #[serde(flatten)]
        order: OrderData<O>,
        /// The station.
        station: String,
        /// The status before.
        previous_status: TicketStatus,
        /// The status after.
        status: TicketStatus,
    },
    /// The order is expected at another time.
    OrderEtaChanged {
        /// The order.
        #[serde(flatten)]
        order: OrderData<O>,
        /// The new expectation.
        eta: Eta,
    },
    /// The payment moved.
    PaymentProcessed {
        /// The order.
        #[serde(flatten)]
        order: OrderData<O>,
        /// The status before.
        previous_status: PaymentStatus,
        /// The status after.
        status: PaymentStatus,
    },
    /// A store was opened, or its settings were changed.
    StoreUpdated {
        /// The store after the event.
        store: Box<Store>,
    },
}

/// What every event about an order says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderData<O> {
    /// The order's id.
    pub order_id: OrderId,
    /// Its store.
    pub store_id: StoreId,
    /// Its version after the event.
    pub order_version: Version,
    /// The order after the event.
    pub order: O,
}

impl<'a> EventData<&'a Order> {
    /// What a recorded fact says; `order` is the state after it.
    pub fn of(recorded: &Recorded, order: &'a Order) -> Self {
        let order = OrderData {
            order_id: order.id,
            store_id: order.store_id,
            order_version: recorded.version,
            order,
        };
        match &recorded.fact {
            Fact::OrderCreated { draft } => Self::OrderCreated { order, status: draft.status },
            Fact::OrderStatusChanged { from, to, .. } => {
                Self::OrderStatusChanged { order, previous_status: *from, status: *to }
            }
            Fact::DeliveryStatusChanged { from, to, .. } => {
                Self::DeliveryStatusChanged { order, previous_status: *from, status: *to }
            }
            Fact::TicketStatusChanged { station, from, to } => Self::TicketStatusChanged {
                order,
                station: station.clone(),
                previous_status: *from,
                status: *to,
            },
            Fact::OrderEtaChanged { eta } => Self::OrderEtaChanged { order, eta: *eta },
            Fact::PaymentProcessed { from, to } => {
                Self::PaymentProcessed { order, previous_status: *from, status: *to }
            }
        }
    }
}

impl<O> EventData<O> {
    /// The type of the event.
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::OrderCreated { .. } => EventType::OrderCreated,
            Self::OrderStatusChanged { .. } => EventType::OrderStatusChanged,
            Self::DeliveryStatusChanged { .. } => EventType::DeliveryStatusChanged,
            Self::TicketStatusChanged { .. } => EventType::TicketStatusChanged,
            Self::OrderEtaChanged { .. } => EventType::OrderEtaChanged,
            Self::PaymentProcessed { .. } => EventType::PaymentProcessed,
            Self::StoreUpdated { .. } => EventType::StoreUpdated,
        }
    }

    /// What the event is about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::OrderCreated { order, .. }
            | Self::OrderStatusChanged { order, .. }
            | Self::DeliveryStatusChanged { order, .. }
            | Self::TicketStatusChanged { order, .. }
            | Self::OrderEtaChanged { order, .. }
            | Self::PaymentProcessed { order, .. } => {
                Subject { id: order.order_id.into(), version: order.order_version }
            }
            Self::StoreUpdated { store } => Subject { id: store.id.into(), version: store.version },
        }
    }

    /// Events with the same key stay in order on their way.
    pub fn partition_key(&self) -> SubjectId {
        self.subject().id
    }

    /// The store that the event belongs to.
    pub fn store_id(&self) -> StoreId {
        match self {
            Self::OrderCreated { order, .. }
            | Self::OrderStatusChanged { order, .. }
            | Self::DeliveryStatusChanged { order, .. }
            | Self::TicketStatusChanged { order, .. }
            | Self::OrderEtaChanged { order, .. }
            | Self::PaymentProcessed { order, .. } => order.store_id,
            Self::StoreUpdated { store } => store.id,
        }
    }

    /// The order, of an event about one.
    pub const fn order(&self) -> Option<&OrderData<O>> {
        match self {
            Self::OrderCreated { order, .. }
            | Self::OrderStatusChanged { order, .. }
            | Self::DeliveryStatusChanged { order, .. }
            | Self::TicketStatusChanged { order, .. }
            | Self::OrderEtaChanged { order, .. }
            | Self::PaymentProcessed { order, .. } => Some(order),
            Self::StoreUpdated { .. } => None,
        }
    }

    /// The same with the order, if there is one, in another shape.
    pub fn map_order<'a, P>(&'a self, shape: impl FnOnce(&'a O) -> P) -> EventData<P> {
        let map = |order: &'a OrderData<O>| OrderData {
            order_id: order.order_id,
            store_id: order.store_id,
            order_version: order.order_version,
            order: shape(&order.order),
        };
        match self {
            Self::OrderCreated { order, status } => {
                EventData::OrderCreated { order: map(order), status: *status }
            }
            Self::OrderStatusChanged { order, previous_status, status } => {
                let (previous_status, status) = (*previous_status, *status);
                EventData::OrderStatusChanged { order: map(order), previous_status, status }
            }
            Self::DeliveryStatusChanged { order, previous_status, status } => {
                let (previous_status, status) = (*previous_status, *status);
                EventData::DeliveryStatusChanged { order: map(order), previous_status, status }
            }
            Self::TicketStatusChanged { order, station, previous_status, status } => {
                EventData::TicketStatusChanged {
                    order: map(order),
                    station: station.clone(),
                    previous_status: *previous_status,
                    status: *status,
                }
            }
            Self::OrderEtaChanged { order, eta } => {
                EventData::OrderEtaChanged { order: map(order), eta: *eta }
            }
            Self::PaymentProcessed { order, previous_status, status } => {
                let (previous_status, status) = (*previous_status, *status);
                EventData::PaymentProcessed { order: map(order), previous_status, status }
            }
            Self::StoreUpdated { store } => EventData::StoreUpdated { store: store.clone() },
        }
    }
}
