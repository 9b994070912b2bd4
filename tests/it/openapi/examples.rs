//! The examples of bodies in the document, which people paste.

use serde_json::{Value, json};

use crate::{
    harness::{app::TestApp, client::id},
    openapi::{assert_fits, document, operations},
};

#[tokio::test]
async fn every_body_has_an_example_that_fits() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let mut bodies = 0;
    for it in operations(&document) {
        let Some(body) = it.about.get("requestBody") else { continue };
        for (_, media) in body["content"].as_object().unwrap() {
            let example = media.get("example").unwrap_or_else(|| panic!("{} has none", it.name()));
            assert_fits(&document, &it.name(), &media["schema"], example);
            bodies += 1;
        }
    }
    assert!(bodies > 15, "{bodies}");
}

#[tokio::test]
async fn examples_are_taken_as_they_are() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let example = |operation_id: &str| {
        let all = operations(&document);
        let found = all.iter().find(|it| it.about["operationId"] == operation_id).unwrap();
        found.about["requestBody"]["content"]["application/json"]["example"].clone()
    };
    let token = app.service();
    let store = app.post("/v1/stores", &token, &example("openStore")).await.expect(201);
    let at_store = |mut body: Value| {
        body["storeId"] = store["id"].clone();
        body
    };
    let place = at_store(example("placeOrder"));
    let order = app.post_order(&token, "first", &place).await.expect(201);
    let path = format!("/v1/orders/{}", id(&order));
    app.patch(&path, &token, &example("moveOrder")).await.expect(200);
    app.post(&format!("{path}/cancel"), &token, &example("cancelOrder")).await.expect(200);
    let other = app.post_order(&token, "second", &place).await.expect(201);
    app.step(id(&other), &["accepted", "preparing", "ready"]).await;
    let path = format!("/v1/orders/{}", id(&other));
    app.post(&format!("{path}/recall"), &token, &example("recallOrder")).await.expect(200);
    let path = format!("/v1/stores/{}", id(&store));
    app.patch(&path, &token, &example("changeStore")).await.expect(200);
    let rules = format!("{path}/notifications");
    app.put(&rules, &token, &example("putNotifyRules")).await.expect(204);
    let name = at_store(example("nameStore"));
    app.put("/v1/mappings/careem/stores/B02", &token, &name).await.expect(200);
    let consents = "/v1/contacts/+962790000001/consents";
    app.post(consents, &token, &example("addConsent")).await.expect(200);
    let credentials = "/v1/partners/careem/credentials";
    let added = app.post(credentials, &token, &example("addCredential")).await.expect(201);
    let path = format!("{credentials}/{}", id(&added));
    app.patch(&path, &token, &example("expireCredential")).await.expect(204);
    app.post("/v1/webhooks/inbox/replay", &token, &example("replayCalls")).await.expect(202);
    let mut endpoint = example("addEndpoint");
    // Its host would have to be found.
    endpoint["url"] = json!("http://127.0.0.1:1/orderwire");
    let endpoint = app.post("/v1/endpoints", &token, &endpoint).await.expect(201);
    let path = format!("/v1/endpoints/{}", id(&endpoint));
    app.patch(&path, &token, &example("changeEndpoint")).await.expect(200);
    let rotate = format!("{path}/secret/rotate");
    app.post(&rotate, &token, &example("rotateEndpointSecret")).await.expect(200);
    let replay = format!("{path}/replay");
    app.post(&replay, &token, &example("replayDeliveries")).await.expect(202);
}
