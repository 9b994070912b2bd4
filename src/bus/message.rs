//! What is published.

use bytes::Bytes;

use crate::domain::{EventId, EventType, OrderId, StoreId};

/// One event on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The event's id, over all its deliveries.
    pub event_id: EventId,
    /// What it tells of.
    pub event_type: EventType,
    /// The order's store.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// The event envelope, as JSON.
    pub body: Bytes,
}

impl Message {
    /// What queues are bound by: `OrderCreated.str_…`.
    pub fn routing_key(&self) -> String {
        format!("{}.{}", self.event_type, self.store_id)
    }
}
