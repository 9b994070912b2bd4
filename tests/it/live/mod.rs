//! The live protocol, as `docs/live-protocol.md` promises it.

mod channels;
mod conformance;
mod ends;
mod frames;
mod handshake;
mod limits;
mod resume;
mod slow;
mod stalled;
mod storm;
mod subjects;
mod topics;

use serde_json::{Value, json};

use crate::harness::{client::Client, screen::Screen, wait::eventually};

/// A partner says that this courier has the order now.
pub async fn assign(client: &Client, order: &str, courier: &str) {
    let body = json!({"type": "delivery.status", "data": {
        "orderId": order, "status": "assigned",
        "courier": {"id": courier, "name": "Omar Khaled", "phone": "+962790000002"},
    }});
    let call = client.webhook("generic", &format!("{order}-{courier}"), &body);
    client.deliver(&call).await.expect(200);
    eventually(async || {
        let order = client.order(order).await;
        if order["delivery"]["courier"]["id"] == courier { Ok(()) } else { Err(order) }
    })
    .await;
}

/// The code of an `error` frame.
#[track_caller]
pub fn code(frame: &Value) -> &str {
    assert_eq!(frame["type"], "error", "{frame}");
    assert!(frame["error"]["message"].as_str().is_some_and(|it| !it.is_empty()), "{frame}");
    frame["error"]["code"].as_str().unwrap()
}

/// Waits until the node has caught up with what happened before its start. Until then its screens are told that they are behind.
pub async fn until_in_touch(client: &Client) {
    eventually(async || match client.metric("orderwire_live_behind", &[]).await {
        Some(0.0) => Ok(()),
        behind => Err(behind),
    })
    .await;
}

/// Fails unless the socket still talks.
pub async fn assert_alive(screen: &mut Screen) {
    assert_eq!(screen.ask(json!({"type": "ping"})).await["type"], "pong");
}
