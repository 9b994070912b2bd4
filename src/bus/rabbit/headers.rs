//! The routing facts of an event as AMQP headers: a node can decide by them without reading the body.

use lapin::types::{AMQPValue, FieldTable};

use crate::{bus::Queue, domain::Routing};

/// The headers of an event. No personal data but ids.
///
/// `BCC` has the routing keys of the durable queues that want it, beside its own: RabbitMQ routes by all of them, and takes that header
/// off. So each queue has one binding for all of its events, which can be probed alone.
pub fn of(routing: &Routing) -> FieldTable {
    let wanting = Queue::ALL.iter().filter(|queue| queue.wants(&routing.event_type));
    let keys: Vec<_> =
        wanting.map(|queue| AMQPValue::LongString(queue.routing_key().into())).collect();
    let mut headers = FieldTable::default();
    headers.insert("BCC".into(), AMQPValue::FieldArray(keys.into()));
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
