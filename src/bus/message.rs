//! What is published, and what became of it.

use bytes::Bytes;

use crate::{
    bus::Queue,
    domain::{EventId, EventType, OrderId, StoreId},
};

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

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Published {
    /// Messages that a consumer in this process rejected too often, to be stored for somebody to look at. A broker keeps
    /// these itself.
    pub dead: Vec<DeadLetter>,
}

/// A message that its consumer cannot take.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Whose message it was.
    pub queue: Queue,
    /// The message.
    pub message: Message,
    /// Why it was rejected the last time.
    pub error: String,
}
