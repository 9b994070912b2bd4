//! Each partner is told in its own words, in order, and never what it said itself.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{
        stand_in::{Heard, Reply, StandIn, TOKEN},
        wait::eventually,
        webhooks::{GENERIC, Signer, mac, order_placed, status_body},
    },
    partner_calls::{app_for, calls, expect_in, placed, until_states},
};

fn said(heard: &[Heard]) -> Vec<(Method, &str, Value)> {
    heard.iter().map(|it| (it.method.clone(), it.path.as_str(), it.json.clone())).collect()
}

#[tokio::test]
async fn careem_is_told_of_its_order_in_its_own_words_with_one_login() {
    let careem = StandIn::spawn(&[]).await;
    let app = app_for("careem", &careem).await;
    let contact = json!({"brandId": "bd-1", "branchId": 7});
    let order = placed(&app, "careem", "70011223", contact).await;
    expect_in(&app, &order, 10).await;
    app.step(&order, &["accepted"]).await;
    expect_in(&app, &order, 100).await;
    expect_in(&app, &order, 120).await;
    app.step(&order, &["preparing", "ready", "out_for_delivery"]).await;
    let states = [
        ("accept", "sent"),
        ("delay", "sent"),
        ("delay", "skipped"),
        ("ready", "sent"),
        ("picked_up", "skipped"),
    ];
    until_states(&app, &order, &states).await;
    let heard = careem.heard();
    let state = |word| json!({"state": word, "cancellation_reason": "OTHER"});
    let path = "/orders/70011223";
    let expected = vec![
        (Method::PUT, path, state("accepted")),
        (Method::PUT, "/orders/70011223/delay-request", json!({"delay_in_minutes": 60})),
        (Method::PUT, path, state("ready")),
    ];
    assert_eq!(said(&heard), expected);
    for it in &heard {
        assert_eq!(it.headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(
            (&it.headers["brand-id"], &it.headers["branch-id"]),
            (&"bd-1".parse().unwrap(), &"7".parse().unwrap())
        );
    }
    assert_eq!(careem.logins(), 1);
}

#[tokio::test]
async fn a_partner_never_hears_its_own_words_again() {
    let careem = StandIn::spawn(&[]).await;
    let app = app_for("careem", &careem).await;
    let theirs = placed(&app, "careem", "c-1", json!({})).await;
    app.deliver(&app.webhook("careem", "", &status_body("careem", "c-1", "accepted")))
        .await
        .expect(200);
    app.until_status(&theirs, "accepted").await;
    app.deliver(&app.webhook("careem", "", &status_body("careem", "c-1", "cancelled")))
        .await
        .expect(200);
    app.until_status(&theirs, "cancelled").await;
    assert_eq!(calls(&app, &theirs).await, Vec::<Value>::new());

    // And what it repeats of ours is no news: the loop ends there.
    let ours = placed(&app, "careem", "c-2", json!({})).await;
    app.step(&ours, &["accepted"]).await;
    careem.until(1).await;
    app.deliver(&app.webhook("careem", "", &status_body("careem", "c-2", "accepted")))
        .await
        .expect(200);
    eventually(async || {
        let path = format!("/v1/webhooks/inbox?outcome=late&orderId={ours}");
        let late = app.get(&path, &app.service()).await.expect(200);
        if late["calls"].as_array().unwrap().len() == 1 { Ok(()) } else { Err(late) }
    })
    .await;
    until_states(&app, &ours, &[("accept", "sent")]).await;
    assert_eq!(careem.heard().len(), 1);
}

#[tokio::test]
async fn another_partners_word_is_told_and_an_order_of_our_own_to_nobody() {
    let careem = StandIn::spawn(&[]).await;
    let app = app_for("careem", &careem).await;
    let order = placed(&app, "careem", "c-1", json!({})).await;
    let body =
        json!({"type": "delivery.status", "data": {"orderId": order, "status": "picked_up"}});
    app.deliver(&app.webhook("generic", "e1", &body)).await.expect(200);
    until_states(&app, &order, &[("accept", "sent"), ("picked_up", "skipped")]).await;
    let store = app.store().await;
    let own = app.place(&store).await;
    app.step(own["id"].as_str().unwrap(), &["accepted"]).await;
    assert_eq!(calls(&app, own["id"].as_str().unwrap()).await, Vec::<Value>::new());
}

#[tokio::test]
async fn talabat_is_told_at_the_addresses_that_came_with_the_order() {
    let talabat = StandIn::spawn(&[]).await;
    let app = app_for("talabat", &talabat).await;
    let at = |path: &str| format!("{}/{path}", talabat.url());
    let contact = json!({
        "orderAcceptedUrl": at("accepted"), "orderRejectedUrl": at("rejected"), "orderPreparedUrl": at("prepared"),
        "orderPickedUpUrl": null, "orderPreparationTimeAdjustmentUrl": "https://elsewhere.example/adjust",
    });
    let order = placed(&app, "talabat", "t-1", contact).await;
    app.step(&order, &["accepted"]).await;
    expect_in(&app, &order, 90).await;
    app.step(&order, &["preparing", "ready", "out_for_delivery"]).await;
    let reason = json!({"reason": {"code": "too_busy", "note": "no hands"}});
    app.post(&format!("/v1/orders/{order}/cancel"), &app.service(), &reason).await.expect(200);
    let states = [
        ("accept", "sent"),
        ("delay", "failed"),
        ("ready", "sent"),
        ("picked_up", "skipped"),
        ("reject", "sent"),
    ];
    let calls = until_states(&app, &order, &states).await;
    assert!(calls[1]["note"].as_str().unwrap().contains("callback_hosts"), "{calls:?}");
    let heard = talabat.heard();
    let paths: Vec<_> = heard.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/accepted", "/prepared", "/rejected"]);
    let [accepted, prepared, rejected] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(accepted.json["status"], "order_accepted");
    assert_eq!(accepted.json["remoteOrderId"], order);
    let time: Timestamp = accepted.json["acceptanceTime"].as_str().unwrap().parse().unwrap();
    assert!(app.clock.now() < time, "{time}");
    assert!(prepared.body.is_empty());
    // The order had been accepted: other reasons count then.
    let sorry =
        json!({"status": "order_rejected", "reason": "LATE_DELIVERY", "message": "no hands"});
    assert_eq!(rejected.json, sorry);
    assert_eq!(talabat.logins(), 1);
}

#[tokio::test]
async fn talabat_says_409_while_it_looks_for_a_rider_and_is_asked_again_after_a_while() {
    let talabat = StandIn::spawn(&[Reply::Status(409)]).await;
    let app = app_for("talabat", &talabat).await;
    let contact = json!({"orderAcceptedUrl": format!("{}/accepted", talabat.url())});
    let order = placed(&app, "talabat", "t-1", contact).await;
    app.step(&order, &["accepted"]).await;
    let call = eventually(async || {
        let call = calls(&app, &order).await.remove(0);
        if call["status"] == 409 { Ok(call) } else { Err(call) }
    })
    .await;
    assert_eq!(call["state"], "pending");
    let next: Timestamp = call["nextAttemptAt"].as_str().unwrap().parse().unwrap();
    let wait = next.duration_since(app.clock.now()).as_secs();
    assert!((5..=10).contains(&wait), "{wait} s");
}

#[tokio::test]
async fn any_system_is_told_with_standard_webhooks() {
    let pos = StandIn::spawn(&[Reply::Status(500)]).await;
    let app = app_for("generic", &pos).await;
    let order = placed(&app, "generic", "pos-7", json!({"till": 3})).await;
    let reason = json!({"status": "rejected", "reason": {"code": "closed", "note": "for today"}});
    app.change(&order, &reason).await;
    until_states(&app, &order, &[("reject", "sent")]).await;
    let heard = pos.heard();
    let [first, again] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(first.headers["webhook-id"], again.headers["webhook-id"]);
    for it in [first, again] {
        let text = |name: &str| it.headers[name].to_str().unwrap();
        let signed = format!("{}.{}.", text("webhook-id"), text("webhook-timestamp"));
        let message = [signed.as_bytes(), &it.body].concat();
        let signature =
            mac(GENERIC, &message, crate::harness::third_party::Written::Base64, Signer::Openssl);
        assert_eq!(text("webhook-signature"), format!("v1,{signature}"));
        assert_eq!(it.json["type"], "order.rejected");
        assert_eq!(it.json["data"]["orderId"], order);
        assert_eq!(it.json["data"]["externalId"], "pos-7");
        assert_eq!(it.json["data"]["reason"], json!({"code": "closed", "note": "for today"}));
        assert_eq!(it.json["data"]["contact"], json!({"till": 3}));
    }
}

#[tokio::test]
async fn what_is_signed_is_signed_with_the_secret_that_was_added_last() {
    let pos = StandIn::spawn(&[]).await;
    let app = app_for("generic", &pos).await;
    for key in [&b"an older secret of the partner's"[..], b"the newest of its secrets"] {
        let secret = format!("whsec_{}", BASE64_STANDARD.encode(key));
        let body = json!({"label": "rotation", "secret": secret});
        let path = "/v1/partners/generic/credentials";
        app.post(path, &app.service(), &body).await.expect(201);
    }
    let order = placed(&app, "generic", "pos-7", json!({})).await;
    app.change(&order, &json!({"status": "accepted"})).await;
    let heard = pos.until(1).await.remove(0);
    let text = |name: &str| heard.headers[name].to_str().unwrap();
    let signed = format!("{}.{}.", text("webhook-id"), text("webhook-timestamp"));
    let message = [signed.as_bytes(), &heard.body].concat();
    let written = crate::harness::third_party::Written::Base64;
    let signature = mac(b"the newest of its secrets", &message, written, Signer::Openssl);
    assert_eq!(text("webhook-signature"), format!("v1,{signature}"));
}

#[tokio::test]
async fn deliveroo_and_uber_eats_are_told_what_they_can_hear() {
    let deliveroo = StandIn::spawn(&[]).await;
    let app = app_for("deliveroo", &deliveroo).await;
    let order = placed(&app, "deliveroo", "gb:1/2", json!({})).await;
    app.step(&order, &["accepted", "preparing", "ready"]).await;
    until_states(&app, &order, &[("receive", "sent"), ("accept", "sent")]).await;
    let at = app.order(&order).await["placedAt"].clone();
    let came = json!({"status": "succeeded", "occurred_at": at});
    let expected = [
        (Method::POST, "/v1/orders/gb:1%2F2/sync_status", came),
        (Method::PATCH, "/v1/orders/gb:1%2F2", json!({"status": "accepted"})),
    ];
    assert_eq!(said(&deliveroo.heard()), expected);

    let uber = StandIn::spawn(&[]).await;
    let app = app_for("uber_eats", &uber).await;
    let order = placed(&app, "uber_eats", "u-1", json!({})).await;
    app.change(&order, &json!({"status": "rejected", "reason": {"code": "closed"}})).await;
    until_states(&app, &order, &[("reject", "sent")]).await;
    let denied = json!({"deny_reason": {"type": "STORE_CLOSED", "info": ""}});
    assert_eq!(said(&uber.heard()), [(Method::POST, "/order/u-1/deny", denied)]);
}

#[tokio::test]
async fn what_the_server_does_by_itself_is_told_too() {
    let pos = StandIn::spawn(&[]).await;
    let app = app_for("generic", &pos).await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let place = async |name: &str, accept_by: Option<Timestamp>| {
        let mut body = order_placed(name, "branch-7");
        body["data"]["contact"] = json!({"till": name});
        body["data"]["acceptBy"] = json!(accept_by);
        app.deliver(&app.webhook("generic", name, &body)).await.expect(200);
    };
    // Nobody answers this one.
    place("p-1", Some(app.clock.now() + jiff::SignedDuration::from_millis(500))).await;
    let told = pos.until(1).await;
    assert_eq!(told[0].json["type"], "order.rejected");
    assert_eq!(told[0].json["data"]["reason"]["code"], "no_answer");
    assert_eq!(told[0].json["data"]["contact"], json!({"till": "p-1"}));
    // And this one the store accepts by itself, in the very transaction that makes it an order.
    let path = format!("/v1/stores/{store}");
    app.patch(&path, &app.service(), &json!({"autoAccept": true})).await.expect(200);
    place("p-2", None).await;
    let told = pos.until(2).await;
    assert_eq!(told[1].json["type"], "order.accepted");
    assert_eq!(told[1].json["data"]["externalId"], "p-2");
    assert_eq!(told[1].json["data"]["contact"], json!({"till": "p-2"}));
}
