//! What happened to one order is told in the order in which it happened; orders do not wait for each other.

use serde_json::json;

use crate::{
    endpoints::{app, register, until_states, versions},
    harness::{
        client::id,
        stand_in::{Reply, StandIn},
    },
};

#[tokio::test]
async fn the_next_event_of_an_order_waits_for_the_one_before() {
    let script = [Reply::Status(500), Reply::Lost, Reply::Status(429)];
    let pos = StandIn::spawn(&script).await;
    let app = app().await;
    let store = app.store().await;
    let hooked =
        register(&app, &pos, json!({"eventTypes": ["OrderCreated", "OrderStatusChanged"]})).await;
    let order = app.place(&store).await;
    app.step(id(&order), &["accepted", "preparing", "ready"]).await;
    until_states(&app, &hooked, &["delivered"; 4]).await;
    let heard = pos.heard();
    let told: Vec<_> = heard.iter().map(|it| it.json["data"]["order"]["status"].clone()).collect();
    assert_eq!(told, ["placed", "placed", "placed", "placed", "accepted", "preparing", "ready"]);
}

#[tokio::test]
async fn one_order_that_waits_holds_no_other_up() {
    let pos = StandIn::spawn(&[Reply::Wait(3600)]).await;
    let app = app().await;
    let store = app.store().await;
    let hooked =
        register(&app, &pos, json!({"eventTypes": ["OrderCreated", "OrderStatusChanged"]})).await;
    let stuck = app.place(&store).await;
    pos.until(1).await;
    app.step(id(&stuck), &["accepted"]).await;
    let quick = app.place(&store).await;
    app.step(id(&quick), &["accepted"]).await;
    let all = until_states(&app, &hooked, &["pending", "pending", "delivered", "delivered"]).await;
    assert_eq!((&all[0]["attempts"], &all[1]["attempts"]), (&json!(1), &json!(0)));
    assert_eq!(versions(&pos.heard()), [1, 1, 2]);
}

#[tokio::test]
async fn what_is_given_up_lets_the_next_one_go() {
    let pos = StandIn::spawn(&[Reply::Status(500), Reply::Status(500)]).await;
    let app = crate::harness::app::TestApp::with(|config| {
        super::quick(config);
        config.endpoints.retry_after.0 = vec![orderwire::config::Span::millis(20)];
    })
    .await;
    let store = app.store().await;
    let well =
        register(&app, &pos, json!({"eventTypes": ["OrderCreated", "OrderStatusChanged"]})).await;
    let order = app.place(&store).await;
    app.step(id(&order), &["accepted"]).await;
    // Nothing has succeeded yet, so the endpoint is disabled with it; enabled again, it hears the rest.
    super::eventually(async || {
        let now = super::endpoint(&app, &well).await;
        if now["enabled"] == false { Ok(()) } else { Err(now) }
    })
    .await;
    let path = format!("/v1/endpoints/{}", id(&well));
    app.patch(&path, &app.service(), &json!({"enabled": true})).await.expect(200);
    until_states(&app, &well, &["failed", "delivered"]).await;
    assert_eq!(versions(&pos.heard()), [1, 1, 2]);
}
