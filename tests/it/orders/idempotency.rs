//! `Idempotency-Key`: one key, one order, one answer.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{
    app::{TestApp, evening},
    client::{answer, order_for},
};

const AT_ONCE: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_order_sent_twenty_times_at_once_is_placed_once() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let (token, body) = (app.service(), order_for(&store));
    let answers = join_all((0..AT_ONCE).map(|_| app.post_order(&token, "same", &body))).await;
    let mut ids = BTreeSet::new();
    for answer in answers {
        if answer.status == 201 {
            ids.insert(answer.json["id"].as_str().unwrap().to_owned());
        } else {
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
            answer.expect_error(409, "IDEMPOTENCY_KEY_IN_USE");
        }
    }
    let listed = app.get("/v1/orders", &token).await.expect(200);
    let listed = listed["orders"].as_array().unwrap();
    assert_eq!((ids.len(), listed.len()), (1, 1), "{ids:?} {listed:?}");
    assert!(ids.contains(listed[0]["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_even_after_a_restart() {
    let mut app = TestApp::spawn().await;
    let store = app.store().await;
    let (token, body) = (app.service(), order_for(&store));
    let first = app.post_order(&token, "k", &body).await;
    assert!(first.header("idempotent-replayed").is_none());
    // The answer stays what it was, whatever became of the order.
    app.step(first.json["id"].as_str().unwrap(), &["accepted"]).await;
    for _ in 0..2 {
        let again = app.post_order(&token, "k", &body).await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        app.restart().await;
    }
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let (token, body) = (app.service(), order_for(&store));
    let first = app.post_order(&token, "k", &body).await.expect(201);
    let mut other = body.clone();
    other["note"] = json!("no onions");
    app.post_order(&token, "k", &other).await.expect_error(422, "IDEMPOTENCY_KEY_REUSED");
    // Somebody else's key is another key.
    let sara = app.post_order(&app.customer("sara"), "k", &body).await.expect(201);
    assert_ne!(sara["id"], first["id"]);
}

#[tokio::test]
async fn a_missing_or_endless_key_is_refused() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let without = app.post("/v1/orders", &app.service(), &order_for(&store)).await;
    without.expect_error(400, "IDEMPOTENCY_KEY_MISSING");
    for key in [" ", &"x".repeat(256)] {
        let answer = app.post_order(&app.service(), key, &order_for(&store)).await;
        answer.expect_error(400, "INVALID_INPUT");
    }
    app.post_order(&app.service(), &"x".repeat(255), &order_for(&store)).await.expect(201);
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up_not_even_for_a_moment() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let (token, body) = (app.service(), order_for(&store));
    let mut bad = body.clone();
    bad["items"][0]["quantity"] = json!(0);
    for key in ["1", "2", "3", "4", "5"] {
        app.post_order(&token, key, &bad).await.expect_error(400, "INVALID_INPUT");
        let first = app.post_order(&token, key, &body).await.expect(201);
        app.post_order(&token, key, &bad).await.expect_error(422, "IDEMPOTENCY_KEY_REUSED");
        for _ in 0..2 {
            let again = app.post_order(&token, key, &body).await.expect(201);
            assert_eq!(again["id"], first["id"]);
        }
    }
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_time() {
    let app = TestApp::spawn_at(evening()).await;
    let store = app.store().await;
    let body = order_for(&store);
    let first = app.post_order(&app.service(), "k", &body).await.expect(201);
    app.clock.advance(Duration::from_hours(24).saturating_sub(Duration::from_secs(1)));
    let same = app.post_order(&app.service(), "k", &body).await.expect(201);
    assert_eq!(same["id"], first["id"]);
    app.clock.advance(Duration::from_secs(1));
    let other = app.post_order(&app.service(), "k", &body).await.expect(201);
    assert_ne!(other["id"], first["id"]);
}

#[tokio::test]
async fn the_key_tells_apart_the_bytes_and_not_the_meaning() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let body = order_for(&store);
    app.post_order(&app.service(), "k", &body).await.expect(201);
    let spaced = serde_json::to_vec_pretty(&body).unwrap();
    let request = app.request(reqwest::Method::POST, "/v1/orders").bearer_auth(app.service());
    let request = request.header("content-type", "application/json").header("idempotency-key", "k");
    answer(request.body(spaced)).await.expect_error(422, "IDEMPOTENCY_KEY_REUSED");
}
