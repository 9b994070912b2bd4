//! Partners' calls, from the signature to the order.

mod abuse;
mod adapters;
mod chaos;
mod credentials;
mod inbox;
mod once;
mod partners;
mod placed;
mod proof;
mod unreadable;

use serde_json::Value;

use crate::harness::client::Client;

/// The stored calls that fit a query, newest first.
pub async fn calls(app: &Client, query: &str) -> Vec<Value> {
    let path = format!("/v1/webhooks/inbox?limit=200&{query}");
    let mut page = app.get(&path, &app.service()).await.expect(200);
    assert!(page.get("nextCursor").is_none(), "more than a page");
    match page["calls"].take() {
        Value::Array(calls) => calls,
        other => panic!("{other}"),
    }
}
