//! Endpoints that fail, and what becomes of the others.

use orderwire::config::Span;
use serde_json::json;

use crate::{
    endpoints::{app, detail, endpoint, quick, register, until_states},
    harness::{
        app::TestApp,
        client::id,
        metrics,
        stand_in::{Reply, StandIn},
        wait::eventually,
    },
};

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_at_once() {
    let pos = StandIn::spawn(&[Reply::Status(410)]).await;
    let app = app().await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({})).await;
    app.place(&store).await;
    until_states(&app, &hooked, &["failed"]).await;
    let now = endpoint(&app, &hooked).await;
    assert_eq!((&now["enabled"], &now["disabledReason"]), (&json!(false), &json!("gone")));
    let disabled = app.metric("orderwire_endpoints_disabled_total", &[("reason", "gone")]).await;
    assert_eq!(disabled, Some(1.0));
}

#[tokio::test]
async fn nobody_is_followed_elsewhere_and_every_attempt_can_be_looked_at() {
    let script = [Reply::Status(307), Reply::Status(400), Reply::Lost, Reply::Status(503)];
    let pos = StandIn::spawn(&script).await;
    let app = app().await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({})).await;
    app.place(&store).await;
    let delivery = until_states(&app, &hooked, &["delivered"]).await.remove(0);
    let detail = detail(&app, &delivery).await;
    let attempts = detail["attempts"].as_array().unwrap();
    let statuses: Vec<_> = attempts.iter().map(|it| it["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(307), Some(400), None, Some(503), Some(200)], "{detail}");
    let numbers: Vec<_> = attempts.iter().map(|it| it["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let why = attempts[2]["error"].as_str().unwrap();
    assert!(why.contains("timed out"), "{why}");
    assert!(attempts[2]["tookMs"].as_u64().unwrap() >= 500);
    assert_eq!(pos.heard().len(), 5);
}

#[tokio::test]
async fn a_dead_endpoint_holds_no_other_up_and_is_told_everything_when_it_is_back() {
    const ORDERS: usize = 30;
    let mut dead = StandIn::away().await;
    let well = StandIn::spawn(&[]).await;
    let app = TestApp::with(|config| {
        quick(config);
        config.endpoints.retry_after.0 = vec![Span::millis(20); 100];
        config.endpoints.at_once = 2;
        config.endpoints.breaker_failures = 3;
        config.endpoints.breaker_rest = Span::millis(100);
    })
    .await;
    let store = app.store().await;
    let hooked = register(&app, &dead, json!({})).await;
    let other = register(&app, &well, json!({})).await;
    for _ in 0..ORDERS {
        app.place(&store).await;
    }
    until_states(&app, &other, &["delivered"; ORDERS]).await;
    // The dead endpoint's deliveries have been due for long. The lag counts only endpoints that answer, and nothing is due at those.
    let due = f64::from(u32::try_from(ORDERS).unwrap());
    eventually(async || {
        let text = app.metrics().await;
        let gauge = |name| metrics::value(&text, name, &[]);
        let seen = (
            gauge("orderwire_endpoints_left_alone"),
            gauge("orderwire_endpoint_lag_seconds"),
            gauge("orderwire_endpoint_deliveries_due"),
        );
        if seen == (Some(1.0), Some(0.0), Some(due)) { Ok(()) } else { Err(seen) }
    })
    .await;
    let failing = endpoint(&app, &hooked).await;
    assert!(failing["failingSince"].is_string() && failing["enabled"] == true, "{failing}");
    dead.come().await;
    until_states(&app, &hooked, &["delivered"; ORDERS]).await;
    let now = endpoint(&app, &hooked).await;
    assert!(now.get("failingSince").is_none() && now["lastSuccessAt"].is_string(), "{now}");
}

#[tokio::test]
async fn a_slow_endpoint_has_so_many_deliveries_under_way_and_keeps_no_other_waiting() {
    let slow = StandIn::spawn(&[Reply::Lost; 3]).await;
    let well = StandIn::spawn(&[]).await;
    let app = TestApp::with(|config| {
        quick(config);
        config.endpoints.timeout = Span::secs(5);
        config.endpoints.at_once = 3;
    })
    .await;
    let store = app.store().await;
    register(&app, &slow, json!({})).await;
    let other = register(&app, &well, json!({})).await;
    for _ in 0..6 {
        app.place(&store).await;
    }
    until_states(&app, &other, &["delivered"; 6]).await;
    assert_eq!(slow.until(3).await.len(), 3);
}

#[tokio::test]
async fn a_ping_tells_what_came_of_it_and_stands_in_no_log() {
    let pos = StandIn::spawn(&[Reply::Status(204), Reply::Status(500)]).await;
    let app = app().await;
    let hooked = register(&app, &pos, json!({})).await;
    let ping = format!("/v1/endpoints/{}/ping", id(&hooked));
    let came = app.post(&ping, &app.service(), &json!({})).await.expect(200);
    assert_eq!((&came["delivered"], &came["status"]), (&json!(true), &json!(204)));
    let heard = pos.until(1).await.remove(0);
    assert_eq!(heard.json["type"], "Ping");
    assert_eq!(heard.json["data"]["endpointId"], hooked["id"]);
    assert_eq!(heard.headers["webhook-id"], came["id"].as_str().unwrap());
    assert!(super::is_signed_by(&heard, super::SECRET));
    let came = app.post(&ping, &app.service(), &json!({})).await.expect(200);
    assert_eq!((&came["delivered"], &came["status"]), (&json!(false), &json!(500)));
    assert_eq!(super::deliveries(&app, &hooked).await, Vec::<serde_json::Value>::new());
}
