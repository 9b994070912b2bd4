//! What becomes of a new order, and what is wrong with a bad one.

use serde_json::{Value, json};

use crate::{
    harness::{
        app::{TestApp, evening},
        client::{order_for, partner_order_for},
    },
    orders::fields,
};

fn bare(store: &str, fulfilment: &str) -> Value {
    json!({
        "storeId": store, "fulfilment": fulfilment,
        "items": [{"sku": "tea", "name": {"en": "Tea"}, "quantity": 3,
                   "unitPrice": {"amount": 1335, "currency": "JOD"}}],
    })
}

#[tokio::test]
async fn a_delivery_takes_what_it_does_not_say_from_its_store() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    let mut body = bare(&store, "delivery");
    body["address"] = json!({"area": "Abdoun"});
    let answer = app.post_order(&app.service(), "k", &body).await;
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let location = answer.header("location").unwrap().to_owned();
    let order = answer.expect(201);
    assert_eq!(location, format!("/v1/orders/{}", order["id"].as_str().unwrap()));
    assert!(order["id"].as_str().unwrap().starts_with("ord_"), "{order}");
    let expected = json!({
        "storeId": store, "number": "1", "version": 1, "fulfilment": "delivery", "source": "app",
        "status": "placed", "payment": {"method": "cash", "status": "none"},
        "delivery": {"status": "none"}, "address": {"area": "Abdoun"},
        "total": {"amount": 4005, "currency": "JOD", "decimal": "4.005"},
        "eta": {"readyAt": "2026-11-20T18:45:00Z", "arrivesAt": "2026-11-20T19:10:00Z"},
        "timeline": [{"status": "placed", "at": "2026-11-20T18:30:00Z"}],
        "placedAt": "2026-11-20T18:30:00Z", "updatedAt": "2026-11-20T18:30:00Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&order[field], value, "{field} of {order}");
    }
    assert_eq!(order["items"][0]["station"], "grill");
    assert_eq!(order["items"][0]["unitPrice"]["decimal"], "1.335");
    assert_eq!(order["tickets"][0]["status"], "held");
    assert_eq!(app.order(order["id"].as_str().unwrap()).await, order);
}

#[tokio::test]
async fn what_is_fetched_or_served_needs_no_address_and_never_arrives() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    for fulfilment in ["pickup", "dine_in"] {
        let order = app.place_as(&app.service(), &bare(&store, fulfilment)).await;
        assert_eq!(order["fulfilment"], fulfilment);
        assert_eq!(order["eta"]["readyAt"], "2026-11-20T18:45:00Z");
        assert!(order["eta"]["arrivesAt"].is_null(), "{order}");
        assert!(order["address"].is_null(), "{order}");
    }
}

#[tokio::test]
async fn each_store_counts_its_own_orders_from_one() {
    let app = TestApp::spawn().await;
    let (abdoun, swefieh) = (app.store().await, app.store().await);
    let mut numbers = Vec::new();
    for store in [&abdoun, &abdoun, &swefieh, &abdoun] {
        numbers.push(app.place(store).await["number"].clone());
    }
    assert_eq!(numbers, ["1", "2", "1", "3"]);
    let mut called = order_for(&abdoun);
    called["number"] = json!("A-7");
    assert_eq!(app.place_as(&app.service(), &called).await["number"], "A-7");
    assert_eq!(app.place(&abdoun).await["number"], "4");
}

#[tokio::test]
async fn money_has_the_decimals_of_its_currency() {
    let app = TestApp::spawn().await;
    for (currency, decimal) in [("KWD", "1.335"), ("SAR", "13.35"), ("JPY", "1335")] {
        let store = json!({"name": {"en": "Abroad"}, "currency": currency});
        let store = app.post("/v1/stores", &app.service(), &store).await.expect(201);
        let mut order = bare(store["id"].as_str().unwrap(), "pickup");
        order["items"][0]["unitPrice"]["currency"] = currency.into();
        order["items"][0]["quantity"] = 1.into();
        let order = app.place_as(&app.service(), &order).await;
        assert_eq!(order["total"]["decimal"], decimal);
    }
}

#[tokio::test]
async fn a_customer_orders_for_themselves_and_says_only_what_customers_may() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let sara = app.customer("sara");
    let mut order = order_for(&store);
    order["customer"] = json!({"name": "Sara"});
    assert_eq!(app.place_as(&sara, &order).await["customer"]["id"], "sara");

    order["customer"]["id"] = json!("rana");
    order["number"] = json!("1000");
    order["total"] = json!({"amount": 1, "currency": "JOD"});
    order["eta"] = json!({"readyAt": "2026-11-20T18:45:00Z"});
    order["partner"] = json!({"name": "careem", "orderId": "c1"});
    order["payment"] = json!({"method": "card", "status": "captured"});
    let error = app.post_order(&sara, "k", &order).await.expect_error(400, "INVALID_INPUT");
    let reserved = ["customer.id", "number", "eta", "partner", "total", "payment.status"];
    assert_eq!(fields(&error), reserved);
}

