//! Partners' secrets come and go while the server runs, and nobody ever reads one again.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::harness::{
    app::{TestApp, evening},
    client::{Client, answer, id},
    tokens::{OTHER_SEALING_KEY, SEALING_KEY},
    webhooks::{CAREEM, Call, status_body},
};

const PATH: &str = "/v1/partners/careem/credentials";

/// What is answered to a call with this key.
async fn status_with(app: &Client, key: &str) -> u16 {
    let body = status_body("careem", key, "accepted").to_string().into_bytes();
    let headers = vec![("x-careem-api-key".to_owned(), key.to_owned())];
    app.deliver(&Call { partner: "careem".to_owned(), headers, body }).await.status
}

async fn add(app: &Client, label: &str, secret: &str) -> Value {
    let body = json!({"label": label, "secret": secret});
    app.post(PATH, &app.service(), &body).await.expect(201)
}

#[tokio::test]
async fn a_secret_is_rotated_without_a_gap() {
    let clock = evening();
    let app = TestApp::spawn_at(clock.clone()).await;
    assert_eq!(status_with(&app, "the-first-key").await, 401);
    let first = add(&app, "Abdoun", "the-first-key").await;
    assert_eq!(status_with(&app, "the-first-key").await, 200);
    add(&app, "Abdoun, new", "the-second-key").await;
    let end = clock.now() + SignedDuration::from_mins(10);
    let path = format!("{PATH}/{}", id(&first));
    app.patch(&path, &app.service(), &json!({"expiresAt": end})).await.expect(204);
    for key in ["the-first-key", "the-second-key", CAREEM] {
        assert_eq!(status_with(&app, key).await, 200, "{key}");
    }
    clock.advance(Duration::from_mins(10));
    assert_eq!(status_with(&app, "the-first-key").await, 401);
    assert_eq!(status_with(&app, "the-second-key").await, 200);
    let removed = answer(app.request(Method::DELETE, &path).bearer_auth(app.service())).await;
    assert_eq!(removed.status, 204);
    app.patch(&path, &app.service(), &json!({"expiresAt": null}))
        .await
        .expect_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_secret_is_never_shown_again() {
    let app = TestApp::spawn().await;
    let added = add(&app, "Abdoun", "the-first-key").await;
    assert!(added.get("secret").is_none(), "{added}");
    let made = app.post(PATH, &app.service(), &json!({"label": "made here"})).await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.expect(201);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(status_with(&app, secret).await, 200);
    let listed = app.get(PATH, &app.service()).await.expect(200);
    let labels: Vec<_> =
        listed["credentials"].as_array().unwrap().iter().map(|it| &it["label"]).collect();
    assert_eq!(labels, ["Abdoun", "made here"]);
    let text = listed.to_string();
    assert!(!text.contains("the-first-key") && !text.contains(secret), "{text}");
}

#[tokio::test]
async fn stored_secrets_outlive_a_restart() {
    let mut app = TestApp::spawn().await;
    add(&app, "Abdoun", "the-first-key").await;
    app.restart().await;
    assert_eq!(status_with(&app, "the-first-key").await, 200);
}

#[tokio::test]
async fn what_cannot_be_a_credential_is_refused_with_every_fault() {
    let app = TestApp::spawn().await;
    let short = json!({"label": "", "secret": "short"});
    let error = app.post(PATH, &app.service(), &short).await.expect_error(400, "INVALID_INPUT");
    assert_eq!(error["details"].as_array().unwrap().len(), 2, "{error}");
    let elsewhere = "/v1/partners/nobody/credentials";
    app.post(elsewhere, &app.service(), &json!({"label": "x"}))
        .await
        .expect_error(404, "NOT_FOUND");
    for at in 0..20 {
        add(&app, "many", &format!("the-key-number-{at}")).await;
    }
    let more = json!({"label": "one too many"});
    app.post(PATH, &app.service(), &more).await.expect_error(409, "CONFLICT");
}

#[tokio::test]
async fn a_call_that_cannot_be_verified_for_lack_of_a_sealing_key_is_to_be_sent_again() {
    let mut app = TestApp::spawn().await;
    add(&app, "Abdoun", "the-first-key").await;
    let keys =
        |keys: &[&str]| -> Vec<SecretString> { keys.iter().map(|key| (*key).into()).collect() };
    let rotated = keys(&[OTHER_SEALING_KEY, SEALING_KEY]);
    app.restart_with(|config| config.auth.sealing_keys = rotated.clone()).await;
    app.restart_with(|config| config.auth.sealing_keys = keys(&[OTHER_SEALING_KEY])).await;
    assert_eq!(status_with(&app, "the-first-key").await, 503);
    assert_eq!(status_with(&app, CAREEM).await, 200);
    app.restart_with(|config| config.auth.sealing_keys = rotated).await;
    assert_eq!(status_with(&app, "the-first-key").await, 200);
    assert_eq!(status_with(&app, "the-second-key").await, 401);
}
