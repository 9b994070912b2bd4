//! The strict steps of people, and `If-Match`.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client, answer, id, order_for},
};

/// Every status that somebody may ask for.
const STATUSES: [&str; 13] = [
    "pending_payment",
    "placed",
    "accepted",
    "preparing",
    "ready",
    "out_for_delivery",
    "delivered",
    "picked_up",
    "served",
    "rejected",
    "expired",
    "cancelled",
    "failed",
];

/// A place on the happy way, and what is allowed from there.
type Place = (&'static str, &'static [&'static str]);

/// The happy way of each fulfilment.
const WAYS: [(&str, &[Place]); 3] = [
    (
        "delivery",
        &[
            ("placed", &["accepted", "rejected", "expired", "cancelled"]),
            ("accepted", &["preparing", "cancelled"]),
            ("preparing", &["ready", "cancelled"]),
            ("ready", &["out_for_delivery", "cancelled"]),
            ("out_for_delivery", &["delivered", "failed", "cancelled"]),
            ("delivered", &[]),
        ],
    ),
    (
        "pickup",
        &[
            ("placed", &["accepted", "rejected", "expired", "cancelled"]),
            ("accepted", &["preparing", "cancelled"]),
            ("preparing", &["ready", "cancelled"]),
            ("ready", &["picked_up", "failed", "cancelled"]),
            ("picked_up", &[]),
        ],
    ),
    (
        "dine_in",
        &[
            ("placed", &["accepted", "rejected", "expired", "cancelled"]),
            ("accepted", &["preparing", "cancelled"]),
            ("preparing", &["ready", "cancelled"]),
            ("ready", &["served", "cancelled"]),
            ("served", &[]),
        ],
    ),
];

async fn patch_if(app: &Client, order: &str, if_match: &str, patch: &Value) -> Answer {
    let request = app.request(Method::PATCH, &format!("/v1/orders/{order}"));
    let request = request.bearer_auth(app.service()).header("if-match", if_match);
    answer(request.json(patch)).await
}

#[tokio::test]
async fn an_order_takes_the_steps_of_its_fulfilment_and_no_others() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let token = app.staff(&store);
    for (fulfilment, way) in WAYS {
        let mut order = order_for(&store);
        order["fulfilment"] = fulfilment.into();
        let order = app.place_as(&token, &order).await;
        let path = format!("/v1/orders/{}", id(&order));
        for (at, (status, allowed)) in way.iter().enumerate() {
            if 0 < at {
                let moved = app.patch(&path, &token, &json!({"status": status})).await.expect(200);
                assert_eq!((&moved["status"], &moved["version"]), (&json!(status), &json!(at + 1)));
            }
            for asked in STATUSES.iter().filter(|it| *it != status && !allowed.contains(it)) {
                let answer = app.patch(&path, &token, &json!({"status": asked})).await;
                let error = answer.expect_error(409, "ILLEGAL_STEP");
                let message = error["message"].as_str().unwrap();
                assert!(message.contains(status) && message.contains(asked), "{message}");
                let next = if allowed.is_empty() {
                    "nothing follows it".to_owned()
                } else {
                    format!("allowed: {}", allowed.join(", "))
                };
                assert!(message.contains(&next), "{message}");
            }
        }
        let order = app.order(id(&order)).await;
        let passed: Vec<_> = order["timeline"].as_array().unwrap().iter().collect();
        assert_eq!(passed.len(), way.len(), "{order}");
    }
}

#[tokio::test]
async fn asking_for_what_already_is_changes_nothing() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let accepted = app.step(id(&order), &["accepted"]).await;
    assert_eq!(app.step(id(&order), &["accepted"]).await, accepted);
}

#[tokio::test]
async fn a_patch_happens_whole_or_not_at_all() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let address = format!("/v1/orders/{}", id(&order));
    // The times and the payment alone would have been fine.
    let patch = json!({
        "eta": {"readyAt": "2027-01-01T12:00:00Z"}, "payment": "captured", "status": "delivered",
    });
    app.patch(&address, &app.service(), &patch).await.expect_error(409, "ILLEGAL_STEP");
    assert_eq!(app.order(id(&order)).await, order);
    let patch = json!({
        "eta": {"readyAt": "2027-01-01T12:00:00Z"}, "payment": "captured", "status": "accepted",
    });
    let moved = app.patch(&address, &app.service(), &patch).await;
    assert_eq!(moved.header("etag"), Some("\"4\""));
    let moved = moved.expect(200);
    assert_eq!(moved["eta"], json!({"readyAt": "2027-01-01T12:00:00Z"}));
    assert_eq!((&moved["status"], &moved["version"]), (&json!("accepted"), &json!(4)));
}

