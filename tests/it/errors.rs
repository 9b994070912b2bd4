//! Every failure looks the same: the envelope, its code, and a request id.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::harness::{
    app::TestApp,
    client::{Answer, Client, answer, id, order_for},
    services::{Isolated, PrivateServices, Service, Stack},
    wait::eventually,
};

const NOBODY: &str = "ord_019a0000000070008000000000000118";

async fn post_text(
    app: &Client,
    path: &str,
    content_type: &str,
    body: impl Into<reqwest::Body>,
) -> Answer {
    let request = app.request(Method::POST, path).bearer_auth(app.service());
    let request = request.header("content-type", content_type).header("idempotency-key", "k");
    answer(request.body(body)).await
}

#[tokio::test]
async fn a_body_that_is_no_json_is_a_400() {
    let app = TestApp::spawn().await;
    let nested = "[".repeat(100_000);
    for body in [
        "",
        "{",
        "{} {}",
        "nonsense",
        "\u{feff}{}",
        "[1,]",
        nested.as_str(),
        "{\"note\":\"\\ud800\"}",
    ] {
        let answer = post_text(&app, "/v1/orders", "application/json", body.to_owned()).await;
        answer.expect_error(400, "INVALID_INPUT");
    }
    let not_utf8 =
        post_text(&app, "/v1/orders", "application/json", b"{\"note\":\"\xff\"}".to_vec());
    not_utf8.await.expect_error(400, "INVALID_INPUT");
    let nul = "{\"note\":\"a\\u0000b\"}";
    let nul = post_text(&app, "/v1/orders", "application/json", nul).await;
    let error = nul.expect_error(400, "INVALID_INPUT");
    assert!(error["message"].as_str().unwrap().contains("U+0000"), "{error}");
}

