//! The frames of the live protocol, both ways, as JSON text.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::{
    channels::{Channel, OrderView, Shape},
    domain::{Envelope, Order, OrderId, Version},
    live::{
        topic::{Topic, TopicError},
        websocket,
    },
};

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;

/// How the text of every [`ServerFrame::Event`] begins; the envelope and one brace follow.
pub const EVENT_PREFIX: &str = r#"{"type":"event","event":"#;

/// The longest `id` of a client's frame, in bytes of JSON.
const LONGEST_ID: usize = 64;

/// What the server sends.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ServerFrame<'a> {
    /// The first frame.
    Hello { protocol: u32, channel: Channel, expires_at: Timestamp, ping_every: f64 },
    /// Events of this topic follow: after a snapshot, or after those that were missed (`resumed`).
    Subscribed {
        id: &'a Value,
        topic: &'a Topic,
        #[serde(skip_serializing_if = "Option::is_none")]
        snapshot: Option<Snapshot<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        resumed: Option<bool>,
    },
    /// No more events of this topic.
    Unsubscribed { id: &'a Value, topic: &'a Topic },
    /// Something has changed.
    Event { event: &'a Envelope<OrderView<'a>> },
    /// A fresh token was accepted.
    Authenticated { id: &'a Value, expires_at: Timestamp },
    /// The token ends soon.
    Expiring { expires_at: Timestamp },
    /// The client's state may be stale.
    Behind { since: Timestamp },
    /// The client's state is current again.
    CaughtUp,
    /// The server is alive, and has sent these versions: a client that lacks one has missed something.
    Ping {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        heads: Vec<Head>,
    },
    /// The answer to a client's ping.
    Pong { id: &'a Value },
    /// The socket will be closed after this time.
    Reconnect { after_ms: u128 },
    /// A client's frame was not understood, or not permitted.
    Error { id: &'a Value, error: ErrorDetail<'a> },
}

/// Why a client's frame was refused.
#[derive(Debug, Serialize)]
pub struct ErrorDetail<'a> {
    /// For programs.
    pub code: &'a str,
    /// For people.
    pub message: &'a str,
}

/// The newest event of a topic.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The topic.
    pub topic: String,
    /// The order that the event is about.
    pub order_id: OrderId,
    /// The order's version after it.
    pub version: Version,
}

/// The present state of a topic: one order, or a list of them.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// What is shown.
    pub topic: &'a Topic,
    /// To whom it is shown.
    pub shape: Shape,
    /// The orders of the topic.
    pub orders: &'a [Arc<Order>],
}

impl Serialize for Snapshot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut views = self.orders.iter().map(|order| self.shape.view(order));
        let mut map = serializer.serialize_map(Some(1))?;
        match self.topic {
            Topic::Order(_) => map.serialize_entry("order", &views.next())?,
            Topic::Store(_) | Topic::Customer(_) | Topic::Courier(_) | Topic::Ops => {
                map.serialize_entry("orders", &views.collect::<Vec<_>>())?;
            }
        }
        map.end()
    }
}

impl ServerFrame<'_> {
    /// The complete WebSocket frame.
    pub fn encode(&self) -> Bytes {
        // Plain structures always serialise.
        websocket::text(&serde_json::to_vec(self).unwrap_or_default()).0
    }
}

/// What a client sends.
#[derive(Debug)]
pub enum ClientFrame {
    /// Watch a topic.
    Subscribe {
        /// Which.
        topic: Topic,
        /// The last version known, of an order.
        after: Option<Version>,
    },
    /// Stop watching a topic.
    Unsubscribe {
        /// Which.
        topic: Topic,
    },
    /// A fresh token.
    Auth {
        /// The token.
        token: String,
    },
    /// Asks for a pong.
    Ping,
}

/// A client's frame that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// It is not JSON, or has other fields.
    #[error("Not a frame: {0}.")]
    Malformed(#[from] serde_json::Error),
    /// Its id cannot be sent back.
    #[error("`id` is a number, or a string of at most {LONGEST_ID} bytes.")]
    Id,
    /// A field that its type needs.
    #[error("`{0}` is missing.")]
    Missing(&'static str),
    /// Its topic.
    #[error("`topic`: {0}.")]
    Topic(#[from] TopicError),
    /// Its type.
    #[error("{0:?} is not a frame; there are subscribe, unsubscribe, auth and ping.")]
    Unknown(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Incoming {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Value,
    topic: Option<String>,
    after: Option<Version>,
    token: Option<String>,
}

impl ClientFrame {
    /// Reads a client's frame. The id is returned even with an error, where it could be read.
    pub fn read(text: &str) -> (Value, Result<Self, FrameError>) {
        let mut incoming: Incoming = match serde_json::from_str(text) {
            Ok(incoming) => incoming,
            Err(error) => return (Value::Null, Err(error.into())),
        };
        let is_short = match &incoming.id {
            Value::Null | Value::Number(_) => true,
            Value::String(id) => id.len() <= LONGEST_ID,
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if !is_short {
            return (Value::Null, Err(FrameError::Id));
        }
        (incoming.id.take(), Self::understand(incoming))
    }

    fn understand(incoming: Incoming) -> Result<Self, FrameError> {
        let topic = |text: Option<String>| -> Result<Topic, FrameError> {
            Ok(text.ok_or(FrameError::Missing("topic"))?.parse()?)
        };
        Ok(match incoming.kind.as_str() {
            "subscribe" => Self::Subscribe { topic: topic(incoming.topic)?, after: incoming.after },
            "unsubscribe" => Self::Unsubscribe { topic: topic(incoming.topic)? },
            "auth" => Self::Auth { token: incoming.token.ok_or(FrameError::Missing("token"))? },
            "ping" => Self::Ping,
            _ => return Err(FrameError::Unknown(incoming.kind)),
        })
    }
}
