//! How an order came to be what it is.

use serde_json::json;

use crate::harness::{
    app::TestApp,
    client::{id, partner_order_for},
    wait::eventually,
    webhooks::status_body,
};

#[tokio::test]
async fn a_history_names_every_change_its_time_and_who_did_it() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let staff = app.staff(&store);
    let order = app.place(&store).await;
    let path = format!("/v1/orders/{}", id(&order));
    app.patch(&path, &staff, &json!({"status": "accepted"})).await.expect(200);
    let body = json!({"reason": {"code": "customer_request"}});
    app.post(&format!("{path}/cancel"), &staff, &body).await.expect(200);

    let history = app.get(&format!("{path}/history"), &staff).await.expect(200);
    let events = history["events"].as_array().unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|it| (it["version"].as_u64().unwrap(), it["eventType"].as_str().unwrap()))
        .collect();
    let expected = [(1, "OrderCreated"), (2, "OrderStatusChanged"), (3, "OrderStatusChanged")];
    assert_eq!(told, expected, "{history}");
    assert_eq!(events[0]["actor"], json!({"kind": "service", "id": "pos"}));
    assert_eq!(events[1]["actor"], json!({"kind": "staff", "id": "sami"}));
    assert!(events.iter().all(|it| it["eventId"].as_str().unwrap().starts_with("evt_")));
    assert_eq!(history["late"], json!([]));
}

#[tokio::test]
async fn a_partners_late_word_is_kept_and_changes_nothing() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place_as(&app.service(), &partner_order_for(&store, "deliveroo", "d1")).await;
    let ready = app.step(id(&order), &["accepted", "preparing", "ready"]).await;
    let call = app.webhook("deliveroo", "guid-1", &status_body("deliveroo", "d1", "accepted"));
    assert_eq!(app.deliver(&call).await.status, 200);
    let path = format!("/v1/orders/{}/history", id(&order));
    let history = eventually(async || {
        let history = app.get(&path, &app.service()).await.expect(200);
        if history["late"] == json!([]) { Err(history) } else { Ok(history) }
    })
    .await;
    let late = &history["late"][0];
    assert_eq!((&late["partner"], &late["outcome"]), (&json!("deliveroo"), &json!("late")));
    assert_eq!(history["events"].as_array().unwrap().len(), 4);
    assert_eq!(app.order(id(&order)).await, ready);
}
