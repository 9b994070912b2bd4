//! Events about more than orders.

use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Client, id},
    screen::Screen,
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
