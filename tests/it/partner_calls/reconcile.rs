//! What partners leave out is found by asking them.

use orderwire::config::Span;
use serde_json::{Value, json};

use crate::{
    harness::{
        app::TestApp,
        client::id,
        stand_in::{StandIn, TOKEN},
        wait::eventually,
        webhooks::order_placed,
    },
    partner_calls::{drift, placed, reach},
};

/// A server that asks soon.
async fn curious(partner: &str, stand_in: &StandIn) -> TestApp {
    let app = TestApp::with(|config| {
        reach(config, partner, stand_in);
        config.outbound.reconcile_after = Span::millis(100);
    });
    app.await
}

#[tokio::test]
async fn an_order_whose_calls_were_withheld_ends_where_the_partner_says() {
    let stand_in = StandIn::spawn(&[]).await;
    let app = curious("generic", &stand_in).await;
    let before = drift(&app, "generic").await;
    let courier = json!({"status": "picked_up", "courier": {"id": "omar", "name": "Omar"}});
    stand_in.write_down("/orders/p-1", json!({"status": "ready", "delivery": courier}));
    let order = placed(&app, "generic", "p-1", Value::Null).await;
    let found = app.until_status(&order, "out_for_delivery").await;
    assert_eq!(found["delivery"]["courier"]["name"], "Omar");
    stand_in.write_down("/orders/p-1", json!({"delivery": "delivered"}));
    app.until_status(&order, "delivered").await;
    eventually(async || {
        let now = drift(&app, "generic").await;
        if before + 3.0 <= now { Ok(()) } else { Err(now) }
    })
    .await;
    let asked = stand_in.asked();
    assert!(asked.iter().all(|it| it.headers.contains_key("webhook-signature")), "{asked:?}");
    let calls = app.get("/v1/webhooks/inbox?outcome=applied", &app.service()).await.expect(200);
    let path = format!("/v1/webhooks/inbox/{}", id(&calls["calls"][0]));
    let call = app.get(&path, &app.service()).await.expect(200);
    assert_eq!(call["headers"]["x-orderwire-origin"], "reconciliation");
}

#[tokio::test]
async fn an_order_of_which_we_never_heard_is_found() {
    let stand_in = StandIn::spawn(&[]).await;
    let app = curious("generic", &stand_in).await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let mut order = order_placed("p-9", "branch-7")["data"].take();
    order["status"] = json!("accepted");
    stand_in.write_down("/orders", json!({"orders": [order]}));
    let listed = eventually(async || {
        let path = format!("/v1/orders?store={store}&status=accepted");
        let mut page = app.get(&path, &app.service()).await.expect(200);
        if page["orders"] == json!([]) { Err(page) } else { Ok(page["orders"][0].take()) }
    });
    assert_eq!(listed.await["externalId"], "p-9");
}

#[tokio::test]
async fn careem_is_asked_with_its_token_and_the_names_of_brand_and_branch() {
    let stand_in = StandIn::spawn(&[]).await;
    let app = curious("careem", &stand_in).await;
    stand_in.write_down("/orders/c-1", json!({"id": 7, "status": "trip_ended"}));
    let contact = json!({"brandId": "bd-1", "branchId": "br-7"});
    let order = placed(&app, "careem", "c-1", contact).await;
    app.until_status(&order, "delivered").await;
    let asked = stand_in.asked().pop().unwrap();
    assert_eq!(asked.path, "/orders/c-1");
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(
        (&asked.headers["brand-id"], &asked.headers["branch-id"]),
        (&"bd-1".parse().unwrap(), &"br-7".parse().unwrap())
    );
}

#[tokio::test]
async fn a_partner_that_knows_nothing_better_changes_nothing() {
    let stand_in = StandIn::spawn(&[]).await;
    let app = curious("generic", &stand_in).await;
    stand_in.write_down("/orders/p-1", json!({"status": "placed"}));
    stand_in.write_down("/orders/p-2", json!("what order?"));
    let orders = [
        placed(&app, "generic", "p-1", Value::Null).await,
        placed(&app, "generic", "p-2", Value::Null).await,
        placed(&app, "generic", "p-3", Value::Null).await,
    ];
    // Each of them is asked about again and again.
    eventually(async || {
        let asked: Vec<_> = stand_in.asked().into_iter().map(|it| it.path).collect();
        let often =
            |name: &str| 2 <= asked.iter().filter(|it| **it == format!("/orders/{name}")).count();
        if ["p-1", "p-2", "p-3"].into_iter().all(often) { Ok(()) } else { Err(asked) }
    })
    .await;
    for order in &orders {
        assert_eq!(app.order(order).await["version"], 1);
    }
    let calls = app.get("/v1/webhooks/inbox", &app.service()).await.expect(200);
    assert_eq!(
        calls["calls"].as_array().unwrap().len(),
        1,
        "what was said before is not kept again"
    );
    let log = app.get("/v1/partners/audit?partner=generic", &app.service()).await.expect(200);
    assert!(!log.to_string().contains("whsec_"), "{log}");
}
