//! Tracking links, and tokens that are renewed.

use std::time::Duration;

use serde_json::json;

use crate::harness::{
    app::{TestApp, evening},
    client::id,
    tokens::sign,
};

#[tokio::test]
async fn a_tracking_link_shows_its_order_without_personal_data_and_nothing_else() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    let (order, other) = (app.place(&store).await, app.place(&store).await);
    let path = format!("/v1/orders/{}/tracking-link", id(&order));
    let link = app.post(&path, &app.customer("sara"), &json!({})).await.expect(200);
    let token = link["token"].as_str().unwrap();
    assert_eq!(link["url"], app.url(&format!("/track/{token}")));
    assert_eq!(link["expiresAt"], "2026-11-21T18:30:00Z");

    let shown = app.get(&format!("/v1/orders/{}", id(&order)), token).await.expect(200);
    assert_eq!(shown["customer"], json!({"name": "Sara", "language": "ar"}), "{shown}");
    assert_eq!(shown["address"], json!({"area": "Abdoun", "city": "Amman"}), "{shown}");
    let text = shown.to_string();
    assert!(!text.contains("+96279") && !text.contains("Haddad"), "{text}");

    let elsewhere = app.get(&format!("/v1/orders/{}", id(&other)), token).await;
    elsewhere.expect_error(404, "NOT_FOUND");
    app.get("/v1/orders", token).await.expect_error(403, "FORBIDDEN");
    app.post(&path, token, &json!({})).await.expect_error(403, "FORBIDDEN");
}

#[tokio::test]
async fn a_tracking_link_ends() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let token = app.tracking_link(id(&order)).await;
    let path = format!("/v1/orders/{}", id(&order));
    app.clock.advance(Duration::from_hours(24));
    app.get(&path, &token).await.expect(200);
    // The leeway for clocks that differ.
    app.clock.advance(Duration::from_secs(31));
    let error = app.get(&path, &token).await.expect_error(401, "UNAUTHENTICATED");
    assert!(error["message"].as_str().unwrap().contains("expired"), "{error}");
}

#[tokio::test]
async fn links_begin_with_the_address_that_the_outside_knows() {
    let app = TestApp::with(|it| {
        it.http.public_url = Some("https://orders.example.com/".to_owned());
    })
    .await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let path = format!("/v1/orders/{}/tracking-link", id(&order));
    let link = app.post(&path, &app.service(), &json!({})).await.expect(200);
    assert!(link["url"].as_str().unwrap().starts_with("https://orders.example.com/track/ey"));
}

#[tokio::test]
async fn a_kitchen_screen_renews_its_token_until_its_month_is_over() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    let path = format!("/v1/stores/{store}");
    let first = app.staff(&store);
    app.clock.advance(Duration::from_mins(30));
    let renewed = app.post("/v1/token/renew", &first, &json!({})).await.expect(200);
    // Half past eight here; valid for twelve hours.
    assert_eq!(renewed["expiresAt"], "2026-11-21T07:00:00Z");
    let mut token = renewed["token"].as_str().unwrap().to_owned();
    app.clock.advance(Duration::from_hours(2));
    app.get(&path, &first).await.expect_error(401, "UNAUTHENTICATED");
    app.get(&path, &token).await.expect(200);
    for _ in 0..89 {
        app.clock.advance(Duration::from_hours(8));
        let fresh = app.post("/v1/token/renew", &token, &json!({})).await.expect(200);
        fresh["token"].as_str().unwrap().clone_into(&mut token);
    }
    app.clock.advance(Duration::from_hours(8));
    let error = app.post("/v1/token/renew", &token, &json!({})).await;
    let error = error.expect_error(403, "FORBIDDEN");
    assert!(error["message"].as_str().unwrap().contains("too long ago"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_renewed_is_not() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let link = app.tracking_link(id(&order)).await;
    app.post("/v1/token/renew", &link, &json!({})).await.expect_error(403, "FORBIDDEN");
    let expired = app.token(&json!({"role": "customer", "exp": 1_700_000_000}));
    let answer = app.post("/v1/token/renew", &expired, &json!({})).await;
    answer.expect_error(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_that_is_not_quite_right_opens_nothing() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    let now = app.clock.now().as_second();
    let good = json!({
        "iss": "orderwire", "aud": "orderwire", "sub": "x", "iat": now, "exp": now + 60,
        "role": "staff", "stores": [store],
    });
    let path = format!("/v1/stores/{store}");
    app.get(&path, &sign(&good, crate::harness::tokens::SECRET)).await.expect(200);
    let another_secret = "another secret of thirty-two bytes or more";
    app.get(&path, &sign(&good, another_secret)).await.expect_error(401, "UNAUTHENTICATED");
    for (claim, value) in [
        ("iss", json!("somebody else")),
        ("aud", json!("somebody else")),
        ("role", json!("owner")),
        ("role", json!(null)),
        ("sub", json!(null)),
        ("iat", json!(null)),
        ("exp", json!(null)),
        ("exp", json!(now - 31)),
        ("exp", json!("tomorrow")),
        ("nbf", json!(now + 31)),
        ("iat", json!(now + 31)),
        ("stores", json!(null)),
        ("stores", json!(["abdoun"])),
        ("scope", json!("everything")),
    ] {
        let token = app.token(&{
            let mut claims = good.clone();
            claims[claim] = value.clone();
            claims
        });
        let answer = app.get(&path, &token).await;
        assert_eq!(answer.status, 401, "{claim} = {value}: {answer:?}");
        answer.expect_error(401, "UNAUTHENTICATED");
    }
}
