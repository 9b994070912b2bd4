//! Sealing keys: demanded where servers share a database, and compared with what it holds.

use std::sync::Arc;

use orderwire::{base::clock::Clock, config::Config};
use serde_json::json;

use crate::{
    command_line::run,
    harness::{
        app::{TestApp, config},
        process::environment,
        services::{Isolated, Stack},
        tokens::{OTHER_SEALING_KEY, SEALING_KEY},
    },
};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// The usual settings, with these sealing keys.
fn with_keys(isolated: &Isolated, keys: &[&str]) -> Vec<(String, String)> {
    let mut config = config(isolated);
    config.auth.sealing_keys = keys.iter().map(|key| (*key).into()).collect();
    environment(&config)
}

fn keys(keys: &[&str]) -> impl FnOnce(&mut Config) {
    let keys = keys.iter().map(|key| (*key).into()).collect();
    move |config| config.auth.sealing_keys = keys
}

async fn add_credential(app: &TestApp) {
    let body = json!({"label": "Abdoun", "secret": "the-first-key"});
    app.post("/v1/partners/careem/credentials", &app.service(), &body).await.expect(201);
}

#[tokio::test]
async fn an_embedded_server_makes_a_key_also_when_all_other_secrets_are_set() {
    let isolated = Arc::new(Isolated::embedded());
    let app = TestApp::on(isolated, Clock::System, |config| config.auth.sealing_keys.clear()).await;
    add_credential(&app).await;
}

#[tokio::test]
async fn a_server_on_postgresql_wants_a_key_and_says_how_to_make_one() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let isolated = Isolated::new().await;
    let variables = with_keys(&isolated, &[]);
    let words = ["auth.sealing_keys", "ORDERWIRE_AUTH__SEALING_KEYS", "openssl rand -base64 32"];
    run(&SERVE, &variables).await.refused(&words);
    let doctor = run(&["doctor"], &variables).await;
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.out.contains("FAIL  sealing keys"), "{}", doctor.out);
    // Nothing but a token is wanted of them here.
    let token = run(&["token", "--role", "customer"], &variables).await;
    assert_eq!(token.code, 0, "{token:?}");
}

#[tokio::test]
async fn a_server_with_another_key_does_not_start() {
    let app = TestApp::spawn().await;
    add_credential(&app).await;
    let isolated = app.shut_down().await;
    let other = with_keys(&isolated, &[OTHER_SEALING_KEY]);
    run(&SERVE, &other).await.refused(&["auth.sealing_keys", "auth.replace_sealing_key"]);
    let doctor = run(&["doctor"], &other).await;
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.out.contains("FAIL  sealing keys: 1 of 1 stored secrets"), "{}", doctor.out);
    let doctor = run(&["doctor"], &with_keys(&isolated, &[SEALING_KEY])).await;
    assert!(doctor.out.contains("ok    sealing keys"), "{}", doctor.out);
    assert!(doctor.out.contains("ok    partner careem: 2 secrets"), "{}", doctor.out);
    let app = TestApp::on(isolated, Clock::System, |_| {}).await;
    app.get("/v1/partners/careem/credentials", &app.service()).await.expect(200);
}

#[tokio::test]
async fn two_servers_never_have_different_keys() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let isolated = Arc::new(Isolated::new().await);
    let first = TestApp::on(Arc::clone(&isolated), Clock::System, |_| {}).await;
    // Nothing is sealed yet.
    let other = with_keys(&isolated, &[OTHER_SEALING_KEY]);
    run(&SERVE, &other).await.refused(&["auth.sealing_keys"]);
    let both = keys(&[SEALING_KEY, OTHER_SEALING_KEY]);
    let second = TestApp::on(isolated, Clock::System, both).await;
    add_credential(&second).await;
    first.get("/v1/partners/careem/credentials", &first.service()).await.expect(200);
}

#[tokio::test]
async fn keys_are_rotated_and_a_lost_one_can_be_replaced() {
    let mut app = TestApp::spawn().await;
    app.restart_with(keys(&[OTHER_SEALING_KEY, SEALING_KEY])).await;
    app.restart_with(keys(&[OTHER_SEALING_KEY])).await;
    let isolated = app.shut_down().await;
    let old = with_keys(&isolated, &[SEALING_KEY]);
    run(&SERVE, &old).await.refused(&["auth.sealing_keys"]);
    let lost = |config: &mut Config| config.auth.replace_sealing_key = true;
    let app = TestApp::on(isolated, Clock::System, lost).await;
    let isolated = app.shut_down().await;
    TestApp::on(isolated, Clock::System, |_| {}).await.shut_down().await;
}
