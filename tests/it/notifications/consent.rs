//! The consent ledger: who agreed to what, STOP and START, export and erasure.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{
        app::TestApp,
        client::{answer, id, order_for},
        cloud_api::{CloudApi, change, deliver, inbound, receipt},
        wait::eventually,
    },
    notifications::{app_for, place_wanted, until, wanted},
};

const SARA: &str = "+962790002001";

/// What she has said last of news of her orders, on WhatsApp.
async fn standing(app: &TestApp, phone: &str) -> Option<String> {
    let ledger = app.get(&format!("/v1/contacts/{phone}"), &app.service()).await;
    let entries = ledger.json["consents"].as_array()?.clone();
    let about = |it: &&Value| it["channel"] == "whatsapp" && it["category"] == "utility";
    entries.iter().rfind(about).map(|it| it["decision"].as_str().unwrap().to_owned())
}

async fn until_standing(app: &TestApp, phone: &str, decision: &str) {
    eventually(async || {
        let is = standing(app, phone).await;
        if is.as_deref() == Some(decision) { Ok(()) } else { Err(is) }
    })
    .await;
}

#[tokio::test]
async fn stop_in_either_language_ends_it_and_is_confirmed_once() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    for (at, (stop, start)) in [("Stop.", "START"), ("إيقاف", "ابدأ")].into_iter().enumerate()
    {
        let phone = format!("+96279000201{at}");
        place_wanted(&app, &store, &phone).await;
        until_standing(&app, &phone, "granted").await;
        for again in 0..2 {
            let wamid = format!("wamid.in.{at}.{again}");
            deliver(&app, &inbound(&phone, &wamid, stop, app.clock.now())).await;
        }
        until_standing(&app, &phone, "withdrawn").await;
        eventually(async || {
            let taken = cloud.taken();
            let answers = taken.iter().filter(|it| it.to == phone).count();
            if answers == 1 { Ok(()) } else { Err(taken) }
        })
        .await;
        // An order with her number does not undo it, when nobody knows that it is hers.
        let mut body = wanted(&store, &phone, "en");
        body["customer"].as_object_mut().unwrap().remove("id");
        let order = app.place_as(&app.customer("somebody"), &body).await;
        app.step(id(&order), &["accepted"]).await;
        until(&app, id(&order), &[("accepted", "whatsapp", "no_consent")]).await;
        deliver(&app, &inbound(&phone, &format!("wamid.in.{at}.start"), start, app.clock.now()))
            .await;
        until_standing(&app, &phone, "granted").await;
        let texts = eventually(async || {
            let taken = cloud.taken().into_iter().filter(|it| it.to == phone);
            let texts: Vec<_> = taken.map(|it| it.what).collect();
            if texts.len() == 2 { Ok(texts) } else { Err(texts) }
        })
        .await;
        let words = [["no more messages", "how your orders"], ["بعد الآن", "بأخبار"]][at];
        let said = texts.iter().zip(words).all(|(text, word)| text.contains(word));
        assert!(said, "one farewell, one welcome: {texts:?}");
    }
}

#[tokio::test]
async fn whoever_wants_no_marketing_still_hears_of_their_orders() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    place_wanted(&app, &store, SARA).await;
    let said = json!({"user_preferences": [{"wa_id": SARA.trim_start_matches('+'), "category": "marketing_messages",
        "value": "stop", "timestamp": app.clock.now().as_second()}]});
    deliver(&app, &change("user_preferences", &said)).await;
    let ledger = eventually(async || {
        let ledger = app.get(&format!("/v1/contacts/{SARA}"), &app.service()).await.expect(200);
        let withdrawn = |it: &Value| it["category"] == "marketing" && it["decision"] == "withdrawn";
        let is_there = ledger["consents"].as_array().unwrap().iter().any(withdrawn);
        if is_there { Ok(ledger) } else { Err(ledger) }
    })
    .await;
    let entry = &ledger["consents"][0];
    assert_eq!(
        (&entry["source"], &entry["shown"]),
        (&json!("checkout"), &json!("Tell me on WhatsApp"))
    );
    assert!(entry["evidence"].as_str().unwrap().starts_with("ord_"), "{entry}");
    assert_eq!(standing(&app, SARA).await.as_deref(), Some("granted"));
}

