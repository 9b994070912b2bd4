//! One event on its way to the screens: decoded once, encoded once for each shape in use.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::{
    channels::{PerShape, Shape},
    domain::{Envelope, EventType, Order, OrderId, Version},
    live::websocket,
};

const HEAD: &str = r#"{"type":"event","event":"#;

/// One event.
#[derive(Debug)]
pub struct Event {
    envelope: Envelope<Arc<Order>>,
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
        Self { envelope, frames: PerShape::default() }
    }

    /// The order it happened to.
    pub const fn order_id(&self) -> OrderId {
        self.envelope.data.order_id
    }

    /// The order's version after it.
    pub const fn version(&self) -> Version {
        self.envelope.data.order_version
    }

    /// What it tells of.
    pub const fn event_type(&self) -> EventType {
        self.envelope.event_type
    }

    /// The order after it.
    pub const fn order(&self) -> &Arc<Order> {
        &self.envelope.data.order
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
        frame.bytes.slice(frame.payload + HEAD.len()..frame.bytes.len() - 1)
    }

    fn encoded(&self, shape: Shape) -> &Frame {
        self.frames.of(shape).get_or_init(|| self.encode(shape))
    }

    fn encode(&self, shape: Shape) -> Frame {
        let mut text = Vec::with_capacity(1024);
        text.extend_from_slice(HEAD.as_bytes());
        // Writing plain structures to memory cannot fail.
        let written = serde_json::to_writer(&mut text, &shape.event(&self.envelope));
        debug_assert!(written.is_ok());
        text.push(b'}');
        let (bytes, payload) = websocket::text(&text);
        Frame { bytes, payload }
    }
}
