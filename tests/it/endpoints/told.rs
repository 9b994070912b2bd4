//! What an endpoint is told, and in which words.

use serde_json::{Value, json};

use crate::{
    endpoints::{SECRET, app, app_at, deliveries, header, is_signed_by, register, until_states},
    harness::{app::evening, client::id, stand_in::StandIn, wait::eventually},
};

#[tokio::test]
async fn every_event_is_told_as_standard_webhooks_has_it() {
    let pos = StandIn::spawn(&[]).await;
    let clock = evening();
    let app = app_at(&clock).await;
    let store = app.store().await;
    let endpoint = register(&app, &pos, json!({})).await;
    let order = app.place(&store).await;
    let heard = pos.until(1).await.remove(0);
    assert_eq!((heard.method.as_str(), heard.path.as_str()), ("POST", "/hooks"));
    assert_eq!(header(&heard, "content-type"), "application/json");
    assert_eq!(header(&heard, "webhook-timestamp"), clock.now().as_second().to_string());
    assert!(is_signed_by(&heard, SECRET), "{heard:?}");
    let delivery = until_states(&app, &endpoint, &["delivered"]).await.remove(0);
    assert_eq!(header(&heard, "webhook-id"), id(&delivery));
    let said = &heard.json;
    assert_eq!((&said["type"], &said["timestamp"]), (&json!("OrderCreated"), &order["placedAt"]));
    let data = &said["data"];
    assert_eq!(data["eventId"], delivery["eventId"]);
    assert_eq!((&data["orderId"], &data["storeId"]), (&order["id"], &json!(store)));
    assert_eq!((&data["orderVersion"], &data["version"]), (&json!(1), &json!("1.0")));
    // As staff see it.
    assert_eq!(data["order"], order);
    assert_eq!(data["metadata"]["actor"]["id"], "pos");
}

#[tokio::test]
async fn cloud_events_are_told_in_their_own_words() {
    let pos = StandIn::spawn(&[]).await;
    let app = app().await;
    let store = app.store().await;
    register(&app, &pos, json!({"format": "cloudevents"})).await;
    let order = app.place(&store).await;
    app.step(id(&order), &["accepted"]).await;
    let heard = pos.until(2).await.remove(1);
    assert!(is_signed_by(&heard, SECRET));
    let content_type = header(&heard, "content-type");
    assert_eq!(content_type, "application/cloudevents+json; charset=utf-8");
    let said = &heard.json;
    assert_eq!((&said["specversion"], &said["source"]), (&json!("1.0"), &json!("orderwire")));
    assert_eq!(said["type"], "OrderStatusChanged");
    assert_eq!(said["datacontenttype"], "application/json");
    assert_eq!((&said["subject"], &said["partitionkey"]), (&order["id"], &order["id"]));
    assert_eq!((&said["sequence"], &said["id"]), (&json!("0000000002"), &said["data"]["eventId"]));
    assert_eq!(said["data"]["status"], "accepted");
    assert_eq!(said["data"]["order"]["id"], order["id"]);
    // Attributes are lower-case letters and digits.
    let names = said.as_object().unwrap().keys();
    assert!(
        names.flat_map(|it| it.chars()).all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    );
}

#[tokio::test]
async fn an_endpoint_is_told_of_what_it_asked_for_and_of_nothing_else() {
    let (all, some, one) =
        (StandIn::spawn(&[]).await, StandIn::spawn(&[]).await, StandIn::spawn(&[]).await);
    let app = app().await;
    let (here, there) = (app.store().await, app.store().await);
    register(&app, &all, json!({})).await;
    register(&app, &some, json!({"eventTypes": ["OrderStatusChanged"]})).await;
    register(&app, &one, json!({"stores": [there]})).await;
    for store in [&here, &there] {
        let order = app.place(store).await;
        app.step(id(&order), &["accepted"]).await;
    }
    let kinds = |it: &StandIn| {
        let mut kinds: Vec<_> = it.heard().iter().map(|it| it.json["type"].clone()).collect();
        kinds.sort_by_key(Value::to_string);
        kinds
    };
    all.until(4).await;
    eventually(async || {
        let (some, one) = (kinds(&some), kinds(&one));
        let wanted = some == ["OrderStatusChanged", "OrderStatusChanged"]
            && one == ["OrderCreated", "OrderStatusChanged"];
        if wanted { Ok(()) } else { Err((some, one)) }
    })
    .await;
    let stores = one.heard().into_iter().map(|it| it.json["data"]["storeId"].clone());
    assert!(stores.into_iter().all(|it| it == json!(there)));
}

