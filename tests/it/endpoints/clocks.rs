//! Nodes whose machines disagree about the time. Only the real stack has several.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use orderwire::{
    base::clock::Clock,
    config::{Config, Span},
};
use serde_json::json;

use crate::{
    endpoints::{header, quick, register, until_states},
    harness::{
        app::TestApp,
        services::{Isolated, Stack},
        stand_in::{Reply, StandIn},
    },
};

const SKEW: SignedDuration = SignedDuration::from_secs(30);

fn patient(config: &mut Config) {
    quick(config);
    config.endpoints.timeout = Span::secs(20);
    config.endpoints.retry_after.0 = vec![Span::secs(3); 3];
    config.live.drain_window = Span::millis(0);
}

async fn node(isolated: &Arc<Isolated>, skew: SignedDuration) -> TestApp {
    TestApp::on(Arc::clone(isolated), Clock::skewed(skew), patient).await
}

#[tokio::test]
async fn a_claimed_delivery_is_not_taken_by_a_node_whose_clock_is_ahead() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let isolated = Arc::new(Isolated::new().await);
    let slow = node(&isolated, -SKEW).await;
    let pos = StandIn::spawn(&[Reply::Lost]).await;
    let store = slow.store().await;
    register(&slow, &pos, json!({"eventTypes": ["OrderCreated"]})).await;
    slow.place(&store).await;
    let claimed = pos.until(1).await.remove(0);

    // While the first delivery waits for its answer, the other node looks for work again and again.
    let fast = node(&isolated, SKEW).await;
    for number in 2..6 {
        let order = fast.place(&store).await;
        let recorded: Timestamp = order["placedAt"].as_str().unwrap().parse().unwrap();
        let off = recorded.duration_since(Clock::System.now()).abs();
        assert!(off < SignedDuration::from_secs(10), "an event is {off:?} off");
        pos.until(number).await;
    }
    let id = header(&claimed, "webhook-id");
    let attempts = pos.heard().iter().filter(|heard| header(heard, "webhook-id") == id).count();
    assert_eq!(attempts, 1, "another node took the delivery before its lease was over");
    let metrics = String::from_utf8(fast.get("/metrics", "").await.body.to_vec()).unwrap();
    assert!(metrics.contains("orderwire_clock_offset_seconds"), "{metrics}");
}

#[tokio::test]
async fn a_retry_is_not_late_because_the_clock_of_a_node_is_behind() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let isolated = Arc::new(Isolated::new().await);
    let fast = node(&isolated, SKEW).await;
    let pos = StandIn::spawn(&[Reply::Status(503)]).await;
    let store = fast.store().await;
    let endpoint = register(&fast, &pos, json!({"eventTypes": ["OrderCreated"]})).await;
    fast.place(&store).await;
    pos.until(1).await;
    fast.shut_down().await;

    let slow = node(&isolated, -SKEW).await;
    until_states(&slow, &endpoint, &["delivered"]).await;
}
