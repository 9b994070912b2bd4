//! The routing facts of an event as AMQP headers: a node can decide by them without reading the body.

use lapin::types::{AMQPValue, FieldTable};

use crate::domain::Routing;

/// The headers of an event. No personal data but ids.
pub fn of(routing: &Routing) -> FieldTable {
    let mut headers = FieldTable::default();
    let mut text = |name: &'static str, value: &str| {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    text("event-type", &routing.event_type);
    text("subject-type", &routing.subject_type);
    text("subject-id", &routing.subject_id);
    text("partition-key", &routing.partition_key);
    if let Some(id) = routing.order_id {
        text("order-id", &id.to_string());
    }
    if let Some(id) = routing.store_id {
        text("store-id", &id.to_string());
    }
    for (name, value) in [
        ("customer-id", &routing.customer_id),
        ("courier-id", &routing.courier_id),
        ("traceparent", &routing.traceparent),
    ] {
        if let Some(value) = value {
            text(name, value);
        }
    }
    headers
        .insert("subject-version".into(), AMQPValue::LongLongInt(routing.subject_version.into()));
    headers
}