#[tokio::test]
async fn what_happened_before_it_was_there_or_while_it_was_disabled_is_not_told() {
    let pos = StandIn::spawn(&[]).await;
    let app = app().await;
    let store = app.store().await;
    let early = StandIn::spawn(&[]).await;
    register(&app, &early, json!({})).await;
    app.place(&store).await;
    early.until(1).await;
    let endpoint = register(&app, &pos, json!({})).await;
    let path = format!("/v1/endpoints/{}", id(&endpoint));
    app.patch(&path, &app.service(), &json!({"enabled": false})).await.expect(200);
    app.place(&store).await;
    early.until(2).await;
    app.patch(&path, &app.service(), &json!({"enabled": true})).await.expect(200);
    let order = app.place(&store).await;
    let heard = pos.until(1).await;
    assert_eq!(heard[0].json["data"]["orderId"], order["id"]);
    assert_eq!(deliveries(&app, &endpoint).await.len(), 1);
}

#[tokio::test]
async fn an_event_about_a_store_is_told_to_whoever_wants_every_event() {
    let (all, clouds, elsewhere) =
        (StandIn::spawn(&[]).await, StandIn::spawn(&[]).await, StandIn::spawn(&[]).await);
    let app = app().await;
    let (store, other) = (app.store().await, app.store().await);
    let endpoint = register(&app, &all, json!({"eventTypes": []})).await;
    register(&app, &clouds, json!({"eventTypes": ["StoreUpdated"], "format": "cloudevents"})).await;
    register(&app, &elsewhere, json!({"eventTypes": [], "stores": [other]})).await;
    let path = format!("/v1/stores/{store}");
    let changed = app.patch(&path, &app.service(), &json!({"prepMinutes": 25})).await.expect(200);
    assert_eq!((&changed["version"], &changed["prepMinutes"]), (&json!(2), &json!(25)));
    // What changes nothing is no event.
    let same = app.patch(&path, &app.service(), &json!({"prepMinutes": 25})).await.expect(200);
    assert_eq!(same["version"], 2);
    let order = app.place(&other).await;
    let told = |stand_in: &StandIn, subject: &str, version: u64| {
        let about = json!({"id": subject, "version": version});
        let heard = stand_in.heard();
        heard.into_iter().find(|it| {
            let of = &it.json["data"]["subject"];
            of["id"] == about["id"] && of["version"] == about["version"]
        })
    };
    let heard = eventually(async || told(&all, &store, 2).ok_or(all.heard().len())).await;
    assert!(is_signed_by(&heard, SECRET), "{heard:?}");
    assert_eq!(heard.json["type"], "StoreUpdated");
    let data = &heard.json["data"];
    assert_eq!(data["store"], changed);
    assert_eq!(data["subject"], json!({"type": "store", "id": store, "version": 2}));
    assert_eq!((&data["partitionKey"], data.get("orderId")), (&json!(store), None));
    // Put together again, it is an event as its schema has it.
    let schema = app.get("/v1/schemas/StoreUpdated", "").await.expect(200);
    let mut envelope = data.clone();
    envelope["eventType"] = heard.json["type"].clone();
    envelope["timestamp"] = heard.json["timestamp"].clone();
    envelope["data"] = json!({"store": data["store"]});
    let faults = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<_> = faults.iter_errors(&envelope).map(|it| it.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let cloud = eventually(async || {
        clouds.heard().into_iter().find(|it| it.json["sequence"] == "0000000002").ok_or(())
    })
    .await;
    assert_eq!(
        (&cloud.json["subject"], &cloud.json["partitionkey"]),
        (&json!(store), &json!(store))
    );
    // An endpoint for another store hears of its own only.
    eventually(async || told(&elsewhere, id(&order), 1).ok_or(())).await;
    assert!(told(&elsewhere, &store, 2).is_none());
    let deliveries = eventually(async || {
        let all = deliveries(&app, &endpoint).await;
        let of_store: Vec<_> =
            all.iter().filter(|it| it["subject"]["version"] == 2).cloned().collect();
        if of_store.len() == 1 && of_store[0]["state"] == "delivered" {
            Ok(of_store)
        } else {
            Err(all)
        }
    })
    .await;
    assert_eq!(deliveries[0]["subject"], data["subject"]);
    assert_eq!(deliveries[0]["eventType"], "StoreUpdated");
    assert!(deliveries[0].get("orderId").is_none() && deliveries[0].get("orderVersion").is_none());
}
