//! Each partner, end to end: their bodies, signed by `openssl`, move an order.

use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{id, partner_order_for},
    wait::eventually,
    webhooks::{Signer, signed, status_body},
};

/// Sends the bodies one after the other, and waits after each until the order and its delivery stand where they should.
async fn follow(partner: &str, external_id: &str, way: Vec<(Value, &str, &str)>) {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let body = partner_order_for(&store, partner, external_id);
    let order = app.place_as(&app.service(), &body).await;
    for (at, (body, status, delivery)) in way.into_iter().enumerate() {
        let now = app.clock.now().as_second();
        let body = body.to_string().into_bytes();
        let call = signed(partner, &format!("event-{at}"), now, body, Signer::Openssl);
        let answer = app.deliver(&call).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
        eventually(async || {
            let order = app.order(id(&order)).await;
            let there = order["status"] == status && order["delivery"]["status"] == delivery;
            if there { Ok(()) } else { Err(format!("{status}, {delivery} expected of {order}")) }
        })
        .await;
    }
    let history = app.get(&format!("/v1/orders/{}/history", id(&order)), &app.service()).await;
    let history = history.expect(200);
    let mut told = history["events"].as_array().unwrap().iter().skip(1);
    assert!(told.all(|it| it["actor"] == json!({"kind": "partner", "id": partner})), "{history}");
}

#[tokio::test]
async fn careem_brings_an_order_to_its_door_with_a_key() {
    let status = |word| status_body("careem", "c-1", word);
    let with_captain = |word| {
        let mut body = status(word);
        body["details"]["captain"] = json!({"name": "Omar Ali", "phone_number": "+962791111111"});
        body
    };
    follow(
        "careem",
        "c-1",
        vec![
            (status("pending"), "placed", "none"),
            (status("accepted"), "accepted", "none"),
            (with_captain("driver_coming"), "accepted", "assigned"),
            (with_captain("driver_here"), "accepted", "at_store"),
            (with_captain("trip_started"), "out_for_delivery", "picked_up"),
            (with_captain("trip_ended"), "delivered", "delivered"),
        ],
    )
    .await;
}

#[tokio::test]
async fn deliveroo_brings_an_order_to_its_door_with_a_hexadecimal_signature() {
    let status = |word| status_body("deliveroo", "gb:1-2", word);
    let rider = |words: &[&str]| {
        let log: Vec<_> =
            words.iter().map(|it| json!({"status": it, "at": "2026-11-20T18:30:00Z"})).collect();
        json!({"event": "rider.status_update", "body": {"order_id": "gb:1-2", "riders": [
            {"full_name": "Zaid Nasser", "contact_number": "+962792222222", "status_log": log},
        ]}})
    };
    follow(
        "deliveroo",
        "gb:1-2",
        vec![
            (status("accepted"), "accepted", "none"),
            (status("confirmed"), "preparing", "none"),
            (rider(&["rider_assigned"]), "preparing", "assigned"),
            (rider(&["rider_assigned", "rider_arrived"]), "preparing", "at_store"),
            (
                rider(&["rider_assigned", "rider_arrived", "rider_in_transit"]),
                "out_for_delivery",
                "en_route",
            ),
            (status("delivered"), "delivered", "delivered"),
        ],
    )
    .await;
}

#[tokio::test]
async fn any_system_brings_an_order_to_its_door_with_standard_webhooks() {
    let order = |word| status_body("generic", "pos-7", word);
    let courier = |word| {
        json!({"type": "delivery.status", "data": {
            "externalId": "pos-7", "status": word,
            "courier": {"id": "omar", "name": "Omar", "phone": "+962790000001"},
            "trackingUrl": "https://track.example/981",
        }})
    };
    follow(
        "generic",
        "pos-7",
        vec![
            (order("accepted"), "accepted", "none"),
            (order("preparing"), "preparing", "none"),
            (courier("assigned"), "preparing", "assigned"),
            (order("ready"), "ready", "assigned"),
            (courier("nearby"), "out_for_delivery", "nearby"),
            (courier("delivered"), "delivered", "delivered"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_restaurants_own_courier_sees_the_order_from_the_webhook_on() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let path = format!("/v1/orders/{}", id(&order));
    app.get(&path, &app.courier("omar")).await.expect_error(404, "NOT_FOUND");
    let body = json!({"type": "delivery.status", "data": {
        "orderId": id(&order), "status": "assigned", "courier": {"id": "omar", "name": "Omar"},
    }});
    app.deliver(&app.webhook("generic", "m1", &body)).await.expect(200);
    let seen = eventually(async || {
        let answer = app.get(&path, &app.courier("omar")).await;
        if answer.status == 200 { Ok(answer.json) } else { Err(answer) }
    })
    .await;
    assert_eq!(seen["customer"]["phone"], "+962790000001", "{seen}");
    let mine = app.get("/v1/orders", &app.courier("omar")).await.expect(200);
    assert_eq!(id(&mine["orders"][0]), id(&order));
    app.get(&path, &app.courier("zaid")).await.expect_error(404, "NOT_FOUND");
}
