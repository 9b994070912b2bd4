//! What decides where an event goes, beside its body: a relay or node decides by it without reading the body.

use std::{
    borrow::{Borrow, Cow},
    fmt,
};

use crate::domain::{Envelope, Order, OrderId, StoreId, SubjectType, Version};

/// What decides where an event goes.
///
/// Types stand here as texts, for the relay of one release publishes what nodes of a newer one have written. No personal data but ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// The type of the event.
    pub event_type: Cow<'static, str>,
    /// The type of its subject.
    pub subject_type: Cow<'static, str>,
    /// The id of its subject.
    pub subject_id: Box<str>,
    /// The version of its subject after the event.
    pub subject_version: Version,
    /// Events with the same key stay in order.
    pub partition_key: Box<str>,
    /// The order that it belongs to.
    pub order_id: Option<OrderId>,
    /// The store that it belongs to.
    pub store_id: Option<StoreId>,
    /// The customer that it belongs to.
    pub customer_id: Option<Box<str>>,
    /// The courier that it belongs to.
    pub courier_id: Option<Box<str>>,
    /// The W3C trace that it belongs to.
    pub traceparent: Option<Box<str>>,
}

impl Routing {
    /// That of an event.
    pub fn of<O: Borrow<Order>>(event: &Envelope<O>) -> Self {
        let subject = event.subject();
        let order = event.data.order().map(|data| data.order.borrow());
        let courier = order.and_then(|order| order.delivery.courier.as_ref());
        Self {
            event_type: event.event_type().as_str().into(),
            subject_type: subject.id.subject_type().as_str().into(),
            subject_id: subject.id.to_string().into(),
            subject_version: subject.version,
            partition_key: event.data.partition_key().to_string().into(),
            order_id: order.map(|order| order.id),
            store_id: Some(event.data.store_id()),
            customer_id: order.and_then(|order| order.customer.id.as_deref().map(Into::into)),
            courier_id: courier.map(|courier| courier.id.as_str().into()),
            traceparent: event.metadata.traceparent.clone(),
        }
    }

    /// Whether the event is about an order.
    pub fn is_about_order(&self) -> bool {
        self.subject_type == SubjectType::Order.as_str()
    }

    /// What queues are bound by: `OrderCreated.str_…`. Always two words, the second `-` where there is no store.
    pub fn routing_key(&self) -> String {
        let store: &dyn fmt::Display = match &self.store_id {
            Some(store) => store,
            None => &"-",
        };
        format!("{}.{store}", self.event_type)
    }
}
