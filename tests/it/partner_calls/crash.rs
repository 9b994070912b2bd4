//! The server is killed while it tells partners something: whatever was due is told after the restart.

use serde_json::json;

use crate::{
    harness::{
        process::Process,
        stand_in::{Reply, StandIn},
    },
    partner_calls::{placed, until_states},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_tells_what_it_was_about_to_tell() {
    let pos = StandIn::spawn(&[Reply::Lost]).await;
    let url = format!("partners.generic.base_url={}", pos.url());
    let mut server =
        Process::spawn(&[&url, "outbound.timeout=400ms", "outbound.first_delay=20ms"]).await;
    let order = placed(&server, "generic", "pos-1", json!({})).await;
    server.step(&order, &["accepted", "preparing", "ready"]).await;
    // It has been told, and nobody has written that down.
    pos.until(1).await;
    server.kill9().await;
    server.restart().await;
    until_states(&server, &order, &[("accept", "sent"), ("ready", "sent")]).await;
    let heard = pos.heard();
    let kinds: Vec<_> = heard.iter().map(|it| it.json["type"].as_str().unwrap()).collect();
    let accepted = kinds.iter().take_while(|it| **it == "order.accepted").count();
    assert!(2 <= accepted, "{kinds:?}");
    let (_, then) = kinds.split_at(accepted);
    assert!(!then.is_empty() && then.iter().all(|it| *it == "order.ready"), "{kinds:?}");
    assert!(server.terminate().await.success());
}
