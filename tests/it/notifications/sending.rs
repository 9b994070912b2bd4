//! Who hears of what, and in which words.

use serde_json::json;

use crate::{
    harness::{
        app::TestApp, client::id, cloud_api::CloudApi, stand_in::StandIn, wait::eventually,
        witness::Witness,
    },
    notifications::{app_for, place_wanted, reach, rules, told, until, wanted},
};

#[tokio::test]
async fn a_customer_is_told_once_in_their_own_language() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    for (language, phone, name, at) in
        [("ar", "+962790000011", "عبدون", 0), ("en", "+962790000012", "Abdoun", 1)]
    {
        let order = app.place_as(&app.service(), &wanted(&store, phone, language)).await;
        let order = id(&order).to_owned();
        app.step(&order, &["accepted", "preparing", "ready"]).await;
        // What was accepted long ago, and is ready now, is told as ready.
        let rows = eventually(async || {
            let rows = told(&app, &order).await;
            let ready = rows.iter().any(|it| it["event"] == "ready" && it["state"] == "accepted");
            if ready { Ok(rows) } else { Err(rows) }
        })
        .await;
        assert_eq!(rows.len(), 2, "{rows:#?}");
        let taken: Vec<_> = cloud.taken().into_iter().filter(|it| it.to == phone).collect();
        let ready: Vec<_> = taken.iter().filter(|it| it.what == "order_ready").collect();
        assert_eq!(ready.len(), 1, "{taken:#?}");
        assert_eq!(ready[0].language, language);
        assert_eq!(ready[0].parameters[0], "Sara");
        assert_eq!(ready[0].parameters[2], name, "{at}");
        let row = rows.iter().find(|it| it["event"] == "ready").unwrap();
        assert_eq!(ready[0].ours, row["id"].as_str().unwrap());
        assert_eq!(row["providerId"], ready[0].wamid.as_str());
        assert_eq!(row["recipient"], format!("…{}", &phone[phone.len() - 3..]));
    }
}

#[tokio::test]
async fn only_the_latest_is_told_of_an_order_that_moves_quickly() {
    let cloud = CloudApi::spawn().await;
    let app = TestApp::with(|config| {
        reach(config, &cloud);
        config.notify.window = orderwire::config::Span::millis(700);
    })
    .await;
    let store = app.store().await;
    let order = place_wanted(&app, &store, "+962790000021").await;
    app.step(&order, &["accepted", "preparing", "ready"]).await;
    until(
        &app,
        &order,
        &[("accepted", "whatsapp", "superseded"), ("ready", "whatsapp", "accepted")],
    )
    .await;
    assert_eq!(cloud.taken().len(), 1);
}

#[tokio::test]
async fn nobody_is_told_who_has_not_agreed_to_it() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    let body = crate::notifications::pickup(&store, "+962790000031", "en");
    let order = id(&app.place_as(&app.service(), &body).await).to_owned();
    app.step(&order, &["accepted"]).await;
    let rows = until(&app, &order, &[("accepted", "whatsapp", "no_consent")]).await;
    assert_eq!(rows[0]["code"], "no_consent");
    assert_eq!(cloud.requests(), 0);
}

#[tokio::test]
async fn who_watches_the_live_page_is_told_only_what_they_must_hear() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    let order = place_wanted(&app, &store, "+962790000041").await;
    let page = Witness::on(&app, &app.customer("sara"), &format!("order:{order}")).await;
    app.step(&order, &["accepted"]).await;
    until(&app, &order, &[("accepted", "whatsapp", "suppressed")]).await;
    app.change(&order, &json!({"status": "cancelled", "reason": {"code": "closed"}})).await;
    until(
        &app,
        &order,
        &[("accepted", "whatsapp", "suppressed"), ("cancelled", "whatsapp", "accepted")],
    )
    .await;
    assert_eq!(cloud.taken()[0].what, "order_stopped");
    drop(page);
}

