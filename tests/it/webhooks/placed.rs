//! Orders that are placed at partners: they become ours, once, at the store that the partner means.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    harness::{
        app::{TestApp, evening},
        client::{Client, id},
        wait::eventually,
        webhooks::order_placed,
    },
    webhooks::calls,
};

async fn send(app: &Client, event: &str, body: &Value) {
    app.deliver(&app.webhook("generic", event, body)).await.expect(200);
}

/// Waits for the only call with this outcome.
async fn settled(app: &Client, outcome: &str) -> Value {
    let found = eventually(async || {
        let mut calls = calls(app, &format!("outcome={outcome}")).await;
        if calls.len() == 1 { Ok(calls.remove(0)) } else { Err(calls) }
    });
    found.await
}

/// The order that a partner's name stands for.
async fn order_of(app: &Client, external_id: &str) -> Option<Value> {
    let path = format!("/v1/mappings?partner=generic&externalId={external_id}");
    let page = app.get(&path, &app.service()).await.expect(200);
    let order = page["mappings"][0]["localId"].as_str()?.to_owned();
    Some(app.order(&order).await)
}

#[tokio::test]
async fn an_order_placed_at_a_partner_is_on_the_kitchen_s_screen() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let mut screen = app.screen(&app.staff(&store), "kitchen").await;
    screen.subscribe(&format!("store:{store}"), None).await;
    send(&app, "m1", &order_placed("p-1", "branch-7")).await;
    let frame = screen.expect("event").await;
    let event = &frame["event"];
    assert_eq!(event["eventType"], "OrderCreated");
    let order = app.order(event["data"]["orderId"].as_str().unwrap()).await;
    assert_eq!((&order["source"], &order["externalId"]), (&json!("generic"), &json!("p-1")));
    assert_eq!((&order["status"], &order["number"]), (&json!("placed"), &json!("1")));
    assert_eq!(order["total"]["decimal"], "9.860");
    assert_eq!(order["items"][1]["name"]["ar"], "Fries");
    assert_eq!(order["items"][0]["station"], "grill");
    assert_eq!(order["payment"]["status"], "captured");
    assert_eq!(settled(&app, "begun").await["orderId"], order["id"]);
}

#[tokio::test]
async fn however_often_it_is_told_it_is_one_order() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    for (at, note) in ["", "once more", "and again"].iter().enumerate() {
        let mut body = order_placed("p-1", "branch-7");
        body["data"]["note"] = json!(note);
        send(&app, &format!("m{at}"), &body).await;
    }
    let accepted =
        json!({"type": "order.status", "data": {"externalId": "p-1", "status": "accepted"}});
    send(&app, "m9", &accepted).await;
    let order = eventually(async || {
        let order = order_of(&app, "p-1").await.unwrap_or_default();
        if order["status"] == "accepted" { Ok(order) } else { Err(order) }
    });
    let order = order.await;
    eventually(async || {
        let late = calls(&app, "outcome=late").await;
        if late.len() == 2 { Ok(()) } else { Err(late) }
    })
    .await;
    let listed = app.get(&format!("/v1/orders?store={store}"), &app.service()).await.expect(200);
    assert_eq!(listed["orders"].as_array().unwrap().len(), 1);
    assert_eq!(listed["orders"][0]["id"], order["id"]);
}

#[tokio::test]
async fn an_order_for_a_store_that_nobody_has_named_waits_until_somebody_does() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    send(&app, "m1", &order_placed("p-1", "branch-8")).await;
    let parked = settled(&app, "unknown_store").await;
    assert_eq!((&parked["state"], &parked["note"]), (&json!("parked"), &json!("branch-8")));
    app.name_store("branch-8", &store).await;
    settled(&app, "begun").await;
    assert_eq!(order_of(&app, "p-1").await.unwrap()["storeId"], store.as_str());
}

