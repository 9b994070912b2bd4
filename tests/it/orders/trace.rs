//! Which request, call or trace a change came from.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Client, answer, id, order_for, partner_order_for},
    stand_in::StandIn,
    wait::eventually,
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Places an order by a request with these headers.
async fn place(app: &Client, body: &Value, headers: &[(&str, &str)]) -> Value {
    let request = app.request(Method::POST, "/v1/orders").bearer_auth(app.service());
    let request = request.header("idempotency-key", format!("{headers:?}")).json(body);
    let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
    answer(request).await.expect(201)
}

/// The metadata of an order's events, from the log, as this token sees them.
async fn metadata(app: &Client, token: &str, order: &Value, count: usize) -> Vec<Value> {
    let mut screen = app.screen(token, "web").await;
    let topic = format!("order:{}", id(order));
    assert_eq!(screen.subscribe(&topic, Some(0)).await["resumed"], true);
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(screen.expect("event").await["event"]["metadata"].take());
    }
    all
}

#[tokio::test]
async fn events_name_the_request_and_the_trace_that_caused_them_to_staff_only() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let mut kitchen = app.screen(&app.staff(&store), "kitchen").await;
    kitchen.subscribe(&format!("store:{store}"), None).await;
    let headers = [("traceparent", TRACE), ("x-request-id", "till-7")];
    let order = place(&app, &order_for(&store), &headers).await;
    let event = kitchen.until(|it| it["event"]["data"]["orderId"] == order["id"]).await;
    let live = &event["event"]["metadata"];
    assert_eq!((&live["correlationId"], &live["traceparent"]), (&json!("till-7"), &json!(TRACE)));
    assert!(live.get("causationId").is_none(), "{live}");
    // What is healed from the log is what was published.
    let logged = metadata(&app, &app.staff(&store), &order, 1).await.remove(0);
    assert_eq!(&logged, live);
    let customer = metadata(&app, &app.customer("sara"), &order, 1).await.remove(0);
    for hidden in ["correlationId", "causationId", "traceparent"] {
        assert!(customer.get(hidden).is_none(), "{customer}");
    }
    // Without headers, the request has an id all the same. A trace that is malformed is as good as none.
    let order = place(&app, &order_for(&store), &[("traceparent", "00-7-7-01")]).await;
    let logged = metadata(&app, &app.staff(&store), &order, 1).await.remove(0);
    assert!(logged["correlationId"].as_str().is_some_and(|it| it.len() == 32), "{logged}");
    assert!(logged.get("traceparent").is_none(), "{logged}");
}

#[tokio::test]
async fn a_trace_goes_from_a_webhook_call_through_its_event_to_partners_and_endpoints() {
    let (careem, pos) = (StandIn::spawn(&[]).await, StandIn::spawn(&[]).await);
    let app = TestApp::with(|config| {
        crate::partner_calls::reach(config, "careem", &careem);
        config.endpoints.allow_http = true;
    })
    .await;
    let store = app.store().await;
    let types = json!(["OrderCreated", "OrderStatusChanged"]);
    let body = json!({"url": format!("{}/hooks", pos.url()), "eventTypes": types});
    app.post("/v1/endpoints", &app.service(), &body).await.expect(201);
    let order =
        place(&app, &partner_order_for(&store, "careem", "c-7"), &[("traceparent", TRACE)]).await;
    let order_id = id(&order);
    // A call by somebody else moves it: what follows belongs to that call's trace.
    let said = json!({"type": "order.status", "data": {"orderId": order_id, "status": "accepted"}});
    let call = app.webhook("generic", "evt-7", &said);
    let request = app.delivery(&call).header("traceparent", OTHER);
    answer(request.header("x-request-id", "call-7")).await.expect(200);
    app.until_status(order_id, "accepted").await;
    let logged = metadata(&app, &app.staff(&store), &order, 2).await.remove(1);
    assert_eq!(
        (&logged["traceparent"], &logged["correlationId"]),
        (&json!(OTHER), &json!("call-7"))
    );
    let inbox = app.get("/v1/webhooks/inbox?partner=generic", &app.service()).await.expect(200);
    assert_eq!(logged["causationId"], inbox["calls"][0]["id"], "{inbox}");
    // Outward, the trace is a header.
    let of = |stand_in: &StandIn, about: fn(&str) -> bool| {
        let heard = stand_in.heard().into_iter().filter(|it| about(&it.path));
        heard
            .map(|it| it.headers.get("traceparent").map(|it| it.to_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let both = [Some(TRACE.to_owned()), Some(OTHER.to_owned())];
    eventually(async || {
        let heard = of(&pos, |path| path == "/hooks");
        if heard == both { Ok(()) } else { Err(heard) }
    })
    .await;
    eventually(async || {
        let heard = of(&careem, |path| path != "/token");
        let is_there = heard.iter().any(|it| it.as_deref() == Some(OTHER));
        if is_there { Ok(()) } else { Err(heard) }
    })
    .await;
}
