//! Partners that fail, and what is told to them all the same.

use orderwire::config::Span;
use secrecy::SecretString;
use serde_json::json;

use crate::{
    harness::{
        app::TestApp,
        stand_in::{Reply, StandIn},
        tokens::{OTHER_SEALING_KEY, SEALING_KEY},
        wait::eventually,
    },
    partner_calls::{app_for, calls, placed, reach, until_states},
};

#[tokio::test]
async fn lost_replies_errors_and_full_queues_delay_the_order_of_things_but_do_not_change_it() {
    let script = [Reply::Lost, Reply::Status(500), Reply::Wait(1), Reply::Status(503)];
    let careem = StandIn::spawn(&script).await;
    let app = app_for("careem", &careem).await;
    let order = placed(&app, "careem", "c-1", json!({})).await;
    app.step(&order, &["accepted", "preparing", "ready"]).await;
    let calls = until_states(&app, &order, &[("accept", "sent"), ("ready", "sent")]).await;
    assert_eq!((&calls[0]["attempts"], &calls[1]["attempts"]), (&json!(5), &json!(1)));
    let heard = careem.heard();
    let words: Vec<_> = heard.iter().map(|it| it.json["state"].as_str().unwrap()).collect();
    assert_eq!(words, ["accepted", "accepted", "accepted", "accepted", "accepted", "ready"]);
}

