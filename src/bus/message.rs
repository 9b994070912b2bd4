//! What is published.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{EventId, Routing};

/// One event on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The event's id, over all its deliveries.
    pub event_id: EventId,
    /// Where it goes.
    pub routing: Arc<Routing>,
    /// The event envelope, as JSON.
    pub body: Bytes,
}