#[tokio::test]
async fn a_grant_needs_its_proof() {
    let app = TestApp::spawn().await;
    let path = format!("/v1/contacts/{SARA}/consents");
    let answer =
        app.post(&path, &app.service(), &json!({"decision": "granted", "source": ""})).await;
    assert_eq!(answer.status, 400);
    let details = answer.json["error"]["details"].to_string();
    assert!(details.contains("source") && details.contains("shown"), "{details}");
    let bad = app
        .post(
            "/v1/contacts/0790/consents",
            &app.service(),
            &json!({"decision": "withdrawn", "source": "x"}),
        )
        .await;
    assert_eq!(bad.status, 404);
    assert_eq!(app.get(&format!("/v1/contacts/{SARA}"), &app.service()).await.status, 404);
}

#[tokio::test]
async fn a_person_is_handed_all_that_is_known_of_them_and_can_be_forgotten() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    let order = place_wanted(&app, &store, SARA).await;
    app.step(&order, &["accepted"]).await;
    until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
    deliver(&app, &receipt(&cloud.taken()[0], "read")).await;
    until(&app, &order, &[("accepted", "whatsapp", "read")]).await;
    let path = format!("/v1/contacts/{SARA}");
    let export = app.get(&format!("{path}/export"), &app.service()).await.expect(200);
    assert_eq!(export["orders"][0]["customer"]["phone"], SARA);
    assert_eq!(export["notifications"].as_array().unwrap().len(), 1);
    let erase =
        async || answer(app.request(Method::DELETE, &path).bearer_auth(app.service())).await;
    assert_eq!(erase().await.status, 409, "the order is still open");
    app.step(&order, &["preparing", "ready", "picked_up"]).await;
    let erased = erase().await.expect(200);
    assert_eq!(erased["orders"], 1);
    let everything = [
        app.order(&order).await,
        app.get(&format!("/v1/orders/{order}/history"), &app.service()).await.expect(200),
        app.get("/v1/notifications", &app.service()).await.expect(200),
    ];
    assert_eq!(app.get(&format!("{path}/export"), &app.service()).await.status, 404);
    let inbox = app.get("/v1/webhooks/inbox?partner=whatsapp", &app.service()).await.expect(200);
    let call = format!("/v1/webhooks/inbox/{}/body", id(&inbox["calls"][0]));
    let body = app.get(&call, &app.service()).await;
    assert_eq!((body.status, &body.body[..]), (200, &b"{}"[..]));
    for known in everything {
        let known = known.to_string();
        assert!(!known.contains(SARA) && !known.contains("Sara"), "{known}");
    }
}

/// More than one page of an erasure.
const MANY: usize = 101;

#[tokio::test]
async fn all_orders_of_a_person_are_erased_however_many_there_are() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let mut body = order_for(&store);
    body["customer"] = json!({"name": "Sara", "phone": SARA});
    let mut orders = Vec::new();
    for _ in 0..MANY {
        orders.push(id(&app.place_as(&app.service(), &body).await).to_owned());
    }
    let (open, ended) = orders.split_first().unwrap();
    for order in ended {
        app.change(order, &json!({"status": "cancelled"})).await;
    }
    let path = format!("/v1/contacts/{SARA}");
    let erase =
        async || answer(app.request(Method::DELETE, &path).bearer_auth(app.service())).await;
    assert_eq!(erase().await.status, 409, "one order is still open");
    let still = app.get(&format!("{path}/export"), &app.service()).await.expect(200);
    assert_eq!(still["orders"].as_array().unwrap().len(), MANY, "all is erased or nothing");
    app.change(open, &json!({"status": "cancelled"})).await;
    assert_eq!(erase().await.expect(200)["orders"], MANY);
    assert_eq!(app.get(&format!("{path}/export"), &app.service()).await.status, 404);
    for order in &orders {
        let order = app.order(order).await.to_string();
        assert!(!order.contains(SARA) && !order.contains("Sara"), "{order}");
    }
}
