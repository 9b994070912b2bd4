//! What each kind of screen is shown.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite;

use crate::{
    harness::{
        app::TestApp,
        client::{id, order_for},
    },
    live::assign,
};

/// What a channel must never carry, as it stands in the JSON.
const PERSONAL: [&str; 6] =
    ["+962790000001", "+962790000002", "Haddad", "Khaled", "Rainbow Street", "Ring twice"];

/// What one channel shows of one order: in a snapshot and in an event, which must agree.
async fn shown(app: &TestApp, token: &str, channel: &str, order: &str) -> (Value, Value) {
    let mut screen = app.screen(token, channel).await;
    let snapshot = screen.subscribe(&format!("order:{order}"), None).await;
    let snapshot = snapshot["snapshot"]["order"].clone();
    // Each time another.
    let minute = snapshot["version"].as_u64().unwrap();
    app.change(order, &json!({"eta": {"readyAt": format!("2030-01-01T10:{minute:02}:00Z")}})).await;
    let event = screen.until(|it| it["type"] == "event").await["event"].take();
    let names = |it: &Value| it.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&event["data"]["order"]), names(&snapshot), "{channel}");
    (snapshot, event)
}

async fn order_with_everything(app: &TestApp) -> (String, String) {
    let store = app.store().await;
    let mut order = order_for(&store);
    order["note"] = json!("Extra napkins");
    order["address"]["instructions"] = json!("Ring twice");
    order["items"][0]["note"] = json!("no onions");
    let order = app.place_as(&app.service(), &order).await;
    app.step(id(&order), &["accepted"]).await;
    assign(app, id(&order), "omar").await;
    (store, id(&order).to_owned())
}

#[tokio::test]
async fn screens_in_the_shop_never_see_who_ordered_or_where_they_live() {
    let app = TestApp::spawn().await;
    let (store, order) = order_with_everything(&app).await;
    let staff = app.staff(&store);
    for channel in ["kitchen", "kiosk", "board", "mobile"] {
        let (snapshot, event) = shown(&app, &staff, channel, &order).await;
        for secret in PERSONAL {
            for seen in [&snapshot, &event] {
                assert!(!seen.to_string().contains(secret), "{channel} shows {secret}: {seen}");
            }
        }
    }
    let (kitchen, _) = shown(&app, &staff, "kitchen", &order).await;
    assert_eq!(kitchen["tickets"].as_array().unwrap().len(), 2);
    assert_eq!(kitchen["items"][0]["note"], "no onions");
    assert_eq!(kitchen["note"], "Extra napkins");
    assert_eq!(kitchen["items"][0]["unitPrice"], Value::Null);
    let (kiosk, _) = shown(&app, &staff, "kiosk", &order).await;
    assert_eq!(kiosk["items"][1]["quantity"], 2);
    let (board, _) = shown(&app, &staff, "board", &order).await;
    let names: Vec<_> = board.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["fulfilment", "id", "number", "status", "updatedAt", "version"]);
    let (mobile, _) = shown(&app, &staff, "mobile", &order).await;
    assert_eq!(mobile["delivery"]["courier"], json!({"name": "Omar"}));
    assert!(mobile.get("items").is_none() && mobile["total"]["amount"] == 6250);
}

#[tokio::test]
async fn a_tracking_link_shows_an_area_but_no_address_and_a_first_name_only() {
    let app = TestApp::spawn().await;
    let (_, order) = order_with_everything(&app).await;
    let token = app.tracking_link(&order).await;
    let (snapshot, event) = shown(&app, &token, "web", &order).await;
    for seen in [&snapshot, &event] {
        for secret in ["+962790000001", "Haddad", "Rainbow Street", "Ring twice"] {
            assert!(!seen.to_string().contains(secret), "it shows {secret}: {seen}");
        }
    }
    assert_eq!(snapshot["customer"], json!({"name": "Sara", "language": "ar"}));
    assert_eq!(snapshot["address"], json!({"area": "Abdoun", "city": "Amman"}));
    assert_eq!(snapshot["delivery"]["courier"]["phone"], "+962790000002");
    assert_eq!(event["metadata"]["actor"].get("id"), None, "{event}");
}

#[tokio::test]
async fn the_courier_sees_the_door_and_the_customer_everything_of_their_own() {
    let app = TestApp::spawn().await;
    let (store, order) = order_with_everything(&app).await;
    let (courier, _) = shown(&app, &app.courier("omar"), "", &order).await;
    assert_eq!(courier["address"]["instructions"], "Ring twice");
    assert_eq!(courier["customer"]["phone"], "+962790000001");
    assert_eq!(courier["items"][0].get("unitPrice"), None);
    for token in [app.customer("sara"), app.service()] {
        let (full, _) = shown(&app, &token, "web", &order).await;
        assert_eq!(full["address"]["line"], "12 Rainbow Street");
        assert_eq!(full["customer"]["phone"], "+962790000001");
    }
    let (_, event) = shown(&app, &app.staff(&store), "web", &order).await;
    assert_eq!(event["metadata"]["actor"], json!({"kind": "service", "id": "pos"}));
}

#[tokio::test]
async fn a_role_gets_no_channel_that_shows_more_than_it_may_know() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let link = app.tracking_link(id(&order)).await;
    let refused = [
        (app.customer("sara"), vec!["kiosk", "kitchen", "courier", "board"]),
        (link, vec!["kiosk", "kitchen", "courier", "board"]),
        (app.courier("omar"), vec!["mobile", "web", "kiosk", "kitchen", "board"]),
    ];
    for (token, channels) in refused {
        for channel in channels {
            let refusal = app.try_screen(&format!("?channel={channel}"), Some(&token)).await;
            let Err(tungstenite::Error::Http(answer)) = refusal else { panic!("{channel} opened") };
            assert_eq!(answer.status(), 403, "{channel}");
        }
    }
    let refusal = app.try_screen("?channel=television", Some(&app.service())).await;
    let Err(tungstenite::Error::Http(answer)) = refusal else {
        panic!("an unknown channel opened")
    };
    assert_eq!(answer.status(), 400);
}