#[tokio::test]
async fn rehearsals_and_orders_that_are_none_never_reach_a_kitchen() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let with = |external_id: &str, field: &str, value: Value| {
        let mut body = order_placed(external_id, "branch-7");
        body["data"][field] = value;
        body
    };
    send(&app, "m1", &with("p-1", "test", json!(true))).await;
    send(&app, "m2", &with("p-2", "items", json!([]))).await;
    send(&app, "m3", &with("p-3", "currency", json!("SAR"))).await;
    send(&app, "m4", &with("p-4", "total", json!("9.8601"))).await;
    send(&app, "m5", &with("p-5", "total", json!(9.86))).await;
    let many = json!([{"sku": "itm-9", "quantity": 1000, "unitPrice": "4.250"}]);
    send(&app, "m6", &with("p-6", "items", many)).await;
    settled(&app, "test_order").await;
    settled(&app, "unreadable").await;
    let dead = eventually(async || {
        let dead = calls(&app, "state=dead&outcome=unusable_order").await;
        if dead.len() == 4 { Ok(dead) } else { Err(dead) }
    });
    let notes: Vec<_> = dead.await.iter().map(|it| it["note"].to_string()).collect();
    assert!(notes.iter().any(|it| it.contains("no items")), "{notes:?}");
    assert!(notes.iter().any(|it| it.contains("currency")), "{notes:?}");
    assert!(notes.iter().any(|it| it.contains("amount")), "{notes:?}");
    assert!(notes.iter().any(|it| it.contains("999")), "{notes:?}");
    let listed = app.get("/v1/orders", &app.service()).await.expect(200);
    assert_eq!(listed["orders"], json!([]));
}

#[tokio::test]
async fn a_store_may_accept_by_itself() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let path = format!("/v1/stores/{store}");
    let changed = app.patch(&path, &app.service(), &json!({"autoAccept": true})).await.expect(200);
    assert_eq!((&changed["autoAccept"], &changed["prepMinutes"]), (&json!(true), &json!(15)));
    send(&app, "m1", &order_placed("p-1", "branch-7")).await;
    settled(&app, "begun").await;
    let order = order_of(&app, "p-1").await.unwrap();
    assert_eq!(order["status"], "accepted");
    let history = format!("/v1/orders/{}/history", id(&order));
    let history = app.get(&history, &app.service()).await.expect(200);
    let actors: Vec<_> =
        history["events"].as_array().unwrap().iter().map(|it| &it["actor"]["kind"]).collect();
    assert_eq!(actors, [&json!("partner"), &json!("system")]);
}

#[tokio::test]
async fn what_comes_too_late_is_not_accepted_by_itself_but_expires() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let path = format!("/v1/stores/{store}");
    app.patch(&path, &app.service(), &json!({"autoAccept": true})).await.expect(200);
    let mut body = order_placed("p-1", "branch-7");
    body["data"]["acceptBy"] = json!(app.clock.now() - SignedDuration::from_mins(1));
    send(&app, "m1", &body).await;
    settled(&app, "begun").await;
    let order = order_of(&app, "p-1").await.unwrap();
    app.until_status(id(&order), "expired").await;
    let history = format!("/v1/orders/{}/history", id(&order));
    let history = app.get(&history, &app.service()).await.expect(200);
    assert_eq!(history["events"].as_array().unwrap().len(), 2, "{history}");
}

#[tokio::test]
async fn an_id_that_is_not_ours_does_not_hide_the_partner_s_own_name() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    send(&app, "m1", &order_placed("p-1", "branch-7")).await;
    settled(&app, "begun").await;
    let foreign = "ord_00000000000000000000000000000000";
    let data = json!({"orderId": foreign, "externalId": "p-1", "status": "accepted"});
    send(&app, "m2", &json!({"type": "order.status", "data": data})).await;
    let order = order_of(&app, "p-1").await.unwrap();
    app.until_status(id(&order), "accepted").await;
}

#[tokio::test]
async fn what_nobody_answers_in_time_expires() {
    let clock = evening();
    let app = TestApp::spawn_at(clock.clone()).await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let deadline = clock.now() + SignedDuration::from_mins(5);
    for name in ["p-1", "p-2"] {
        let mut body = order_placed(name, "branch-7");
        body["data"]["acceptBy"] = json!(deadline);
        send(&app, name, &body).await;
    }
    eventually(async || {
        let begun = calls(&app, "outcome=begun").await;
        if begun.len() == 2 { Ok(()) } else { Err(begun) }
    })
    .await;
    let (late, answered) =
        (order_of(&app, "p-1").await.unwrap(), order_of(&app, "p-2").await.unwrap());
    assert_eq!(late["acceptBy"], json!(deadline));
    app.step(id(&answered), &["accepted"]).await;
    assert!(app.order(id(&answered)).await.get("acceptBy").is_none());
    clock.advance(Duration::from_mins(5));
    let expired = app.until_status(id(&late), "expired").await;
    assert_eq!(expired["reason"]["code"], "no_answer");
    assert_eq!(app.order(id(&answered)).await["status"], "accepted");
}

