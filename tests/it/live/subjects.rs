//! Events about more than orders.

use std::sync::Arc;

use orderwire::base::clock::Clock;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::harness::{
    app::TestApp,
    client::{Client, id},
    screen::Screen,
    services::{Isolated, Stack},
    wait::eventually,
};

async fn watching(app: &Client, token: &str, channel: &str, topic: &str) -> Screen {
    let mut screen = app.screen(token, channel).await;
    assert_eq!(screen.subscribe(topic, None).await["type"], "subscribed");
    screen
}

fn tells_of_store(frame: &Value) -> bool {
    frame["event"]["eventType"] == "StoreUpdated"
}

#[tokio::test]
async fn a_changed_store_is_shown_to_those_who_may_see_its_settings_and_to_nobody_else() {
    let app = TestApp::spawn().await;
    let (store, elsewhere) = (app.store().await, app.store().await);
    let order = app.place(&store).await;
    let (topic, number) = (format!("store:{store}"), format!("order:{}", id(&order)));
    let seeing = [
        (app.staff(&store), "kitchen", topic.as_str()),
        (app.headquarters("ops"), "web", "ops"),
        (app.service_with("orders:read stores:read", &[&store]), "web", topic.as_str()),
    ];
    let others = [
        (app.service_with("orders:read", &[&store]), "web", topic.as_str()),
        (app.service_with("ops orders:read", &["*"]), "kitchen", "ops"),
        (app.staff(&store), "board", topic.as_str()),
        (app.staff(&store), "kiosk", topic.as_str()),
        (app.staff(&store), "kitchen", number.as_str()),
        (app.customer("sara"), "web", "customer:sara"),
    ];
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    for (token, channel, topic) in seeing {
        allowed.push(watching(&app, &token, channel, topic).await);
    }
    for (token, channel, topic) in others {
        denied.push(watching(&app, &token, channel, topic).await);
    }
    let mut foreign =
        watching(&app, &app.staff(&elsewhere), "kitchen", &format!("store:{elsewhere}")).await;
    let change = json!({"name": {"en": "Jabal Amman"}, "autoAccept": true});
    let path = format!("/v1/stores/{store}");
    let changed = app.patch(&path, &app.service(), &change).await.expect(200);
    app.step(id(&order), &["accepted"]).await;
    let of_order = |it: &Value| it["event"]["data"]["orderVersion"] == 2;
    for mut screen in allowed {
        // Only events about one subject come in their order: a node that has just started may heal orders first.
        let mut events = Vec::new();
        while events.len() < 2 {
            events.push(screen.until(|it| tells_of_store(it) || of_order(it)).await);
        }
        let event = events.iter().find(|it| tells_of_store(it)).unwrap()["event"].clone();
        assert_eq!(event["data"], json!({"store": changed}));
        assert_eq!(event["subject"], json!({"type": "store", "id": store, "version": 2}));
        assert!(events.iter().any(of_order));
    }
    for mut screen in denied {
        let frame = screen.until(|it| tells_of_store(it) || of_order(it)).await;
        assert!(of_order(&frame), "{frame}");
    }
    let theirs = app.place(&elsewhere).await;
    let frame = foreign.until(|it| it["type"] == "event").await;
    assert_eq!(frame["event"]["data"]["orderId"], theirs["id"]);
}

#[tokio::test]
async fn a_fresh_token_without_the_right_ends_the_events_about_stores() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let token = app.service_with("orders:read stores:read", &[&store]);
    let mut screen = watching(&app, &token, "web", &format!("store:{store}")).await;
    let token = app.service_with("orders:read", &[&store]);
    let answer = screen.ask(json!({"type": "auth", "token": token})).await;
    assert_eq!(answer["type"], "authenticated", "{answer}");
    let path = format!("/v1/stores/{store}");
    app.patch(&path, &app.service(), &json!({"autoAccept": true})).await.expect(200);
    app.step(id(&order), &["accepted"]).await;
    let frame = screen.until(|it| it["type"] == "event").await;
    assert_eq!(frame["event"]["data"]["orderId"], order["id"], "{frame}");
}

#[tokio::test]
async fn an_event_that_only_a_newer_release_knows_is_published_skipped_and_counted() {
    if Stack::chosen() == Stack::Embedded {
        // No other release works on the same database.
        return;
    }
    let isolated = Arc::new(Isolated::new().await);
    let url = isolated.real.as_ref().unwrap().database_url.clone();
    let app = TestApp::on(isolated, Clock::System, |_| {}).await;
    let store = app.store().await;
    let mut screen = watching(&app, &app.staff(&store), "kitchen", &format!("store:{store}")).await;
    let id = "0191b3c4d5e67f8091a2b3c4d5e6f708";
    let body = json!({"eventId": format!("evt_{id}"), "eventType": "MenuPublished", "data": {}});
    let mut newer = PgConnection::connect(&url).await.unwrap();
    let insert = "INSERT INTO event_outbox (
             event_id, subject_version, event_type, body, created_at,
             subject_type, subject_id, partition_key
         )
         VALUES ($1::uuid, 1, 'MenuPublished', $2, now(), 'menu', 'menu_7', 'menu_7')";
    // More than once: a node that has only just started may not listen yet.
    eventually(async || {
        let row = sqlx::query(insert).bind(id).bind(body.to_string().into_bytes());
        row.execute(&mut newer).await.unwrap();
        let metrics = app.get("/metrics", "").await;
        let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
        let counted = metrics.contains("orderwire_events_unknown_total{consumer=\"fanout\"}");
        if counted { Ok(()) } else { Err(()) }
    })
    .await;
    // Neither the relay nor the node stops at it.
    let order = app.place(&store).await;
    screen.until(|it| it["event"]["data"]["orderId"] == order["id"]).await;
    let left = "SELECT count(*) FROM event_outbox";
    eventually(async || {
        let left: i64 = sqlx::query_scalar(left).fetch_one(&mut newer).await.unwrap();
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
}
