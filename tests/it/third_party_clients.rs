//! Nothing of ours on the other side: OpenSSL signs, Python listens.

use serde_json::json;

use crate::harness::{
    app::TestApp,
    client::{id, partner_order_for},
    third_party::PythonListener,
    wait::PATIENCE,
    webhooks::{Signer, signed},
};

#[tokio::test]
async fn python_sees_an_order_move_that_a_webhook_signed_by_openssl_has_moved() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = partner_order_for(&store, "generic", "ext-77");
    let order = app.place_as(&app.service(), &order).await;
    let url = format!("ws://{}/v1/live?channel=kitchen", app.authority());
    let topics = [format!("store:{store}")];
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let staff = app.staff(&store);
    let mut kitchen = PythonListener::start(&url, Some(&staff), &topics, 2, PATIENCE).unwrap();
    let link = app.tracking_link(id(&order)).await;
    let url = format!("ws://{}/v1/live?token={link}", app.authority());
    let mut page = PythonListener::start(&url, None, &[], 2, PATIENCE).unwrap();
    for listener in [&mut kitchen, &mut page] {
        loop {
            let frame = listener.next().await.unwrap().expect("it ended before it was subscribed");
            if frame["type"] == "subscribed" {
                break;
            }
        }
    }
    let body =
        json!({"type": "order.status", "data": {"externalId": "ext-77", "status": "preparing"}});
    let body = body.to_string().into_bytes();
    let now = app.clock.now().as_second();
    let call = signed("generic", "msg-1", now, body, Signer::Openssl);
    app.deliver(&call).await.expect(200);
    app.until_status(id(&order), "preparing").await;
    app.step(id(&order), &["ready"]).await;
    for listener in [kitchen, page] {
        let frames = listener.rest().await.unwrap();
        let first = frames.iter().find(|it| it["type"] == "event").unwrap();
        assert_eq!(first["event"]["data"]["orderId"], order["id"]);
        assert_eq!(first["event"]["data"]["status"], "preparing", "{first}");
        assert_eq!(first["event"]["metadata"]["actor"]["kind"], "partner");
    }
}

#[tokio::test]
async fn a_forged_signature_moves_nothing() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let body =
        json!({"type": "order.status", "data": {"orderId": order["id"], "status": "cancelled"}});
    let body = body.to_string().into_bytes();
    let now = app.clock.now().as_second();
    let mut call = signed("generic", "msg-1", now, body, Signer::Openssl);
    call.body = String::from_utf8(call.body).unwrap().replace("cancelled", "delivered").into();
    app.deliver(&call).await.expect_error(401, "UNAUTHENTICATED");
    assert_eq!(app.order(id(&order)).await, order);
}