#[tokio::test]
async fn a_stores_own_rules_say_who_else_hears_of_it() {
    let cloud = CloudApi::spawn().await;
    let app = app_for(&cloud).await;
    let store = app.store().await;
    let path = format!("/v1/stores/{store}/notifications");
    let usual = app.get(&path, &app.service()).await.expect(200);
    assert_eq!(usual["isOwn"], false);
    let own = json!({"storePhone": "+962790000099", "rules": [
        {"on": "placed", "audience": "store", "template": "store_order_missed", "partnerOrders": true},
    ]});
    assert_eq!(app.put(&path, &app.service(), &own).await.status, 204);
    let consent =
        json!({"decision": "granted", "source": "contract", "shown": "You will hear of orders"});
    app.post("/v1/contacts/+962790000099/consents", &app.service(), &consent).await.expect(200);
    let order = place_wanted(&app, &store, "+962790000042").await;
    until(&app, &order, &[("placed", "whatsapp", "accepted")]).await;
    assert_eq!(cloud.taken()[0].to, "+962790000099");
    let request = app.request(reqwest::Method::DELETE, &path).bearer_auth(app.service());
    assert_eq!(crate::harness::client::answer(request).await.status, 204);
    assert_eq!(app.get(&path, &app.service()).await.expect(200)["isOwn"], false);
}

#[tokio::test]
async fn rules_with_faults_name_each_of_them() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let path = format!("/v1/stores/{store}/notifications");
    let faulty = json!({"storePhone": "0790", "rules": [
        {"on": "cooked", "template": "nothing", "channels": [], "worthMinutes": 0},
    ]});
    let answer = app.put(&path, &app.service(), &faulty).await;
    assert_eq!(answer.status, 400);
    let fields: Vec<_> = answer.json["error"]["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["field"].as_str().unwrap().to_owned())
        .collect();
    let all = [
        "storePhone",
        "rules[0].on",
        "rules[0].template",
        "rules[0].channels",
        "rules[0].worthMinutes",
    ];
    assert_eq!(fields, all);
}

#[tokio::test]
async fn without_credentials_messages_are_written_down_where_they_can_be_looked_at() {
    let app = TestApp::with(|config| {
        config.notify.window = orderwire::config::Span::millis(0);
        config.workers.rest = orderwire::config::Span::millis(20);
    })
    .await;
    let store = app.store().await;
    let order = place_wanted(&app, &store, "+962790000051").await;
    app.step(&order, &["accepted"]).await;
    let rows = until(&app, &order, &[("accepted", "whatsapp", "accepted")]).await;
    let text = rows[0]["text"].as_str().unwrap();
    assert!(text.contains("Sara") && text.contains("/track/"), "{text}");
}

#[tokio::test]
async fn what_whatsapp_will_not_deliver_goes_by_text_message() {
    let cloud = CloudApi::spawn().await;
    let gateway = StandIn::spawn(&[]).await;
    cloud.script(&[crate::harness::cloud_api::Trouble::Code(131_026, 400)]);
    let app = TestApp::with(|config| {
        reach(config, &cloud);
        config.sms.url = Some(format!("{}/sms", gateway.url()));
        config.sms.authorization = Some("Basic c21z".into());
    })
    .await;
    let store = app.store().await;
    let both =
        json!([{"on": "accepted", "template": "order_ready", "channels": ["whatsapp", "sms"]}]);
    rules(&app, &store, both).await;
    let order = place_wanted(&app, &store, "+962790000061").await;
    app.step(&order, &["accepted"]).await;
    let rows =
        until(&app, &order, &[("accepted", "whatsapp", "failed"), ("accepted", "sms", "accepted")])
            .await;
    let failed = rows.iter().find(|it| it["channel"] == "whatsapp").unwrap();
    assert_eq!(failed["code"], "131026");
    let heard = gateway.until(1).await;
    assert_eq!(heard[0].json["to"], "+962790000061");
    assert!(heard[0].json["text"].as_str().unwrap().contains("Sara"));
    assert_eq!(heard[0].headers["authorization"], "Basic c21z");
}