#[tokio::test]
async fn a_gateway_s_word_releases_an_order_that_waits_for_its_money() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let mut body = order_placed("p-1", "branch-7");
    body["data"]["payment"] = json!({"method": "card", "status": "pending"});
    send(&app, "m1", &body).await;
    settled(&app, "begun").await;
    let order = order_of(&app, "p-1").await.unwrap();
    assert_eq!(order["status"], "pending_payment");
    let paid =
        json!({"type": "payment.status", "data": {"orderId": order["id"], "status": "captured"}});
    send(&app, "m2", &paid).await;
    let order = app.until_status(id(&order), "placed").await;
    assert_eq!(order["payment"]["status"], "captured");
    let path = format!("/v1/stores/{store}");
    app.patch(&path, &app.service(), &json!({"autoAccept": true})).await.expect(200);
    body["data"]["externalId"] = json!("p-2");
    send(&app, "m3", &body).await;
    let paid =
        json!({"type": "payment.status", "data": {"externalId": "p-2", "status": "captured"}});
    send(&app, "m4", &paid).await;
    eventually(async || {
        let order = order_of(&app, "p-2").await.unwrap_or_default();
        if order["status"] == "accepted" { Ok(()) } else { Err(order) }
    })
    .await;
}

#[tokio::test]
async fn who_names_a_store_last_is_right_and_the_others_are_remembered() {
    let app = TestApp::spawn().await;
    let (old, new) = (app.store().await, app.store().await);
    app.name_store("branch-7", &old).await;
    app.name_store("branch-7", &new).await;
    app.name_store("branch-7", &new).await;
    let path = "/v1/mappings/generic/stores/branch-7";
    let named = app.get(path, &app.service()).await.expect(200);
    assert_eq!(named["mapping"]["localId"], new.as_str());
    let ends: Vec<_> =
        named["changes"].as_array().unwrap().iter().map(|it| (&it["from"], &it["to"])).collect();
    assert_eq!(ends, [(&Value::Null, &json!(old)), (&json!(old), &json!(new))]);
    let by_store = format!("/v1/mappings?storeId={new}");
    let found = app.get(&by_store, &app.service()).await.expect(200);
    assert_eq!(found["mappings"][0]["externalId"], "branch-7");
    app.request(reqwest::Method::DELETE, path).bearer_auth(app.service()).send().await.unwrap();
    let forgotten = app.get(path, &app.service()).await.expect(200);
    assert!(forgotten.get("mapping").is_none());
    assert_eq!(forgotten["changes"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn stored_calls_can_be_applied_once_more() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    // Words that our tables lack leave an order as it was; here the order is away for a while.
    for at in 0..3 {
        let body = json!({"type": "order.status", "data": {"externalId": format!("p-{at}"), "status": "accepted"}});
        send(&app, &format!("m{at}"), &body).await;
    }
    eventually(async || {
        let parked = calls(&app, "outcome=unknown_order").await;
        if parked.len() == 3 { Ok(()) } else { Err(parked) }
    })
    .await;
    let call = calls(&app, "").await.remove(0);
    let path = format!("/v1/webhooks/inbox/{}", id(&call));
    let whole = app.get(&path, &app.service()).await.expect(200);
    assert!(whole["text"].as_str().unwrap().contains("p-2"), "{whole}");
    assert!(whole["headers"]["x-request-id"].is_string(), "{whole}");
    app.post(&format!("{path}/replay"), &app.service(), &json!({})).await.expect(202);
    let range = json!({"partner": "generic", "state": "parked"});
    eventually(async || {
        let tried = calls(&app, "").await.iter().filter(|it| it["attempts"] == 1).count();
        if tried == 3 { Ok(()) } else { Err(tried) }
    })
    .await;
    let replayed = app.post("/v1/webhooks/inbox/replay", &app.service(), &range).await.expect(202);
    assert_eq!(replayed["calls"], 3);
    let nothing = json!({"partner": "careem"});
    let replayed =
        app.post("/v1/webhooks/inbox/replay", &app.service(), &nothing).await.expect(202);
    assert_eq!(replayed["calls"], 0);
}
