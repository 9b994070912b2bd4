//! The frames of the live protocol, both ways.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    channels::{OrderView, Shape},
    domain::{Order, Version},
    http::problem::Problem,
    live::Topic,
};

/// The version of the protocol.
const PROTOCOL: u32 = 1;

/// The longest `id` of a client's frame, in bytes of JSON.
const LONGEST_ID: usize = 64;

/// What a client sends.
#[derive(Debug)]
pub enum Request {
    /// Watch a topic.
    Subscribe {
        /// Which.
        topic: Topic,
        /// The last version known, of an order.
        after: Option<Version>,
    },
    /// Watch it no more.
    Unsubscribe {
        /// Which.
        topic: Topic,
    },
    /// A fresh token.
    Auth {
        /// The token.
        token: String,
    },
    /// Are you there?
    Ping,
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

/// Reads a client's frame. The id comes back even with a problem, where it could be read.
pub fn read(text: &str) -> (Value, Result<Request, Problem>) {
    let incoming: Incoming = match serde_json::from_str(text) {
        Ok(incoming) => incoming,
        Err(error) => {
            return (Value::Null, Err(Problem::invalid(format!("Not a frame: {error}."))));
        }
    };
    let short = match &incoming.id {
        Value::Null | Value::Number(_) => true,
        Value::String(id) => id.len() <= LONGEST_ID,
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    if !short {
        let message = format!("`id` is a number, or a string of at most {LONGEST_ID} bytes.");
        return (Value::Null, Err(Problem::invalid(message)));
    }
    (incoming.id.clone(), understand(incoming))
}

fn understand(incoming: Incoming) -> Result<Request, Problem> {
    match incoming.kind.as_str() {
        "subscribe" => {
            Ok(Request::Subscribe { topic: topic(incoming.topic)?, after: incoming.after })
        }
        "unsubscribe" => Ok(Request::Unsubscribe { topic: topic(incoming.topic)? }),
        "auth" => {
            let token = incoming.token.ok_or_else(|| Problem::invalid("`token` is missing."))?;
            Ok(Request::Auth { token })
        }
        "ping" => Ok(Request::Ping),
        kind => Err(Problem::invalid(format!(
            "{kind:?} is not a frame; there are subscribe, unsubscribe, auth and ping."
        ))),
    }
}

fn topic(text: Option<String>) -> Result<Topic, Problem> {
    let text = text.ok_or_else(|| Problem::invalid("`topic` is missing."))?;
    text.parse().map_err(|error| Problem::invalid(format!("`topic`: {error}.")))
}

/// The first frame.
pub fn hello(shape: Shape, expires_at: Timestamp, ping_every: f64) -> String {
    json!({
        "type": "hello", "protocol": PROTOCOL, "channel": shape.channel(),
        "expiresAt": expires_at, "pingEvery": ping_every,
    })
    .to_string()
}

/// What a topic looks like now.
pub fn subscribed(id: &Value, topic: &Topic, shape: Shape, orders: &[impl AsRef<Order>]) -> String {
    let views = orders.iter().map(|it| shape.view(it.as_ref()));
    let snapshot = match topic {
        Topic::Order(_) => Snapshot { order: views.last(), orders: None },
        Topic::Store(_) | Topic::Customer(_) | Topic::Courier(_) | Topic::Ops => {
            Snapshot { order: None, orders: Some(views.collect()) }
        }
    };
    let frame = Subscribed { kind: "subscribed", id, topic: topic.to_string(), snapshot };
    // Plain structures always serialise.
    serde_json::to_string(&frame).unwrap_or_default()
}

#[derive(Serialize)]
struct Subscribed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a Value,
    topic: String,
    snapshot: Snapshot<'a>,
}

/// The state of a topic.
#[derive(Serialize)]
pub struct Snapshot<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<OrderView<'a>>>,
}

impl<'a> Snapshot<'a> {
    /// The state of one order.
    pub fn of(order: OrderView<'a>) -> Self {
        Self { order: Some(order), orders: None }
    }
}

/// The missed events follow.
pub fn resumed(id: &Value, topic: &Topic) -> String {
    json!({"type": "subscribed", "id": id, "topic": topic.to_string(), "resumed": true}).to_string()
}

/// No more events of this topic.
pub fn unsubscribed(id: &Value, topic: &Topic) -> String {
    json!({"type": "unsubscribed", "id": id, "topic": topic.to_string()}).to_string()
}

/// The fresh token was taken.
pub fn authenticated(id: &Value, expires_at: Timestamp) -> String {
    json!({"type": "authenticated", "id": id, "expiresAt": expires_at}).to_string()
}

/// What is shown may be stale.
pub fn behind(since: Timestamp) -> String {
    json!({"type": "behind", "since": since}).to_string()
}

/// What is shown is true again.
pub const CAUGHT_UP: &str = r#"{"type":"caught_up"}"#;

/// Here I am.
pub fn pong(id: &Value) -> String {
    json!({"type": "pong", "id": id}).to_string()
}

/// A frame was not understood, or not allowed.
pub fn error(id: &Value, problem: &Problem) -> String {
    let error = json!({"code": problem.code(), "message": problem.message()});
    json!({"type": "error", "id": id, "error": error}).to_string()
}
