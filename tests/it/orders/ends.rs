//! Called off, called back, taken up again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    harness::{
        app::{TestApp, evening},
        client::{Answer, Client, id},
    },
    orders::reason,
};

async fn act(app: &Client, order: &Value, action: &str, token: &str, body: &Value) -> Answer {
    app.post(&format!("/v1/orders/{}/{action}", id(order)), token, body).await
}

#[tokio::test]
async fn customers_cancel_until_the_store_is_at_work_and_staff_until_the_end() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let (sara, staff) = (app.customer("sara"), app.staff(&store));
    let body = reason("customer_request");

    let early = app.place(&store).await;
    let cancelled = act(&app, &early, "cancel", &sara, &body).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["reason"]["code"], "customer_request");
    let again = act(&app, &early, "cancel", &sara, &body).await.expect(200);
    assert_eq!(again["version"], cancelled["version"]);

    let late = app.place(&store).await;
    app.step(id(&late), &["accepted"]).await;
    let error = act(&app, &late, "cancel", &sara, &body).await.expect_error(409, "CONFLICT");
    assert!(error["message"].as_str().unwrap().contains("ask the store"), "{error}");
    act(&app, &late, "cancel", &staff, &body).await.expect(200);

    let done = app.place(&store).await;
    let way = ["accepted", "preparing", "ready", "out_for_delivery", "delivered"];
    app.step(id(&done), &way).await;
    act(&app, &done, "cancel", &staff, &body).await.expect_error(409, "ILLEGAL_STEP");
    act(&app, &done, "cancel", &sara, &body).await.expect_error(409, "ILLEGAL_STEP");
}

#[tokio::test]
async fn an_end_or_a_return_needs_a_reason_that_is_on_the_list() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    for action in ["cancel", "recall", "reopen"] {
        for body in [json!({}), reason("mood"), json!({"reason": {"code": "other"}, "x": 1})] {
            let answer = act(&app, &order, action, &app.service(), &body).await;
            answer.expect_error(400, "INVALID_INPUT");
        }
    }
}

#[tokio::test]
async fn a_ready_order_goes_back_to_the_kitchen_whole_or_in_part() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let staff = app.staff(&store);
    let order = app.place(&store).await;
    let done = json!({"tickets": [
        {"station": "grill", "status": "done"}, {"station": "fry", "status": "done"},
    ]});
    let body = json!({"station": "fry", "reason": {"code": "other", "note": "cold"}});
    let early = act(&app, &order, "recall", &staff, &body).await;
    early.expect_error(409, "CONFLICT");
    app.step(id(&order), &["accepted"]).await;
    app.change(id(&order), &done).await;

    let recalled = act(&app, &order, "recall", &staff, &body).await.expect(200);
    assert_eq!(recalled["status"], "preparing");
    assert_eq!(recalled["tickets"][0]["status"], "done");
    assert_eq!(recalled["tickets"][1]["status"], "recalled");
    assert_eq!(recalled["reason"]["note"], "cold");
    let again = json!({"tickets": [{"station": "fry", "status": "done"}]});
    assert_eq!(app.change(id(&order), &again).await["status"], "ready");

    let recalled = act(&app, &order, "recall", &staff, &reason("other")).await.expect(200);
    assert!(recalled["tickets"].as_array().unwrap().iter().all(|it| it["status"] == "recalled"));
    let sushi = json!({"station": "sushi", "reason": {"code": "other"}});
    act(&app, &order, "recall", &staff, &sushi).await.expect_error(400, "INVALID_INPUT");
}

#[tokio::test]
async fn an_ended_order_is_reopened_within_its_half_hour_and_not_after() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    let staff = app.staff(&store);
    let order = app.place(&store).await;
    let open = act(&app, &order, "reopen", &staff, &reason("technical")).await;
    let error = open.expect_error(409, "CONFLICT");
    assert!(error["message"].as_str().unwrap().contains("placed"), "{error}");

    app.change(id(&order), &json!({"status": "rejected"})).await;
    app.clock.advance(Duration::from_mins(30));
    let reopened = act(&app, &order, "reopen", &staff, &reason("technical")).await.expect(200);
    assert_eq!(reopened["status"], "preparing");
    assert!(reopened["tickets"].as_array().unwrap().iter().all(|it| it["status"] == "recalled"));

    app.change(id(&order), &json!({"status": "cancelled"})).await;
    app.clock.advance(Duration::from_mins(30) + Duration::from_secs(1));
    let staff = app.staff(&store);
    let late = act(&app, &order, "reopen", &staff, &reason("technical")).await;
    let error = late.expect_error(409, "CONFLICT");
    assert!(error["message"].as_str().unwrap().contains("30 minutes"), "{error}");
}
