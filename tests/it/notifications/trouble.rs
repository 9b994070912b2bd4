//! What becomes of a message when the channel says no, or nothing.

use orderwire::config::Span;
use serde_json::{Value, json};

use crate::{
    harness::{
        app::TestApp,
        cloud_api::{self, CloudApi, Trouble, deliver},
        wait::eventually,
    },
    notifications::{app_for, place_wanted, reach, rules, told, until},
};

/// Only what is accepted, by WhatsApp alone.
async fn plain_rules(app: &TestApp, store: &str) {
    rules(app, store, json!([{"on": "accepted", "template": "order_ready"}])).await;
}

/// Places and accepts an order; answers its id.
async fn accepted(app: &TestApp, store: &str, phone: &str) -> String {
    let order = place_wanted(app, store, phone).await;
    app.step(&order, &["accepted"]).await;
    order
}

#[tokio::test]
async fn every_class_of_error_ends_as_the_table_says() {
    // The code, its status, how often it is refused, and where the message ends.
    let cases = [
        (131_000, 500, 2, "accepted"),
        (130_429, 400, 2, "accepted"),
        (131_048, 400, 1, "failed"),
        (131_026, 400, 1, "failed"),
        (131_047, 400, 1, "failed"),
        (100, 400, 1, "failed"),
        (999_999, 400, 1, "failed"),
        (999_999, 500, 1, "accepted"),
    ];
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    plain_rules(&app, &store).await;
    for (at, (code, status, times, state)) in cases.into_iter().enumerate() {
        let refused = cloud.refused();
        cloud.script(&vec![Trouble::Code(code, status); times]);
        let order = accepted(&app, &store, &format!("+9627900001{at:02}")).await;
        let rows = until(&app, &order, &[("accepted", "whatsapp", state)]).await;
        let is_over = state == "failed";
        assert_eq!(rows[0]["code"].as_str(), is_over.then_some(&*code.to_string()), "{rows:#?}");
        assert_eq!(cloud.refused()[&code], refused.get(&code).copied().unwrap_or(0) + times);
    }
}

#[tokio::test]
async fn who_was_just_written_to_is_left_alone_for_as_long_as_whatsapp_wants() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    plain_rules(&app, &store).await;
    cloud.script(&[Trouble::Code(131_056, 400)]);
    let order = accepted(&app, &store, "+962790000201").await;
    let rows = eventually(async || {
        let rows = told(&app, &order).await;
        let is_refused = rows.first().is_some_and(|it| it["code"] == "131056");
        if is_refused { Ok(rows) } else { Err(rows) }
    })
    .await;
    let at = |name: &str| rows[0][name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let wait = at("nextAttemptAt").duration_since(at("updatedAt")).as_secs_f64();
    assert!((3.9..4.1).contains(&wait), "4^1 seconds: {wait}");
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
}

#[tokio::test]
async fn a_lost_reply_is_held_and_the_receipt_decides() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    plain_rules(&app, &store).await;
    for (at, trouble) in [Trouble::LostReply, Trouble::TakenBadGateway].into_iter().enumerate() {
        cloud.script(&[trouble]);
        let order = accepted(&app, &store, &format!("+9627900003{at:02}")).await;
        until(&app, &order, &[("accepted", "whatsapp", "held")]).await;
        let taken = cloud.taken().pop().unwrap();
        deliver(&app, &cloud_api::receipt(&taken, "delivered")).await;
        let rows = until(&app, &order, &[("accepted", "whatsapp", "delivered")]).await;
        assert_eq!(rows[0]["providerId"], taken.wamid.as_str());
    }
    assert_eq!(cloud.taken().len(), 2);
}

#[tokio::test]
async fn what_nobody_hears_of_is_unconfirmed_and_only_a_person_sends_it_again() {
    let cloud = CloudApi::spawn().await;
    let app = TestApp::with(|config| {
        reach(config, &cloud);
        config.notify.hold_for = Span::millis(300);
    })
    .await;
    let store = app.store().await;
    plain_rules(&app, &store).await;
    cloud.script(&[Trouble::LostRequest]);
    let order = accepted(&app, &store, "+962790000401").await;
    let rows = until(&app, &order, &[("accepted", "whatsapp", "unconfirmed")]).await;
    assert_eq!((cloud.requests(), &rows[0]["code"]), (1, &Value::from("no_reply")));
    let path = format!("/v1/notifications/{}/retry", rows[0]["id"].as_str().unwrap());
    assert_eq!(app.post(&path, &app.service(), &json!({})).await.status, 202);
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
    assert_eq!(app.post(&path, &app.service(), &json!({})).await.status, 409);
}

