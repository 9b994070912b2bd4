//! One event on its way to the screens: decoded once, encoded once for each shape in use.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::{
    channels::{PerShape, Shape},
    domain::{Envelope, EventData, EventType, Order, Subject, Version},
    live::{
        Topic,
        frame::{EVENT_PREFIX, ServerFrame},
        websocket,
    },
};

/// One event.
#[derive(Debug)]
pub struct Event {
    envelope: Envelope<Arc<Order>>,
    subject: Subject,
    frames: PerShape<OnceLock<Frame>>,
}

/// The complete WebSocket frame of an event in one shape.
#[derive(Debug)]
struct Frame {
    bytes: Bytes,
    /// Where its payload begins.
    payload: usize,
}

impl Event {
    /// Wraps what came from the bus or the log.
    pub fn new(envelope: Envelope<Arc<Order>>) -> Self {
        Self { subject: envelope.subject(), envelope, frames: PerShape::default() }
    }

    /// What it is about.
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// The subject's version after it.
    pub const fn version(&self) -> Version {
        self.subject.version
    }

    /// Its type.
    pub const fn event_type(&self) -> EventType {
        self.envelope.event_type()
    }

    /// The order after it, of an event about one.
    pub fn order(&self) -> Option<&Arc<Order>> {
        self.envelope.data.order().map(|data| &data.order)
    }

    /// Every topic that it belongs to.
    pub fn topics(&self) -> impl Iterator<Item = Topic> {
        let of_store = match &self.envelope.data {
            EventData::StoreUpdated { store } => Some([Topic::Store(store.id), Topic::Ops]),
            EventData::OrderCreated { .. }
            | EventData::OrderStatusChanged { .. }
            | EventData::DeliveryStatusChanged { .. }
            | EventData::TicketStatusChanged { .. }
            | EventData::OrderEtaChanged { .. }
            | EventData::PaymentProcessed { .. } => None,
        };
        let of_order = self.order().map(|order| Topic::of(order));
        of_order.into_iter().flatten().chain(of_store.into_iter().flatten())
    }

    /// The whole event.
    pub const fn envelope(&self) -> &Envelope<Arc<Order>> {
        &self.envelope
    }

    /// The WebSocket frame in a shape, header and all: encoded for the first socket that needs it, shared by all others.
    pub fn frame(&self, shape: Shape) -> &Bytes {
        &self.encoded(shape).bytes
    }

    /// The bare envelope in a shape: the frame without its wrapping, for server-sent events.
    pub fn body(&self, shape: Shape) -> Bytes {
        let frame = self.encoded(shape);
        frame.bytes.slice(frame.payload + EVENT_PREFIX.len()..frame.bytes.len() - 1)
    }

    fn encoded(&self, shape: Shape) -> &Frame {
        self.frames.of(shape).get_or_init(|| self.encode(shape))
    }

    fn encode(&self, shape: Shape) -> Frame {
        let mut text = Vec::with_capacity(1024);
        let event = shape.event(&self.envelope);
        // Writing plain structures to memory cannot fail.
        let written = serde_json::to_writer(&mut text, &ServerFrame::Event { event: &event });
        debug_assert!(written.is_ok() && text.starts_with(EVENT_PREFIX.as_bytes()));
        let (bytes, payload) = websocket::text(&text);
        Frame { bytes, payload }
    }
}