#[tokio::test]
async fn a_patch_that_says_nothing_or_nonsense_is_refused() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let path = format!("/v1/orders/{}", id(&order));
    for patch in [
        json!({}),
        json!({"reason": {"code": "too_busy"}}),
        json!({"status": "eaten"}),
        json!({"status": "rejected", "reason": {"code": "mood"}}),
        json!({"number": "7"}),
        json!({"tickets": [{"station": "grill"}]}),
        json!({"eta": {"readyAt": "soon"}}),
        json!([]),
    ] {
        let answer = app.patch(&path, &app.service(), &patch).await;
        answer.expect_error(400, "INVALID_INPUT");
    }
    assert_eq!(app.order(id(&order)).await, order);
}

#[tokio::test]
async fn a_reason_stays_with_its_step() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let patch = json!({"status": "rejected", "reason": {"code": "too_busy", "note": "Friday"}});
    let rejected = app.change(id(&order), &patch).await;
    assert_eq!(rejected["reason"], json!({"code": "too_busy", "note": "Friday"}));

    let order = app.place(&store).await;
    let long = json!({"reason": {"code": "other", "note": "x".repeat(1001)}});
    let address = format!("/v1/orders/{}/cancel", id(&order));
    app.post(&address, &app.service(), &long).await.expect_error(400, "INVALID_INPUT");
    assert_eq!(app.order(id(&order)).await, order);
}

#[tokio::test]
async fn who_has_seen_an_older_version_is_told_to_look_again() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let accept = json!({"status": "accepted"});
    let moved = patch_if(&app, id(&order), "\"1\"", &accept).await;
    assert_eq!(moved.header("etag"), Some("\"2\""));
    moved.expect(200);
    let stale = patch_if(&app, id(&order), "\"1\"", &json!({"status": "preparing"})).await;
    let error = stale.expect_error(412, "PRECONDITION_FAILED");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("version 2") && message.contains("not 1"), "{message}");
    for if_match in ["5", "\"five\"", "W/\"2\"", "\"-1\""] {
        let answer = patch_if(&app, id(&order), if_match, &accept).await;
        answer.expect_error(400, "INVALID_INPUT");
    }
    patch_if(&app, id(&order), "*", &json!({"status": "preparing"})).await.expect(200);
    for action in ["cancel", "recall", "reopen"] {
        let path = format!("/v1/orders/{}/{action}", id(&order));
        let request = app.request(Method::POST, &path).bearer_auth(app.service());
        let body = json!({"reason": {"code": "other"}});
        let answer = answer(request.header("if-match", "\"2\"").json(&body)).await;
        answer.expect_error(412, "PRECONDITION_FAILED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_saw_the_same_version_one_moves_the_order() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let patches: Vec<_> = (0..20)
        .map(|minute| json!({"eta": {"readyAt": format!("2027-01-01T12:{minute:02}:00Z")}}))
        .collect();
    let asked = patches.iter().map(|patch| patch_if(&app, id(&order), "\"1\"", patch));
    let answers = join_all(asked).await;
    let won: Vec<_> = answers.iter().filter(|it| it.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert_eq!(won[0].json, app.order(id(&order)).await);
    assert!(answers.iter().all(|it| it.status == 200 || it.status == 412), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_taken_at_once_are_all_recorded_one_after_the_other() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let patches: Vec<_> = (0..20)
        .map(|minute| json!({"eta": {"readyAt": format!("2027-01-01T12:{minute:02}:00Z")}}))
        .collect();
    let answers = join_all(patches.iter().map(|patch| app.change(id(&order), patch))).await;
    let mut versions: Vec<_> = answers.iter().map(|it| it["version"].as_u64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=21).collect::<Vec<_>>());
}
