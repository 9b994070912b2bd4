//! Who may watch what.

use serde_json::json;

use crate::{
    harness::{
        app::TestApp,
        client::{id, order_for},
    },
    live::{assert_alive, assign, code},
};

/// Everybody who might want to watch, by a name for the test's messages.
fn everybody(app: &TestApp, here: &str, elsewhere: &str) -> Vec<(&'static str, String)> {
    vec![
        ("the customer", app.customer("sara")),
        ("another customer", app.customer("tom")),
        ("the courier", app.courier("omar")),
        ("another courier", app.courier("rami")),
        ("staff of the store", app.staff(here)),
        ("staff of another store", app.staff(elsewhere)),
        ("headquarters", app.headquarters("ops")),
        ("headquarters without ops", app.headquarters("orders:read")),
        ("a service of all stores", app.service_with("orders:read", &["*"])),
        ("a service with ops", app.service_with("ops", &["*"])),
        ("a service of the store", app.service_with("orders:read ops", &[here])),
        ("a service of another store", app.service_with("orders:read ops", &[elsewhere])),
        ("a service that may only write", app.service_with("orders:write", &["*"])),
    ]
}

#[tokio::test]
async fn every_topic_is_open_to_those_who_may_watch_it_and_to_nobody_else() {
    let app = TestApp::spawn().await;
    let (here, elsewhere) = (app.store().await, app.store().await);
    let order = app.place(&here).await;
    app.step(id(&order), &["accepted"]).await;
    assign(&app, id(&order), "omar").await;
    let everywhere = ["a service of all stores"];
    let at_the_store = [
        "staff of the store",
        "headquarters",
        "headquarters without ops",
        "a service of all stores",
        "a service of the store",
    ];
    let topics = [
        (
            format!("order:{}", id(&order)),
            [&["the customer", "the courier"], &at_the_store[..]].concat(),
        ),
        (format!("store:{here}"), at_the_store.to_vec()),
        ("customer:sara".to_owned(), [&["the customer"], &everywhere[..]].concat()),
        ("courier:omar".to_owned(), [&["the courier"], &everywhere[..]].concat()),
        ("ops".to_owned(), vec!["headquarters", "a service with ops"]),
    ];
    for (who, token) in everybody(&app, &here, &elsewhere) {
        let mut screen = app.screen(&token, "").await;
        for (topic, allowed) in &topics {
            let answer = screen.subscribe(topic, None).await;
            if allowed.contains(&who) {
                assert_eq!(answer["type"], "subscribed", "{who} on {topic}: {answer}");
                let snapshot = &answer["snapshot"];
                let shown = snapshot.get("order").unwrap_or(&snapshot["orders"][0]);
                assert_eq!(shown["id"], order["id"], "{who} on {topic}: {answer}");
            } else {
                // Whether an order exists is nobody's business who may not see it.
                let refusal = if topic.starts_with("order:") { "NOT_FOUND" } else { "FORBIDDEN" };
                assert_eq!(code(&answer), refusal, "{who} on {topic}");
            }
        }
        assert_alive(&mut screen).await;
    }
}

#[tokio::test]
async fn an_order_that_does_not_exist_looks_like_one_that_is_not_yours() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let mut tom = app.screen(&app.customer("tom"), "").await;
    let unknown = id(&order).replace(&id(&order)[4..8], "ffff");
    for after in [None, Some(0), Some(1), Some(99)] {
        let foreign = tom.subscribe(&format!("order:{}", id(&order)), after).await;
        let missing = tom.subscribe(&format!("order:{unknown}"), after).await;
        assert_eq!(code(&foreign), "NOT_FOUND");
        assert_eq!(foreign["error"], missing["error"], "{after:?}");
    }
}

#[tokio::test]
async fn a_tracking_link_shows_its_order_without_a_word_and_no_other() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let (order, other) = (app.place(&store).await, app.place(&store).await);
    let mut page = app.screen_by_link(&app.tracking_link(id(&order)).await).await;
    assert_eq!(page.hello()["channel"], "web");
    let subscribed = page.expect("subscribed").await;
    assert_eq!(subscribed["topic"], format!("order:{}", id(&order)));
    assert_eq!(subscribed["snapshot"]["order"]["id"], order["id"]);

    app.step(id(&other), &["accepted"]).await;
    app.step(id(&order), &["accepted"]).await;
    assert_eq!(page.expect("event").await["event"]["data"]["orderId"], order["id"]);
    let foreign = page.subscribe(&format!("order:{}", id(&other)), None).await;
    assert_eq!(code(&foreign), "NOT_FOUND");
    for topic in [format!("store:{store}"), "customer:sara".to_owned(), "ops".to_owned()] {
        assert_eq!(code(&page.subscribe(&topic, None).await), "FORBIDDEN", "{topic}");
    }
}

#[tokio::test]
async fn a_person_sees_their_orders_of_every_store_and_a_store_its_own() {
    let app = TestApp::spawn().await;
    let (here, elsewhere) = (app.store().await, app.store().await);
    let mut sara = app.screen(&app.customer("sara"), "").await;
    let mut kitchen = app.screen(&app.staff(&here), "").await;
    sara.subscribe("customer:sara", None).await;
    kitchen.subscribe(&format!("store:{here}"), None).await;

    let mut of_tom = order_for(&here);
    of_tom["customer"]["id"] = json!("tom");
    let of_tom = app.place_as(&app.service(), &of_tom).await;
    let (away, at_home) = (app.place(&elsewhere).await, app.place(&here).await);
    let orders = |frame: serde_json::Value| frame["event"]["data"]["orderId"].clone();
    assert_eq!(orders(sara.expect("event").await), away["id"]);
    assert_eq!(orders(sara.expect("event").await), at_home["id"]);
    assert_eq!(orders(kitchen.expect("event").await), of_tom["id"]);
    assert_eq!(orders(kitchen.expect("event").await), at_home["id"]);
}

#[tokio::test]
async fn a_courier_sees_an_order_from_the_moment_it_is_theirs() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let mut omar = app.screen(&app.courier("omar"), "").await;
    let begin = omar.subscribe("courier:omar", None).await;
    assert_eq!(begin["snapshot"]["orders"], json!([]));
    app.step(id(&order), &["accepted"]).await;
    assign(&app, id(&order), "omar").await;
    let event = omar.expect("event").await["event"].take();
    assert_eq!(event["eventType"], "DeliveryStatusChanged", "{event}");
    assert_eq!(event["data"]["order"]["address"]["line"], "12 Rainbow Street");
}