#[tokio::test]
async fn a_template_that_is_refused_is_stopped_and_the_other_language_takes_its_place() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    plain_rules(&app, &store).await;
    cloud.script(&[Trouble::Code(132_015, 400)]);
    let order = accepted(&app, &store, "+962790000501").await;
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
    assert_eq!(cloud.taken()[0].language, "ar");
    let stops = stops(&app).await;
    assert_eq!(stops.len(), 1, "{stops:#?}");
    assert_eq!(stops[0]["language"], "en");
    // Paused in both languages, it is of no use to anybody, and nothing is asked in vain.
    cloud.script(&[Trouble::Code(132_016, 400)]);
    let order = accepted(&app, &store, "+962790000502").await;
    let rows = until(&app, &order, &[("accepted", "whatsapp", "failed")]).await;
    assert_eq!(rows[0]["code"], "template_stopped");
    // Meta says that it is good again.
    for language in ["en", "ar"] {
        let news = json!({"event": "APPROVED", "message_template_name": "order_ready",
            "message_template_language": language, "reason": "NONE"});
        deliver(&app, &cloud_api::change("message_template_status_update", &news)).await;
    }
    eventually(async || {
        let stops = self::stops(&app).await;
        if stops.is_empty() { Ok(()) } else { Err(stops) }
    })
    .await;
    let order = accepted(&app, &store, "+962790000503").await;
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
}

async fn stops(app: &TestApp) -> Vec<Value> {
    let templates = app.get("/v1/templates", &app.service()).await.expect(200);
    let all = templates["templates"].as_array().unwrap();
    let ready = all.iter().find(|it| it["name"] == "order_ready").unwrap();
    ready["stopped"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_account_that_cannot_be_used_is_left_alone_and_nothing_is_lost_by_it() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    plain_rules(&app, &store).await;
    cloud.script(&[Trouble::Code(190, 401)]);
    let first = accepted(&app, &store, "+962790000601").await;
    eventually(async || {
        let rows = told(&app, &first).await;
        let is_refused = rows.first().is_some_and(|it| it["code"] == "190");
        if is_refused { Ok(()) } else { Err(rows) }
    })
    .await;
    let circuit = app.metric("orderwire_notification_circuit", &[("channel", "whatsapp")]).await;
    assert_eq!(circuit, Some(1.0));
    let second = accepted(&app, &store, "+962790000602").await;
    for order in [&first, &second] {
        until(&app, order, &[("accepted", "whatsapp", "accepted")]).await;
    }
    assert_eq!(cloud.refused().values().sum::<usize>(), 1, "one message found out");
}

#[tokio::test]
async fn what_could_not_be_sent_in_time_is_never_sent() {
    let cloud = CloudApi::spawn().await;
    let clock = crate::harness::app::evening();
    let isolated = std::sync::Arc::new(crate::harness::services::Isolated::new().await);
    let app = TestApp::on(isolated, clock.clone(), |config| {
        reach(config, &cloud);
        config.notify.first_delay = Span::secs(300);
        config.notify.longest_delay = Span::secs(300);
    })
    .await;
    let store = app.store().await;
    plain_rules(&app, &store).await;
    cloud.script(&[Trouble::Code(131_000, 500)]);
    let order = accepted(&app, &store, "+962790000701").await;
    eventually(async || {
        let rows = told(&app, &order).await;
        let is_refused = rows.first().is_some_and(|it| it["code"] == "131000");
        if is_refused { Ok(()) } else { Err(rows) }
    })
    .await;
    clock.advance(std::time::Duration::from_mins(31));
    let rows = until(&app, &order, &[("accepted", "whatsapp", "expired")]).await;
    assert_eq!((rows[0]["code"].as_str(), cloud.requests()), (Some("too_late"), 1));
}
