//! Once is enough, and the order of arrival does not matter.

use futures_util::{
    StreamExt,
    future::join_all,
    stream::{self},
};
use serde_json::{Value, json};

use crate::{
    harness::{
        app::TestApp,
        client::{Client, id, partner_order_for},
        wait::eventually,
        webhooks::{PARTNERS, status_body},
    },
    webhooks::calls,
};

const AT_ONCE: usize = 50;

/// Each partner's words for one delivery, from the first to the last.
fn words(partner: &str) -> &'static [&'static str] {
    match partner {
        "careem" => &["accepted", "driver_coming", "driver_here", "trip_started", "trip_ended"],
        "deliveroo" => &[
            "accepted",
            "confirmed",
            "rider_assigned",
            "rider_arrived",
            "rider_in_transit",
            "rider_nearby",
            "delivered",
        ],
        _ => &["accepted", "preparing", "ready", "out_for_delivery", "delivered"],
    }
}

/// Waits until all calls are through, and answers them.
async fn settled(app: &Client, query: &str) -> Vec<Value> {
    eventually(async || {
        let calls = calls(app, query).await;
        let pending = calls.iter().any(|it| it["state"] == "pending");
        if pending || calls.is_empty() { Err(calls) } else { Ok(calls) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_sent_fifty_times_at_once_is_applied_once() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    for partner in PARTNERS {
        let body = partner_order_for(&store, partner, "x1");
        let order = app.place_as(&app.service(), &body).await;
        let call = app.webhook(partner, "e1", &status_body(partner, "x1", "accepted"));
        let answers = join_all((0..AT_ONCE).map(|_| app.deliver(&call))).await;
        assert!(answers.iter().all(|it| it.status == 200), "{answers:?}");
        app.until_status(id(&order), "accepted").await;
        let stored = settled(&app, &format!("partner={partner}")).await;
        assert_eq!(stored.len(), 1, "{stored:?}");
        assert_eq!(stored[0]["outcome"], "applied");
        // And long after.
        app.deliver(&call).await.expect(200);
        let path = format!("/v1/orders/{}/history", id(&order));
        let history = app.get(&path, &app.service()).await.expect(200);
        assert_eq!(history["events"].as_array().unwrap().len(), 2, "{history}");
        assert_eq!(history["late"], json!([]));
        assert_eq!(calls(&app, &format!("partner={partner}")).await.len(), 1);
    }
}

#[tokio::test]
async fn the_same_id_or_the_same_body_is_the_same_call() {
    let app = TestApp::spawn().await;
    for partner in ["deliveroo", "generic"] {
        let accepted = status_body(partner, "x1", "accepted");
        let delivered = status_body(partner, "x1", "delivered");
        for call in [
            app.webhook(partner, "e1", &accepted),
            app.webhook(partner, "e2", &accepted),
            app.webhook(partner, "e1", &delivered),
        ] {
            app.deliver(&call).await.expect(200);
        }
        let stored = settled(&app, &format!("partner={partner}")).await;
        assert_eq!(stored.len(), 1, "{stored:?}");
        assert_eq!(stored[0]["eventId"], "e1");
    }
}

#[tokio::test]
async fn two_partners_may_use_the_same_id_and_the_same_body() {
    let app = TestApp::spawn().await;
    let body = json!({"type": "x", "event": "x", "event_type": "x"});
    for partner in PARTNERS {
        app.deliver(&app.webhook(partner, "e1", &body)).await.expect(200);
    }
    assert_eq!(settled(&app, "").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_ends_in_the_same_state_whatever_order_its_calls_come_in() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    for partner in PARTNERS {
        let mut ends = Vec::new();
        for way in ["forwards", "backwards", "at-once"] {
            let body = partner_order_for(&store, partner, way);
            let order = app.place_as(&app.service(), &body).await;
            let mut sent: Vec<_> = words(partner)
                .iter()
                .map(|it| {
                    app.webhook(partner, &format!("{way}-{it}"), &status_body(partner, way, it))
                })
                .collect();
            if way == "backwards" {
                sent.reverse();
            }
            let lanes = if way == "at-once" { sent.len() } else { 1 };
            let deliveries: Vec<_> = sent.iter().map(|it| app.deliver(it)).collect();
            let answers: Vec<_> = stream::iter(deliveries).buffered(lanes).collect().await;
            assert!(answers.iter().all(|it| it.status == 200), "{answers:?}");
            let query = format!("partner={partner}&orderId={}", id(&order));
            eventually(async || {
                let seen = calls(&app, &query).await;
                if seen.len() == words(partner).len() { Ok(()) } else { Err(seen) }
            })
            .await;
            ends.push(end(app.order(id(&order)).await));
        }
        assert_eq!(ends[0]["status"], "delivered", "{}", ends[0]);
        assert_eq!(ends[0], ends[1], "{partner}, backwards");
        assert_eq!(ends[0], ends[2], "{partner}, at once");
    }
}

/// The order without what tells one order, or one way, from another.
fn end(mut order: Value) -> Value {
    let fields = order.as_object_mut().unwrap();
    for field in
        ["id", "number", "externalId", "version", "timeline", "updatedAt", "placedAt", "eta"]
    {
        fields.remove(field);
    }
    for ticket in order["tickets"].as_array_mut().unwrap() {
        ticket["changedAt"] = Value::Null;
    }
    order
}
