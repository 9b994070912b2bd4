//! What partners sent is kept, whether or not anything could be made of it.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    harness::{
        app::TestApp,
        client::{id, partner_order_for},
        wait::eventually,
        webhooks::{Signer, signed, status_body},
    },
    webhooks::calls,
};

#[tokio::test]
async fn unknown_words_and_unknown_orders_are_no_errors_and_can_be_found() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place_as(&app.service(), &partner_order_for(&store, "careem", "c1")).await;
    for (partner, event, body) in [
        ("careem", "", status_body("careem", "c1", "abducted")),
        ("careem", "", status_body("careem", "c1", "slot_started")),
        ("careem", "", status_body("careem", "nobodys", "accepted")),
        ("careem", "", json!({"event_type": "WEATHER_CHANGED"})),
        ("deliveroo", "g1", status_body("deliveroo", "nobodys", "accepted")),
        ("generic", "m1", json!({"type": "order.status", "data": {"status": "ready"}})),
        ("generic", "m2", json!([1, 2])),
    ] {
        let answer = app.deliver(&app.webhook(partner, event, &body)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
    }
    eventually(async || {
        let pending = calls(&app, "state=pending").await;
        if pending.is_empty() { Ok(()) } else { Err(pending) }
    })
    .await;
    for (query, found) in [
        ("", 7),
        ("partner=careem", 4),
        ("partner=talabat", 0),
        ("outcome=unknown_order", 2),
        ("outcome=unknown_order&partner=deliveroo", 1),
        ("state=parked", 2),
        ("outcome=unknown_status", 1),
        ("outcome=unreadable", 2),
        (&format!("orderId={}", id(&order)), 2),
    ] {
        let calls = calls(&app, query).await;
        assert_eq!(calls.len(), found, "{query}: {calls:#?}");
    }
    let unknown = &calls(&app, "outcome=unknown_status").await[0];
    assert_eq!((&unknown["note"], &unknown["externalId"]), (&json!("abducted"), &json!("c1")));
    assert_eq!(unknown["orderId"], order["id"]);
    assert_eq!(app.order(id(&order)).await, order);
}

#[tokio::test]
async fn a_call_that_comes_before_its_order_waits_for_it() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    for (at, word) in ["accepted", "confirmed"].iter().enumerate() {
        let call =
            app.webhook("deliveroo", &format!("g{at}"), &status_body("deliveroo", "d1", word));
        app.deliver(&call).await.expect(200);
    }
    eventually(async || {
        let parked = calls(&app, "state=parked").await;
        if parked.len() == 2 { Ok(()) } else { Err(parked) }
    })
    .await;
    let order = app.place_as(&app.service(), &partner_order_for(&store, "deliveroo", "d1")).await;
    assert_eq!(order["status"], "placed");
    app.until_status(id(&order), "preparing").await;
    eventually(async || {
        let parked = calls(&app, "state=parked").await;
        if parked.is_empty() { Ok(()) } else { Err(parked) }
    })
    .await;
}

#[tokio::test]
async fn a_body_is_kept_byte_for_byte() {
    let app = TestApp::spawn().await;
    let body =
        "\r\n{ \"type\" :\t\"order.status\",\"b\":1.0,\"a\":1e2,\"a\":\"\\u0639 ع \\u0000\" }  \n";
    let now = app.clock.now().as_second();
    let call = signed("generic", "m1", now, body.as_bytes().to_vec(), Signer::Openssl);
    app.deliver(&call).await.expect(200);
    let stored = &calls(&app, "").await[0];
    let path = format!("/v1/webhooks/inbox/{}/body", stored["id"].as_str().unwrap());
    let kept = app.get(&path, &app.service()).await;
    assert_eq!(kept.header("content-type"), Some("application/octet-stream"));
    assert_eq!(kept.body, body.as_bytes());
}

#[tokio::test]
async fn pages_of_the_inbox_neither_repeat_nor_omit_a_call() {
    let app = TestApp::spawn().await;
    let send = async |at: usize| {
        let body = status_body("careem", &format!("c{at}"), "accepted");
        app.deliver(&app.webhook("careem", "", &body)).await.expect(200);
    };
    for at in 0..10 {
        send(at).await;
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/webhooks/inbox?limit=3".to_owned());
    loop {
        let page = app.get(&path, &app.service()).await.expect(200);
        seen.extend(page["calls"].as_array().unwrap().iter().map(|it| id(it).to_owned()));
        send(100 + seen.len()).await;
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/v1/webhooks/inbox?limit=3&cursor={cursor}");
    }
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!((distinct.len(), seen.len()), (10, 10), "{seen:?}");
}

#[tokio::test]
async fn three_megabytes_are_taken_and_not_a_byte_more() {
    let app = TestApp::spawn().await;
    let limit = app.config().http.webhook_body_limit;
    assert_eq!(limit, 3 * 1024 * 1024);
    for (size, status) in [(limit, 200), (limit + 1, 413)] {
        let frame = "{\"event_type\":\"CATALOG_REQUEST_STATUS_UPDATED\",\"x\":\"\"}";
        let padding = "x".repeat(size - frame.len());
        let body = frame.replace("\"\"", &format!("\"{padding}\""));
        let call = signed("careem", "", 0, body.clone().into_bytes(), Signer::InProcess);
        let answer = app.deliver(&call).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 413 {
            answer.expect_error(413, "PAYLOAD_TOO_LARGE");
            continue;
        }
        let stored = calls(&app, "").await;
        let path = format!("/v1/webhooks/inbox/{}/body", id(&stored[0]));
        assert_eq!(app.get(&path, &app.service()).await.body, body);
    }
    assert_eq!(calls(&app, "").await.len(), 1);
}