#[tokio::test]
async fn what_a_partner_refuses_is_not_repeated_until_somebody_says_so() {
    let careem = StandIn::spawn(&[Reply::Status(422)]).await;
    let app = app_for("careem", &careem).await;
    let order = placed(&app, "careem", "c-1", json!({})).await;
    app.step(&order, &["accepted", "preparing", "ready"]).await;
    let refused = until_states(&app, &order, &[("accept", "failed"), ("ready", "sent")]).await;
    assert_eq!((&refused[0]["status"], &refused[0]["attempts"]), (&json!(422), &json!(1)));
    let retry =
        |at: usize| format!("/v1/partners/calls/{}/retry", refused[at]["id"].as_str().unwrap());
    assert_eq!(app.post(&retry(0), &app.service(), &json!({})).await.status, 202);
    until_states(&app, &order, &[("accept", "sent"), ("ready", "sent")]).await;
    app.post(&retry(0), &app.service(), &json!({})).await.expect_error(409, "CONFLICT");
    assert_eq!(careem.heard().len(), 3);
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_asked_for_again() {
    let careem = StandIn::spawn(&[Reply::Status(401)]).await;
    let app = app_for("careem", &careem).await;
    let order = placed(&app, "careem", "c-1", json!({})).await;
    app.step(&order, &["accepted"]).await;
    until_states(&app, &order, &[("accept", "sent")]).await;
    assert_eq!(careem.logins(), 2);
}

#[tokio::test]
async fn a_partner_that_is_down_is_left_alone_then_tried_and_then_told_everything() {
    let mut careem = StandIn::away().await;
    let app = app_for("careem", &careem).await;
    let mut orders = Vec::new();
    for number in 0..4 {
        let order = placed(&app, "careem", &format!("c-{number}"), json!({})).await;
        app.step(&order, &["accepted", "preparing", "ready"]).await;
        orders.push(order);
    }
    let breaker = async || {
        let board = app.get("/v1/partners", &app.service()).await.expect(200);
        let partners = board["partners"].as_array().unwrap().clone();
        partners.into_iter().find(|it| it["partner"] == "careem").unwrap()
    };
    eventually(async || {
        let careem = breaker().await;
        let open = careem["told"]["hosts"][0]["breaker"] == "open";
        if open && careem["told"]["due"] == 8 { Ok(()) } else { Err(careem) }
    })
    .await;
    careem.come().await;
    for order in &orders {
        until_states(&app, order, &[("accept", "sent"), ("ready", "sent")]).await;
    }
    let now = breaker().await;
    assert_eq!((&now["told"]["hosts"], &now["told"]["due"]), (&json!([]), &json!(0)), "{now}");
    for number in 0..4 {
        let path = format!("/orders/c-{number}");
        let heard = careem.heard();
        let words: Vec<_> =
            heard.iter().filter(|it| it.path == path).map(|it| it.json["state"].clone()).collect();
        assert_eq!(words, ["accepted", "ready"]);
    }
}

#[tokio::test]
async fn nobody_is_told_what_is_not_worth_telling_any_more() {
    let mut careem = StandIn::away().await;
    let app = TestApp::with(|config| {
        reach(config, "careem", &careem);
        config.outbound.worth_for = Span::millis(400);
    })
    .await;
    let late = placed(&app, "careem", "c-1", json!({})).await;
    app.step(&late, &["accepted"]).await;
    let failed = until_states(&app, &late, &[("accept", "failed")]).await;
    assert!(
        failed[0]["note"].as_str().unwrap().starts_with("could not be told in time"),
        "{failed:?}"
    );
    careem.come().await;
    let next = placed(&app, "careem", "c-2", json!({})).await;
    app.step(&next, &["accepted"]).await;
    until_states(&app, &next, &[("accept", "sent")]).await;
    let heard = careem.heard();
    assert!(heard.iter().all(|it| it.path == "/orders/c-2"), "{heard:?}");
}

#[tokio::test]
async fn one_order_that_waits_holds_no_other_up() {
    let careem = StandIn::spawn(&[Reply::Wait(60)]).await;
    let app = app_for("careem", &careem).await;
    let stuck = placed(&app, "careem", "c-1", json!({})).await;
    app.step(&stuck, &["accepted"]).await;
    careem.until(1).await;
    app.step(&stuck, &["preparing", "ready"]).await;
    let quick = placed(&app, "careem", "c-2", json!({})).await;
    app.step(&quick, &["accepted"]).await;
    until_states(&app, &quick, &[("accept", "sent")]).await;
    let stuck = calls(&app, &stuck).await;
    assert!(stuck.iter().all(|it| it["state"] == "pending"), "{stuck:?}");
    assert_eq!((&stuck[0]["attempts"], &stuck[1]["attempts"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_slow_partner_has_so_many_calls_under_way_and_keeps_no_other_waiting() {
    let careem = StandIn::spawn(&[Reply::Lost; 3]).await;
    let pos = StandIn::spawn(&[]).await;
    let app = TestApp::with(|config| {
        reach(config, "careem", &careem);
        reach(config, "generic", &pos);
        config.outbound.at_once = 3;
    })
    .await;
    for number in 0..5 {
        let order = placed(&app, "careem", &format!("c-{number}"), json!({})).await;
        app.step(&order, &["accepted"]).await;
    }
    let quick = placed(&app, "generic", "p-1", json!({})).await;
    app.step(&quick, &["accepted"]).await;
    until_states(&app, &quick, &[("accept", "sent")]).await;
    assert_eq!(careem.until(3).await.len(), 3);
    // When they are given up, the others get their turn.
    careem.until(5).await;
}

#[tokio::test]
async fn what_cannot_be_signed_for_lack_of_a_sealing_key_waits_and_counts_for_nothing() {
    let pos = StandIn::spawn(&[]).await;
    let mut app = app_for("generic", &pos).await;
    let credential = json!({"label": "Abdoun"});
    app.post("/v1/partners/generic/credentials", &app.service(), &credential).await.expect(201);
    let keys =
        |keys: &[&str]| -> Vec<SecretString> { keys.iter().map(|key| (*key).into()).collect() };
    let rotated = keys(&[OTHER_SEALING_KEY, SEALING_KEY]);
    app.restart_with(|config| config.auth.sealing_keys = rotated.clone()).await;
    app.restart_with(|config| config.auth.sealing_keys = keys(&[OTHER_SEALING_KEY])).await;
    let order = placed(&app, "generic", "pos-7", json!({})).await;
    app.step(&order, &["accepted"]).await;
    eventually(async || {
        let calls = until_states(&app, &order, &[("accept", "pending")]).await;
        let note = calls[0]["note"].as_str().unwrap_or_default();
        if note.contains("sealing key") && calls[0]["attempts"] == 0 { Ok(()) } else { Err(calls) }
    })
    .await;
    assert!(pos.heard().is_empty());
    app.restart_with(|config| config.auth.sealing_keys = rotated).await;
    until_states(&app, &order, &[("accept", "sent")]).await;
}
