//! What endpoints were told can be looked at, and told once more.

use orderwire::config::Span;
use serde_json::json;

use crate::{
    endpoints::{app, deliveries, detail, endpoint, quick, register, until_states},
    harness::{
        app::TestApp,
        client::id,
        stand_in::{Reply, StandIn},
        wait::eventually,
    },
};

#[tokio::test]
async fn a_delivery_is_sent_once_more_under_the_same_id() {
    let pos = StandIn::spawn(&[]).await;
    let app = app().await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({})).await;
    app.place(&store).await;
    let delivery = until_states(&app, &hooked, &["delivered"]).await.remove(0);
    let replay = format!("/v1/deliveries/{}/replay", id(&delivery));
    assert_eq!(app.post(&replay, &app.service(), &json!({})).await.status, 202);
    let heard = pos.until(2).await;
    assert_eq!(heard[0].headers["webhook-id"], heard[1].headers["webhook-id"]);
    assert_eq!(heard[0].body, heard[1].body);
    until_states(&app, &hooked, &["delivered"]).await;
    let detail = detail(&app, &delivery).await;
    let numbers: Vec<_> =
        detail["attempts"].as_array().unwrap().iter().map(|it| it["number"].clone()).collect();
    assert_eq!(numbers, [1, 1]);
}

#[tokio::test]
async fn what_is_still_being_tried_is_not_replayed() {
    let pos = StandIn::spawn(&[Reply::Wait(3600)]).await;
    let app = app().await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({})).await;
    app.place(&store).await;
    let delivery = until_states(&app, &hooked, &["pending"]).await.remove(0);
    let replay = format!("/v1/deliveries/{}/replay", id(&delivery));
    app.post(&replay, &app.service(), &json!({})).await.expect_error(409, "CONFLICT");
}

#[tokio::test]
async fn what_was_given_up_in_a_span_of_time_is_sent_once_more_in_order() {
    let pos = StandIn::spawn(&[Reply::Status(200)]).await;
    let app = TestApp::with(|config| {
        quick(config);
        config.endpoints.retry_after.0 = vec![Span::millis(20)];
    })
    .await;
    let store = app.store().await;
    let types = json!({"eventTypes": ["OrderCreated", "OrderStatusChanged"]});
    let hooked = register(&app, &pos, types).await;
    // So that not everything has failed, and the endpoint stays enabled for a while.
    app.place(&store).await;
    until_states(&app, &hooked, &["delivered"]).await;
    pos.say(&[Reply::Status(500); 2]);
    let order = app.place(&store).await;
    eventually(async || {
        let now = endpoint(&app, &hooked).await;
        if now["enabled"] == false { Ok(()) } else { Err(now) }
    })
    .await;
    let path = format!("/v1/endpoints/{}", id(&hooked));
    let replay = format!("{path}/replay");
    app.post(&replay, &app.service(), &json!({})).await.expect_error(409, "CONFLICT");
    app.patch(&path, &app.service(), &json!({"enabled": true})).await.expect(200);
    app.step(id(&order), &["accepted"]).await;
    let all = until_states(&app, &hooked, &["delivered", "failed", "delivered"]).await;
    let none = json!({"to": all[1]["createdAt"]});
    let none = app.post(&replay, &app.service(), &none).await.expect(202);
    assert_eq!(none["deliveries"], 0);
    let failed = json!({"from": all[1]["createdAt"]});
    let failed = app.post(&replay, &app.service(), &failed).await.expect(202);
    assert_eq!(failed["deliveries"], 1);
    until_states(&app, &hooked, &["delivered"; 3]).await;
    let before = pos.heard().len();
    let both = json!({"which": "all", "orderId": order["id"]});
    assert_eq!(app.post(&replay, &app.service(), &both).await.expect(202)["deliveries"], 2);
    let heard = pos.until(before + 2).await.split_off(before);
    assert_eq!(super::versions(&heard), [1, 2]);
}

#[tokio::test]
async fn the_log_is_read_page_by_page_and_by_what_is_looked_for() {
    let pos = StandIn::spawn(&[]).await;
    let app = app().await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({})).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(app.place(&store).await);
    }
    app.step(id(&orders[0]), &["accepted"]).await;
    until_states(&app, &hooked, &["delivered"; 4]).await;
    let all = deliveries(&app, &hooked).await;
    let path = format!("/v1/endpoints/{}/deliveries", id(&hooked));
    let page = async |query: &str| {
        let mut page = app.get(&format!("{path}?{query}"), &app.service()).await.expect(200);
        let next = page["nextCursor"].as_str().map(str::to_owned);
        let serde_json::Value::Array(rows) = page["deliveries"].take() else { panic!("{page}") };
        (rows, next)
    };
    let (first, next) = page("limit=3").await;
    let (rest, end) = page(&format!("limit=3&cursor={}", next.unwrap())).await;
    assert_eq!((first.len(), rest.len(), end), (3, 1, None));
    assert_eq!(page("state=failed").await.0.len(), 0);
    assert_eq!(page("state=delivered").await.0.len(), 4);
    assert_eq!(page("eventType=OrderStatusChanged").await.0.len(), 1);
    assert_eq!(page(&format!("orderId={}", id(&orders[0]))).await.0.len(), 2);
    let from = all[3]["createdAt"].as_str().unwrap();
    let later = all.iter().filter(|it| from <= it["createdAt"].as_str().unwrap()).count();
    assert_eq!(page(&format!("from={from}")).await.0.len(), later);
    assert_eq!(page(&format!("to={from}")).await.0.len(), 4 - later);
    app.get(&format!("{path}?eventType=OrderEaten"), &app.service())
        .await
        .expect_error(400, "INVALID_INPUT");
}

#[tokio::test]
async fn what_is_settled_is_thrown_away_when_it_is_old() {
    let pos = StandIn::spawn(&[]).await;
    let clock = crate::harness::app::evening();
    let mut app = super::app_at(&clock).await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({})).await;
    app.place(&store).await;
    let delivery = until_states(&app, &hooked, &["delivered"]).await.remove(0);
    clock.advance(std::time::Duration::from_hours(31 * 24));
    app.place(&store).await;
    pos.until(2).await;
    // It is looked for at the start, and every ten minutes.
    app.restart().await;
    let left = eventually(async || {
        let left = deliveries(&app, &hooked).await;
        if left.len() == 1 { Ok(left) } else { Err(left) }
    })
    .await;
    assert_ne!(left[0]["id"], delivery["id"]);
    let gone = app.get(&format!("/v1/deliveries/{}", id(&delivery)), &app.service()).await;
    gone.expect_error(404, "NOT_FOUND");
}
