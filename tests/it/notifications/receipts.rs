//! What WhatsApp reports of messages: late, twice, in any order, and only if it is WhatsApp who says so.

use reqwest::Method;
use serde_json::json;

use crate::{
    harness::{
        app::TestApp,
        client::answer,
        cloud_api::{self, CloudApi, Trouble, deliver},
        stand_in::StandIn,
        wait::eventually,
    },
    notifications::{app_for, place_wanted, reach, rules, until},
};

#[tokio::test]
async fn receipts_only_raise_whatever_their_order() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    let order = place_wanted(&app, &store, "+962790001001").await;
    app.step(&order, &["accepted"]).await;
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
    let taken = cloud.taken().pop().unwrap();
    for (said, then) in [
        ("delivered", "delivered"),
        ("sent", "delivered"),
        ("failed", "delivered"),
        ("read", "read"),
    ] {
        deliver(&app, &cloud_api::receipt(&taken, said)).await;
        eventually(async || {
            let inbox =
                app.get("/v1/webhooks/inbox?partner=whatsapp", &app.service()).await.expect(200);
            let calls = inbox["calls"].as_array().unwrap();
            if calls.iter().all(|it| it["state"] == "done") { Ok(()) } else { Err(inbox) }
        })
        .await;
        until(&app, &order, &[("accepted", "whatsapp", then)]).await;
    }
}

#[tokio::test]
async fn a_failure_that_comes_later_goes_on_to_the_next_channel() {
    let cloud = CloudApi::spawn().await;
    let gateway = StandIn::spawn(&[]).await;
    let app = TestApp::with(|config| {
        reach(config, &cloud);
        config.sms.url = Some(gateway.url());
    })
    .await;
    let store = app.store().await;
    let both =
        json!([{"on": "accepted", "template": "order_ready", "channels": ["whatsapp", "sms"]}]);
    rules(&app, &store, both).await;
    cloud.script(&[Trouble::FailsLater(131_026)]);
    let order = place_wanted(&app, &store, "+962790001002").await;
    app.step(&order, &["accepted"]).await;
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
    let taken = cloud.taken().pop().unwrap();
    deliver(&app, &cloud_api::receipt(&taken, "failed")).await;
    until(&app, &order, &[("accepted", "whatsapp", "failed"), ("accepted", "sms", "accepted")])
        .await;
    // A failure stays one.
    deliver(&app, &cloud_api::receipt(&taken, "sent")).await;
    gateway.until(1).await;
    until(&app, &order, &[("accepted", "whatsapp", "failed"), ("accepted", "sms", "accepted")])
        .await;
}

#[tokio::test]
async fn a_receipt_that_nobody_signed_changes_nothing() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    let order = place_wanted(&app, &store, "+962790001003").await;
    app.step(&order, &["accepted"]).await;
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
    let taken = cloud.taken().pop().unwrap();
    let body = cloud_api::receipt(&taken, "read").to_string();
    for signature in [None, Some("sha256=00"), Some("nothing")] {
        let mut call = app.request(Method::POST, "/v1/webhooks/whatsapp").body(body.clone());
        if let Some(signature) = signature {
            call = call.header("x-hub-signature-256", signature);
        }
        assert_eq!(answer(call).await.status, 401, "{signature:?}");
    }
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
}

#[tokio::test]
async fn the_handshake_takes_our_token() {
    let cloud = CloudApi::spawn().await;
    let app = TestApp::with(|config| {
        reach(config, &cloud);
        config.whatsapp.verify_token = Some("a word between us".into());
    })
    .await;
    let ask = |token: &str| {
        let path = format!(
            "/v1/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={}",
            token.replace(' ', "%20")
        );
        answer(app.request(Method::GET, &path))
    };
    let good = ask("a word between us").await;
    assert_eq!((good.status, &good.body[..]), (200, &b"1158201444"[..]));
    assert_eq!(ask("another word").await.status, 403);
    let other = app.request(Method::GET, "/v1/webhooks/careem?hub.mode=subscribe");
    assert_eq!(answer(other).await.status, 404);
}
