//! Quiet hours, by the store's own clock.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    harness::{
        app::{TestApp, evening},
        cloud_api::CloudApi,
        services::Isolated,
        wait::eventually,
    },
    notifications::{place_wanted, reach, told, until},
};

#[tokio::test]
async fn what_can_wait_waits_for_the_morning() {
    let cloud = CloudApi::spawn().await;
    // Half past nine in the evening in Amman.
    let clock = evening();
    let app =
        TestApp::on(Arc::new(Isolated::new().await), clock.clone(), |it| reach(it, &cloud)).await;
    let store = app.store().await;
    let rule = |on: &str, quiet: &str| json!({"on": on, "template": "order_ready", "inQuiet": quiet, "worthMinutes": 1440, "delaySeconds": 0});
    let rules = json!({"quiet": {"from": "21:00:00", "until": "08:00:00"}, "rules": [
        rule("accepted", "wait"), rule("preparing", "drop"), rule("ready", "send"),
    ]});
    let path = format!("/v1/stores/{store}/notifications");
    assert_eq!(app.put(&path, &app.service(), &rules).await.status, 204);
    let order = place_wanted(&app, &store, "+962790003001").await;
    app.step(&order, &["accepted"]).await;
    until_it_waits(&app, &order).await;
    assert_eq!(told(&app, &order).await[0]["nextAttemptAt"], "2026-11-21T05:00:00Z");
    clock.advance(Duration::from_hours(11));
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
    clock.advance(Duration::from_hours(14));
    let order = place_wanted(&app, &store, "+962790003002").await;
    app.step(&order, &["accepted"]).await;
    // Looked at together with the next, it would be old news at once.
    until_it_waits(&app, &order).await;
    app.step(&order, &["preparing"]).await;
    let all = [("accepted", "queued"), ("preparing", "expired")];
    let rows = until(&app, &order, &all.map(|(event, state)| (event, "whatsapp", state))).await;
    assert!(rows.iter().any(|it| it["code"] == "quiet_hours"), "{rows:#?}");
    app.step(&order, &["ready"]).await;
    let all = [("accepted", "queued"), ("preparing", "expired"), ("ready", "accepted")];
    until(&app, &order, &all.map(|(event, state)| (event, "whatsapp", state))).await;
    // In the morning it is old news.
    clock.advance(Duration::from_hours(10));
    let all = [("accepted", "superseded"), ("preparing", "expired"), ("ready", "accepted")];
    until(&app, &order, &all.map(|(event, state)| (event, "whatsapp", state))).await;
}

async fn until_it_waits(app: &TestApp, order: &str) {
    eventually(async || {
        let rows = told(app, order).await;
        let waits = rows.first().is_some_and(|it| it["code"] == "quiet_hours");
        if waits { Ok(()) } else { Err(rows) }
    })
    .await;
}
