//! What orchestrators and Prometheus ask.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::harness::{
    app::TestApp,
    client::{answer, id, partner_order_for},
    metrics,
    wait::eventually,
    webhooks::status_body,
};

/// Every name that a dashboard may rely on, and the labels it is told apart by.
const METRICS: [(&str, &[&str]); 14] = [
    ("orderwire_http_requests_total", &["method", "route", "status"]),
    ("orderwire_http_request_seconds", &["method", "route"]),
    ("orderwire_live_sockets", &["transport"]),
    ("orderwire_live_events_total", &[]),
    ("orderwire_live_frames_total", &[]),
    ("orderwire_live_lag_seconds", &[]),
    ("orderwire_live_behind", &[]),
    ("orderwire_outbox_rows", &[]),
    ("orderwire_outbox_oldest_age_seconds", &[]),
    ("orderwire_relay_published_total", &[]),
    ("orderwire_webhook_calls_total", &["partner", "answer"]),
    ("orderwire_intake_settled_total", &["partner", "outcome"]),
    ("orderwire_inbox_rows", &["state"]),
    ("orderwire_live_closed_total", &["code"]),
];

#[tokio::test]
async fn a_healthy_server_says_so() {
    let app = TestApp::spawn().await;
    let alive = answer(app.request(Method::GET, "/healthz")).await;
    assert_eq!((alive.status, &alive.body[..]), (200, b"ok\n".as_slice()));
    let well = json!({"ok": true});
    let expected = json!({
        "ready": true, "store": well, "bus": well, "cache": well, "draining": false, "sockets": 1,
    });
    let _screen = app.screen(&app.service(), "").await;
    eventually(async || {
        let ready = answer(app.request(Method::GET, "/readyz")).await.expect(200);
        if ready == expected { Ok(()) } else { Err(ready) }
    })
    .await;
}

#[tokio::test]
async fn metrics_go_by_the_names_that_are_documented() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place_as(&app.service(), &partner_order_for(&store, "careem", "c1")).await;
    let mut screen = app.screen(&app.staff(&store), "kitchen").await;
    screen.subscribe(&format!("store:{store}"), None).await;
    app.deliver(&app.webhook("careem", "", &status_body("careem", "c1", "accepted"))).await;
    app.until_status(id(&order), "accepted").await;
    screen.until_version(id(&order), 2).await;
    screen.send_text("x".repeat(10_000)).await;
    assert_eq!(screen.closed().await, 4501);

    let mut minute = 0;
    let text = eventually(async || {
        // How late events are is measured on those that come by way of the bus, which takes a moment to be there.
        minute += 1;
        let eta = json!({"eta": {"readyAt": format!("2027-01-01T12:{:02}:00Z", minute % 60)}});
        app.change(id(&order), &eta).await;
        let answer = answer(app.request(Method::GET, "/metrics")).await;
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let missing: Vec<_> =
            METRICS.iter().filter(|(name, labels)| !has(&text, name, labels)).collect();
        if missing.is_empty() { Ok(text) } else { Err(missing) }
    })
    .await;
    // The ids of orders and stores would make a series each.
    assert!(!text.contains("ord_") && !text.contains("str_"), "{text}");
    let described: BTreeSet<_> = text.lines().filter(|it| it.starts_with("# HELP")).collect();
    assert!(METRICS.len() <= described.len(), "{described:?}");
}

fn has(text: &str, name: &str, labels: &[&str]) -> bool {
    text.lines().any(|line| {
        let is_it =
            line.strip_prefix(name).is_some_and(|it| !it.starts_with(char::is_alphanumeric));
        is_it && labels.iter().all(|it| line.contains(&format!("{it}=\"")))
    })
}

#[tokio::test]
async fn what_one_server_counts_another_in_the_same_process_does_not() {
    const CREATED: (&str, &[(&str, &str)]) = (
        "orderwire_http_requests_total",
        &[("method", "POST"), ("route", "/v1/orders"), ("status", "201")],
    );
    const PUBLISHED: (&str, &[(&str, &str)]) = ("orderwire_relay_published_total", &[]);
    const SOCKETS: (&str, &[(&str, &str)]) =
        ("orderwire_live_sockets", &[("transport", "websocket")]);
    const FRAMES: (&str, &[(&str, &str)]) = ("orderwire_live_events_total", &[]);
    let (busy, idle) = (TestApp::spawn().await, TestApp::spawn().await);
    let until = async |app: &TestApp, wanted: &[_]| {
        eventually(async || {
            let text = app.metrics().await;
            let of = |(name, labels)| metrics::value(&text, name, labels);
            let seen: Vec<_> = [CREATED, PUBLISHED, SOCKETS, FRAMES].into_iter().map(of).collect();
            if seen == wanted { Ok(()) } else { Err(seen) }
        })
        .await;
    };
    let store = busy.store().await;
    let mut screen = busy.screen(&busy.staff(&store), "kitchen").await;
    screen.subscribe(&format!("store:{store}"), None).await;
    let order = busy.place(&store).await;
    screen.until_version(id(&order), 1).await;
    until(&busy, &[Some(1.0), Some(2.0), Some(1.0), Some(2.0)]).await;
    until(&idle, &[None, None, None, None]).await;
    // The end of a socket is counted when its task is dropped.
    screen.close().await;
    until(&busy, &[Some(1.0), Some(2.0), Some(0.0), Some(2.0)]).await;
}

#[tokio::test]
async fn made_up_methods_make_no_series_of_their_own() {
    let app = TestApp::spawn().await;
    let made_up = Method::from_bytes(b"MADEUP").unwrap();
    answer(app.request(made_up, "/v1/orders")).await.expect(405);
    let text = answer(app.request(Method::GET, "/metrics")).await.body;
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("method=\"other\"") && !text.contains("MADEUP"), "{text}");
}