/// What may be wrong with an order: where, with what, and the field that is named for it.
fn faults(store: &str) -> Vec<(&'static str, Value, &'static str)> {
    let long = |length: usize| Value::from("x".repeat(length));
    vec![
        ("/items", json!([]), "items"),
        ("/items", Value::from(vec![order_for(store)["items"][0].clone(); 201]), "items"),
        ("/items/0/name", json!({}), "items[0].name"),
        ("/items/0/name/en", long(201), "items[0].name"),
        ("/items/1/sku", json!(" "), "items[1].sku"),
        ("/items/1/sku", long(129), "items[1].sku"),
        ("/items/0/quantity", json!(0), "items[0].quantity"),
        ("/items/0/quantity", json!(1000), "items[0].quantity"),
        ("/items/0/unitPrice/amount", json!(-1), "items[0].unitPrice.amount"),
        ("/items/0/unitPrice/currency", json!("SAR"), "items[0].unitPrice.currency"),
        ("/items/0/station", json!("sushi"), "items[0].station"),
        ("/items/0/note", long(1001), "items[0].note"),
        (
            "/items/0/options",
            json!([{"name": {"en": "Hot"}, "quantity": 0}]),
            "items[0].options[0].quantity",
        ),
        ("/customer/phone", json!("0790000001"), "customer.phone"),
        ("/customer/phone", json!("+96279x000001"), "customer.phone"),
        ("/customer/id", json!(""), "customer.id"),
        ("/customer/name", long(201), "customer.name"),
        ("/address", Value::Null, "address"),
        ("/address/line", long(1001), "address.line"),
        ("/address/latitude", json!(90.1), "address.latitude"),
        ("/address/longitude", json!(-180.1), "address.longitude"),
        ("/payment", json!({"method": "card", "status": "refunded"}), "payment.status"),
        ("/total", json!({"amount": -5, "currency": "JOD"}), "total.amount"),
        ("/total", json!({"amount": 5, "currency": "USD"}), "total.currency"),
        ("/note", long(1001), "note"),
        ("/number", long(17), "number"),
        ("/partner", json!({"name": "nobody", "orderId": "1"}), "partner.name"),
        ("/partner", json!({"name": "careem", "orderId": ""}), "partner.orderId"),
        // These do not even have the form of an order.
        ("/items/0/quantity", json!("two"), "items[0].quantity"),
        ("/items/0/unitPrice/amount", json!(4.25), "items[0].unitPrice.amount"),
        ("/items/0/unitPrice/currency", json!("XXXX"), "items[0].unitPrice.currency"),
        ("/fulfilment", json!("drone"), "fulfilment"),
        ("/storeId", json!("ord_0198"), "storeId"),
        ("/payment", json!({"method": "card", "status": "maybe"}), "payment.status"),
        ("/colour", json!("red"), "colour"),
    ]
}

#[tokio::test]
async fn every_fault_of_an_order_is_named_with_its_field() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    for (at, value, field) in faults(&store) {
        let mut order = order_for(&store);
        match at.rsplit_once('/') {
            Some((parent, name)) if order.pointer(at).is_none() => {
                order.pointer_mut(parent).unwrap()[name] = value;
            }
            _ => *order.pointer_mut(at).unwrap() = value,
        }
        let answer = app.post_order(&app.service(), "k", &order).await;
        let error = answer.expect_error(400, "INVALID_INPUT");
        assert_eq!(fields(&error), [field], "{at}: {error}");
    }
    let mut order = order_for(&store);
    order["items"][0]["quantity"] = json!(0);
    order["items"][1]["station"] = json!("sushi");
    order["customer"]["phone"] = json!("1");
    let error =
        app.post_order(&app.service(), "k", &order).await.expect_error(400, "INVALID_INPUT");
    assert_eq!(fields(&error), ["items[0].quantity", "items[1].station", "customer.phone"]);
    let stations = error["details"][1]["message"].as_str().unwrap();
    assert!(stations.contains("sushi") && stations.contains("grill, fry"), "{stations}");
}

#[tokio::test]
async fn a_sum_beyond_all_money_is_refused() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let mut order = bare(&store, "pickup");
    order["items"][0]["unitPrice"]["amount"] = i64::MAX.into();
    let error =
        app.post_order(&app.service(), "k", &order).await.expect_error(400, "INVALID_INPUT");
    assert!(error["message"].as_str().unwrap().contains("too large"), "{error}");
}

#[tokio::test]
async fn an_order_waits_for_its_payment_and_is_placed_by_it() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let mut order = order_for(&store);
    order["payment"] = json!({"method": "card", "status": "pending"});
    let order = app.place_as(&app.service(), &order).await;
    assert_eq!(order["status"], "pending_payment");
    let id = order["id"].as_str().unwrap();
    let paid = app.change(id, &json!({"payment": "captured"})).await;
    assert_eq!((&paid["status"], &paid["version"]), (&json!("placed"), &json!(3)));
    assert_eq!(paid["payment"], json!({"method": "card", "status": "captured"}));
    // Payments move forward only, and what is already so is no error.
    let again = app.change(id, &json!({"payment": "authorized"})).await;
    assert_eq!(again, paid);
}

#[tokio::test]
async fn a_partners_order_is_one_order_here() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let body = partner_order_for(&store, "careem", "c-1");
    let order = app.place_as(&app.service(), &body).await;
    assert_eq!((&order["source"], &order["externalId"]), (&json!("careem"), &json!("c-1")));
    let error = app.post_order(&app.service(), "k2", &body).await.expect_error(409, "CONFLICT");
    assert!(error["message"].as_str().unwrap().contains("c-1"), "{error}");
    // Another partner may use the same name for another order.
    app.place_as(&app.service(), &partner_order_for(&store, "deliveroo", "c-1")).await;
}
