//! Tickets: the kitchen's work moves the order by itself.

use serde_json::{Value, json};

use crate::{
    harness::{app::TestApp, client::id},
    orders::fields,
};

fn tickets(order: &Value) -> Vec<(&str, &str)> {
    let tickets = order["tickets"].as_array().unwrap();
    tickets
        .iter()
        .map(|it| (it["station"].as_str().unwrap(), it["status"].as_str().unwrap()))
        .collect()
}

fn ticket(station: &str, status: &str) -> Value {
    json!({"tickets": [{"station": station, "status": status}]})
}

#[tokio::test]
async fn the_first_ticket_at_work_begins_the_cooking_and_the_last_one_done_ends_it() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let id = id(&order);
    assert_eq!(tickets(&order), [("grill", "held"), ("fry", "held")]);
    let order = app.step(id, &["accepted"]).await;
    assert_eq!(tickets(&order), [("grill", "queued"), ("fry", "queued")]);

    let order = app.change(id, &ticket("grill", "in_progress")).await;
    assert_eq!(order["status"], "preparing");
    assert_eq!(tickets(&order), [("grill", "in_progress"), ("fry", "queued")]);
    let order = app.change(id, &ticket("grill", "done")).await;
    assert_eq!(order["status"], "preparing");
    let order = app.change(id, &ticket("fry", "done")).await;
    assert_eq!(order["status"], "ready");
    assert_eq!(tickets(&order), [("grill", "done"), ("fry", "done")]);
}

#[tokio::test]
async fn all_tickets_may_be_bumped_in_one_patch() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    app.step(id(&order), &["accepted"]).await;
    let patch = json!({"tickets": [
        {"station": "grill", "status": "done"}, {"station": "fry", "status": "done"},
    ]});
    let order = app.change(id(&order), &patch).await;
    // Accepted was version 2; then two tickets, preparing and ready.
    assert_eq!((&order["status"], &order["version"]), (&json!("ready"), &json!(6)));
}

#[tokio::test]
async fn a_ticket_waits_until_the_order_is_accepted() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let path = format!("/v1/orders/{}", id(&order));
    let answer = app.patch(&path, &app.service(), &ticket("grill", "done")).await;
    let error = answer.expect_error(409, "CONFLICT");
    assert!(error["message"].as_str().unwrap().contains("must be accepted"), "{error}");
}

#[tokio::test]
async fn a_ticket_takes_no_step_backwards_and_an_unknown_station_has_none() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    app.step(id(&order), &["accepted"]).await;
    app.change(id(&order), &ticket("grill", "done")).await;
    let path = format!("/v1/orders/{}", id(&order));
    let answer = app.patch(&path, &app.service(), &ticket("grill", "queued")).await;
    let error = answer.expect_error(409, "ILLEGAL_STEP");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("grill") && message.contains("done"), "{message}");
    let answer = app.patch(&path, &app.service(), &ticket("sushi", "done")).await;
    let error = answer.expect_error(400, "INVALID_INPUT");
    assert!(error["message"].as_str().unwrap().contains("grill, fry"), "{error}");
    let answer = app.patch(&path, &app.service(), &ticket("grill", "burnt")).await;
    let error = answer.expect_error(400, "INVALID_INPUT");
    assert_eq!(fields(&error), ["tickets[0].status"]);
}