#[tokio::test]
async fn a_body_of_another_kind_is_a_415() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = order_for(&store).to_string();
    for kind in ["text/plain", "application/jsonp", "application/x-www-form-urlencoded", ""] {
        let answer = post_text(&app, "/v1/orders", kind, order.clone()).await;
        answer.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let answer = post_text(&app, "/v1/orders", "Application/JSON; charset=utf-8", order).await;
    answer.expect(201);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_a_413_however_it_is_sent() {
    let app = TestApp::spawn().await;
    let limit = app.config().http.body_limit;
    let within = " ".repeat(limit);
    let answer = post_text(&app, "/v1/orders", "application/json", within.clone()).await;
    answer.expect_error(400, "INVALID_INPUT");
    let answer = post_text(&app, "/v1/orders", "application/json", within + " ").await;
    answer.expect_error(413, "PAYLOAD_TOO_LARGE");

    // In chunks nobody says beforehand how much will come.
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nidempotency-key: k\r\ntransfer-encoding: chunked\r\n\r\n",
        app.service()
    );
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096)).repeat(limit / 4096 + 1);
    let answer = app.raw_open(&[head.as_bytes(), chunk.as_bytes()].concat()).await;
    answer.unwrap().expect_error(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn nobody_and_nobody_we_know_is_a_401() {
    let app = TestApp::spawn().await;
    let orders = || app.request(Method::GET, "/v1/orders");
    for request in [
        orders(),
        orders().basic_auth("sara", Some("secret")),
        orders().header("authorization", app.service()),
        orders().header("authorization", "Bearer"),
        orders().bearer_auth(""),
        orders().bearer_auth("not.a.token"),
        orders().bearer_auth("x".repeat(8193)),
        orders().header("authorization", b"Bearer \xff".as_slice()),
    ] {
        let answer = answer(request).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        answer.expect_error(401, "UNAUTHENTICATED");
    }
    // Only sockets and event streams take it from the query, where logs might keep it.
    let query = format!("/v1/orders?token={}", app.service());
    answer(app.request(Method::GET, &query)).await.expect_error(401, "UNAUTHENTICATED");
    let lower = format!("bearer {}", app.service());
    answer(orders().header("authorization", lower)).await.expect(200);
}

#[tokio::test]
async fn what_is_not_there_is_a_404_be_it_an_address_or_a_thing() {
    let app = TestApp::spawn().await;
    let token = app.service();
    for path in [
        "/nothing",
        "/v1",
        "/v1/nothing",
        "/v2/orders",
        "/v1/orders/",
        "/static/nothing.js",
        "/static/../Cargo.toml",
    ] {
        app.get(path, &token).await.expect_error(404, "NOT_FOUND");
    }
    for path in [
        format!("/v1/orders/{NOBODY}"),
        format!("/v1/orders/{NOBODY}/history"),
        format!("/v1/orders/{NOBODY}/events"),
        "/v1/stores/str_019a0000000070008000000000000118".to_owned(),
        "/v1/schemas/OrderEaten".to_owned(),
    ] {
        app.get(&path, &token).await.expect_error(404, "NOT_FOUND");
    }
    let mut order = order_for("str_019a0000000070008000000000000118");
    app.post_order(&token, "k", &order).await.expect_error(404, "NOT_FOUND");
    order["x"] = json!(1);
    app.post("/v1/webhooks/nobody", &token, &order).await.expect_error(404, "NOT_FOUND");
    let step = json!({"status": "accepted"});
    app.patch(&format!("/v1/orders/{NOBODY}"), &token, &step).await.expect_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_a_400() {
    let app = TestApp::spawn().await;
    for path in [
        "/v1/orders/118",
        "/v1/orders/ord_1",
        "/v1/orders/%FF",
        "/v1/stores/ord_019a0000000070008000000000000118",
    ] {
        app.get(path, &app.service()).await.expect_error(400, "INVALID_INPUT");
    }
    let nul = app.get("/v1/webhooks/inbox?partner=%00", &app.service()).await;
    nul.expect_error(400, "INVALID_INPUT");
}

#[tokio::test]
async fn a_wrong_method_is_a_405_that_says_which_are_right() {
    let app = TestApp::spawn().await;
    for (method, path, allowed) in [
        (Method::DELETE, "/v1/orders", ["GET", "POST"].as_slice()),
        (Method::PUT, &format!("/v1/orders/{NOBODY}"), &["GET", "PATCH"]),
        (Method::DELETE, "/v1/webhooks/careem", &["GET", "POST"]),
        (Method::POST, "/v1/live", &["GET"]),
        (Method::POST, "/healthz", &["GET"]),
        (Method::POST, "/openapi.json", &["GET"]),
        (Method::DELETE, "/kitchen", &["GET"]),
    ] {
        let answer = answer(app.request(method, path)).await;
        let said = answer.header("allow").unwrap_or_default().to_owned();
        let named = |it: &&str| said.split(',').any(|word| word.trim() == *it);
        assert!(allowed.iter().all(named), "{path}: {said:?}");
        answer.expect_error(405, "METHOD_NOT_ALLOWED");
    }
}

#[tokio::test]
async fn the_live_address_without_an_upgrade_is_a_426() {
    let app = TestApp::spawn().await;
    let answer = app.get("/v1/live", &app.service()).await;
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    answer.expect_error(426, "UPGRADE_REQUIRED");
}

#[tokio::test]
async fn an_answer_carries_the_callers_request_id_if_it_is_harmless() {
    let app = TestApp::spawn().await;
    for (given, kept) in
        [("order-7.a_B", true), ("a b", false), ("<script>", false), (&"x".repeat(65), false)]
    {
        for path in ["/healthz", "/nothing", "/v1/orders"] {
            let request = app.request(Method::GET, path).header("x-request-id", given);
            let answer = answer(request).await;
            let said = answer.header("x-request-id").unwrap();
            assert_eq!(said == given, kept, "{said}");
            assert!(16 <= said.len() || kept, "{said}");
        }
    }
}

#[tokio::test]
async fn browsers_are_told_to_be_careful() {
    let app = TestApp::spawn().await;
    for path in ["/", "/kitchen", "/v1/orders", "/nothing"] {
        let answer = answer(app.request(Method::GET, path)).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'self'"), "{policy}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let app = TestApp::with(|it| it.http.body_timeout = "200ms".parse().unwrap()).await;
    for path in ["/v1/orders", "/v1/webhooks/careem"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\nidempotency-key: k\r\ncontent-length: 100\r\n\r\n{{",
            app.service()
        );
        // The connection stays open, and then it is cut off.
        app.raw_open(head.as_bytes()).await.unwrap().expect_error(408, "TIMEOUT");
        app.raw(head.as_bytes()).await.unwrap().expect_error(400, "INVALID_INPUT");
    }
    app.get("/v1/orders", &app.service()).await.expect(200);
}

#[tokio::test]
async fn without_its_database_the_server_says_503_and_recovers() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let services = PrivateServices::up().await;
    let isolated = Isolated::on(&services.urls()).await;
    let clock = orderwire::base::clock::Clock::System;
    let app = TestApp::on(isolated.into(), clock, |it| {
        it.database.acquire_timeout = "1s".parse().unwrap();
    })
    .await;
    let store = app.store().await;
    let order = app.place(&store).await;
    services.kill(Service::Postgres).await;

    let step = json!({"status": "accepted"});
    let path = format!("/v1/orders/{}", id(&order));
    let token = app.service();
    let began = std::time::Instant::now();
    let refused = [
        app.patch(&path, &token, &step).await,
        app.get(&path, &token).await,
        app.post_order(&token, "k", &order_for(&store)).await,
        app.deliver(&app.webhook("careem", "", &json!({"event_type": "ORDER_CREATED"}))).await,
    ];
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for answer in refused {
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        answer.expect_error(503, "UNAVAILABLE");
    }
    let ready = app.get("/readyz", "").await;
    assert_eq!((ready.status, &ready.json["store"]["ok"]), (503, &json!(false)), "{ready:?}");
    assert_eq!(app.get("/healthz", "").await.status, 200);
    assert_eq!(app.get("/metrics", "").await.status, 200);

    services.start(Service::Postgres).await;
    let moved = eventually(async || {
        let answer = app.patch(&path, &app.service(), &step).await;
        if answer.status == 200 { Ok(answer.json) } else { Err(answer) }
    })
    .await;
    assert_eq!(moved["status"], "accepted");
    assert_eq!(app.get("/readyz", "").await.status, 200);
}
