//! Stores, and the figures of their day.

use std::time::Duration;

use serde_json::json;

use crate::{
    harness::{
        app::{TestApp, evening},
        client::id,
        wait::eventually,
    },
    orders::fields,
};

#[tokio::test]
async fn a_store_is_opened_and_found_by_those_who_work_there() {
    let app = TestApp::spawn().await;
    let (abdoun, swefieh) = (app.store().await, app.store().await);
    let store = app.get(&format!("/v1/stores/{abdoun}"), &app.customer("sara")).await.expect(200);
    let expected = json!({
        "id": abdoun, "version": 1, "name": {"en": "Abdoun", "ar": "عبدون"}, "currency": "JOD",
        "timezone": "Asia/Amman", "stations": ["grill", "fry"], "prepMinutes": 15, "deliveryMinutes": 25,
        "autoAccept": false,
    });
    assert_eq!(store, expected);
    let listed = app.get("/v1/stores", &app.staff(&abdoun)).await.expect(200);
    assert_eq!(listed, json!({"stores": [expected]}));
    let listed = app.get("/v1/stores", &app.headquarters("")).await.expect(200);
    assert_eq!(listed["stores"].as_array().unwrap().len(), 2);
    let elsewhere = app.get(&format!("/v1/stores/{swefieh}"), &app.staff(&abdoun)).await;
    elsewhere.expect_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_store_that_says_only_its_name_gets_the_usual_settings() {
    let app = TestApp::spawn().await;
    let new = json!({"name": {"ar": "الصويفية"}});
    let store = app.post("/v1/stores", &app.service(), &new).await.expect(201);
    assert_eq!((&store["currency"], &store["timezone"]), (&json!("JOD"), &json!("Asia/Amman")));
    assert_eq!(store["stations"], json!(["kitchen"]));
}

#[tokio::test]
async fn every_fault_of_a_store_is_named() {
    let app = TestApp::spawn().await;
    let new = json!({
        "name": {}, "currency": "XX", "timezone": "Mars/Olympus", "prepMinutes": 0, "deliveryMinutes": 1441,
        "stations": ["grill", "Fry!", "grill"],
    });
    let error = app.post("/v1/stores", &app.service(), &new).await;
    let error = error.expect_error(400, "INVALID_INPUT");
    let expected = [
        "name",
        "timezone",
        "stations[1]",
        "stations[2]",
        "prepMinutes",
        "deliveryMinutes",
        "currency",
    ];
    assert_eq!(fields(&error), expected);
}

#[tokio::test]
async fn a_stores_day_is_counted_from_its_events() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    for (until_accepted, until_ready) in [(30, 600), (50, 900), (40, 700)] {
        let order = app.place(&store).await;
        app.clock.advance(Duration::from_secs(until_accepted));
        app.step(id(&order), &["accepted", "preparing"]).await;
        app.clock.advance(Duration::from_secs(until_ready));
        app.step(id(&order), &["ready"]).await;
    }
    let rejected = app.place(&store).await;
    app.step(id(&rejected), &["rejected"]).await;
    let path = format!("/v1/stores/{store}/stats");
    let expected = json!({
        "day": "2026-11-20", "orders": 4, "ended": 1, "unhappy": 1,
        "medianSecondsToAccept": 40, "medianSecondsToReady": 700,
    });
    eventually(async || {
        let stats = app.get(&path, &app.staff(&store)).await.expect(200);
        if stats == expected { Ok(()) } else { Err(stats) }
    })
    .await;
    // After midnight in Amman it is another day.
    app.clock.advance(Duration::from_hours(3));
    let stats = app.get(&path, &app.staff(&store)).await.expect(200);
    assert_eq!((&stats["day"], &stats["orders"]), (&json!("2026-11-21"), &json!(0)));
}
