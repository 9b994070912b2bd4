//! Orders over HTTP: placed, moved, ended, found, shared.

mod ends;
mod history;
mod idempotency;
mod list;
mod place;
mod share;
mod steps;
mod stores;
mod tickets;
mod trace;

use serde_json::{Value, json};

/// The fields that an answer finds fault with.
fn fields(error: &Value) -> Vec<&str> {
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    details.iter().filter_map(|it| it["field"].as_str()).collect()
}

/// A reason, as people give it.
fn reason(code: &str) -> Value {
    json!({"reason": {"code": code}})
}
