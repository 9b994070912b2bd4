//! What is said on a socket, both ways.

use std::{future::ready, pin::pin};

use futures_util::StreamExt;
use orderwire::config::Span;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    harness::{app::TestApp, client::id, wait::PATIENCE},
    live::{assert_alive, code},
};

#[tokio::test]
async fn a_screen_is_greeted_then_shown_the_state_then_every_change() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let mut screen = app.screen(&app.staff(&store), "").await;
    let hello = screen.hello().clone();
    assert_eq!((&hello["protocol"], &hello["channel"]), (&json!(1), &json!("kitchen")), "{hello}");
    assert_eq!(hello["pingEvery"], 20.0);
    assert!(hello["expiresAt"].as_str().unwrap().ends_with('Z'), "{hello}");

    let topic = format!("store:{store}");
    let subscribed = screen.subscribe(&topic, None).await;
    assert_eq!(subscribed["type"], "subscribed");
    assert_eq!(subscribed["topic"], topic);
    assert_eq!(subscribed["snapshot"]["orders"][0]["id"], id(&order));
    let single = screen.subscribe(&format!("order:{}", id(&order)), None).await;
    assert_eq!(single["snapshot"]["order"]["status"], "placed");

    let sami = app.staff(&store);
    let path = format!("/v1/orders/{}", id(&order));
    app.patch(&path, &sami, &json!({"status": "accepted"})).await.expect(200);
    let event = screen.expect("event").await["event"].take();
    assert_eq!(event["eventType"], "OrderStatusChanged", "{event}");
    assert_eq!((&event["version"], &event["source"]), (&json!("1.0"), &json!("orderwire")));
    assert!(event["eventId"].as_str().unwrap().starts_with("evt_"));
    assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
    let data = &event["data"];
    assert_eq!((&data["orderId"], &data["storeId"]), (&order["id"], &json!(store)));
    assert_eq!((&data["previousStatus"], &data["status"]), (&json!("placed"), &json!("accepted")));
    assert_eq!(data["orderVersion"], 2);
    assert_eq!((&data["order"]["version"], &data["order"]["status"]), (&json!(2), &data["status"]));
    assert_eq!(event["metadata"]["actor"], json!({"kind": "staff", "id": "sami"}));
}

#[tokio::test]
async fn a_frame_that_cannot_be_understood_is_answered_and_the_socket_goes_on() {
    let app = TestApp::spawn().await;
    let mut screen = app.screen(&app.service(), "").await;
    let long = "x".repeat(65);
    let without_a_readable_id = [
        String::new(),
        "tell me".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        "{}".to_owned(),
        r#"{"type":"ping","id":true}"#.to_owned(),
        r#"{"type":"ping","id":{"a":1}}"#.to_owned(),
        format!(r#"{{"type":"ping","id":"{long}"}}"#),
        r#"{"type":"ping","colour":"red"}"#.to_owned(),
        r#"{"type":"subscribe","topic":"ops","after":-1}"#.to_owned(),
    ];
    for text in without_a_readable_id {
        screen.send_text(text.clone()).await;
        let answer = screen.expect("error").await;
        assert_eq!((code(&answer), &answer["id"]), ("INVALID_INPUT", &Value::Null), "{text}");
    }
    let unclear = [
        json!({"type": "dance"}),
        json!({"type": "subscribe"}),
        json!({"type": "subscribe", "topic": "moon:1"}),
        json!({"type": "subscribe", "topic": "order:5"}),
        json!({"type": "subscribe", "topic": "customer:"}),
        json!({"type": "unsubscribe", "topic": "everything"}),
        json!({"type": "auth"}),
    ];
    for frame in unclear {
        assert_eq!(code(&screen.ask(frame.clone()).await), "INVALID_INPUT", "{frame}");
    }
    assert_alive(&mut screen).await;
}

#[tokio::test]
async fn the_id_of_a_frame_comes_back_as_it_was_sent() {
    let app = TestApp::spawn().await;
    let mut screen = app.screen(&app.service(), "").await;
    for id in [json!("a b"), json!("ي"), json!("x".repeat(64)), json!(-3), json!(1.5), Value::Null]
    {
        screen.send(&json!({"type": "ping", "id": id})).await;
        assert_eq!(screen.expect("pong").await, json!({"type": "pong", "id": id}));
    }
}

#[tokio::test]
async fn after_unsubscribing_nothing_more_comes() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let (left, kept) = (app.place(&store).await, app.place(&store).await);
    let (left, kept) = (id(&left), id(&kept));
    let mut screen = app.screen(&app.service(), "").await;
    for order in [left, kept] {
        screen.subscribe(&format!("order:{order}"), None).await;
    }
    let topic = format!("order:{left}");
    let answer = screen.ask(json!({"type": "unsubscribe", "topic": topic})).await;
    assert_eq!((&answer["type"], &answer["topic"]), (&json!("unsubscribed"), &json!(topic)));
    app.step(left, &["accepted"]).await;
    app.step(kept, &["accepted"]).await;
    // Events leave in the order in which they were committed: had there been one of the first order, it had come first.
    assert_eq!(screen.expect("event").await["event"]["data"]["orderId"], kept);
    // To unsubscribe from what was never watched is no mistake.
    let again = screen.ask(json!({"type": "unsubscribe", "topic": topic})).await;
    assert_eq!(again["type"], "unsubscribed");
}

#[tokio::test]
async fn a_screen_on_several_topics_sees_each_event_once() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let mut screen = app.screen(&app.service(), "").await;
    let topics =
        [format!("order:{}", id(&order)), format!("store:{store}"), "customer:sara".to_owned()];
    for topic in topics.iter().map(String::as_str).chain(["ops"]) {
        assert_eq!(screen.subscribe(topic, None).await["type"], "subscribed");
    }
    let last = app.step(id(&order), &["accepted", "preparing", "ready", "out_for_delivery"]).await;
    let last = last["version"].as_u64().unwrap();
    screen.until_version(id(&order), last).await;
    screen.assert_no_gap();
    // A repeat of the last one would still be on its way.
    let later = app.place(&store).await;
    screen.until_version(id(&later), 1).await;
    screen.assert_no_gap();
}

#[tokio::test]
async fn a_quiet_socket_is_pinged_both_ways() {
    let app = TestApp::with(|it| it.live.ping_every = Span::millis(200)).await;
    let mut screen = app.screen(&app.service(), "").await;
    assert_eq!(screen.hello()["pingEvery"], 0.2);
    for _ in 0..2 {
        assert_eq!(screen.until(|it| it["type"] == "ping").await, json!({"type": "ping"}));
    }
    let messages = screen.socket().by_ref();
    let mut pings = pin!(messages.filter(|it| ready(matches!(it, Ok(Message::Ping(_))))));
    let ping = timeout(PATIENCE, pings.next()).await;
    ping.expect("no ping of the protocol").unwrap().unwrap();
}
