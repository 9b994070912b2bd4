//! Endpoints come, change and go, for those who may.

use serde_json::{Value, json};

use crate::{
    endpoints::{app, endpoint, register},
    harness::{client::id, stand_in::StandIn},
};

#[tokio::test]
async fn an_endpoint_is_what_was_said_of_it_until_somebody_says_otherwise() {
    let pos = StandIn::spawn(&[]).await;
    let app = app().await;
    let store = app.store().await;
    let said = json!({
        "description": "The till", "eventTypes": ["OrderCreated"], "stores": [store],
        "format": "cloudevents", "version": "1.0",
    });
    let hooked = register(&app, &pos, said.clone()).await;
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(&hooked[name], value, "{name}");
    }
    assert_eq!((&hooked["enabled"], &hooked["createdBy"]["id"]), (&json!(true), &json!("pos")));
    assert!(id(&hooked).starts_with("ep_"));
    assert_eq!(endpoint(&app, &hooked).await, hooked);
    let path = format!("/v1/endpoints/{}", id(&hooked));
    let changed = json!({"eventTypes": [], "stores": [], "format": "standard", "enabled": false});
    let now = app.patch(&path, &app.service(), &changed).await.expect(200);
    assert_eq!((&now["eventTypes"], &now["stores"]), (&json!([]), &json!([])));
    assert_eq!((&now["format"], &now["description"]), (&json!("standard"), &json!("The till")));
    assert_eq!((&now["enabled"], &now["disabledReason"]), (&json!(false), &json!("asked")));
    assert_eq!(endpoint(&app, &hooked).await, now);
    let listed = app.get("/v1/endpoints", &app.service()).await.expect(200);
    assert_eq!(listed["endpoints"], json!([now]));
    let remove = || app.request(reqwest::Method::DELETE, &path).bearer_auth(app.service());
    assert_eq!(crate::harness::client::answer(remove()).await.status, 204);
    crate::harness::client::answer(remove()).await.expect_error(404, "NOT_FOUND");
    let listed = app.get("/v1/endpoints", &app.service()).await.expect(200);
    assert_eq!(listed["endpoints"], json!([]));
}

#[tokio::test]
async fn all_faults_are_named() {
    let app = app().await;
    let body = json!({"url": "nonsense", "description": "x".repeat(201), "version": "7.0"});
    let error =
        app.post("/v1/endpoints", &app.service(), &body).await.expect_error(400, "INVALID_INPUT");
    let fields: Vec<_> =
        error["details"].as_array().unwrap().iter().map(|it| &it["field"]).collect();
    assert_eq!(fields, ["url", "description", "version"]);
    let url = "http://127.0.0.1:9/";
    for (body, field) in [
        (json!({"url": url, "eventTypes": ["OrderEaten"]}), "eventTypes[0]"),
        (json!({"url": url, "format": "xml"}), "format"),
        (json!({"url": url, "stores": ["str_00000000000000000000000000000000"]}), "stores[0]"),
    ] {
        let refused = app.post("/v1/endpoints", &app.service(), &body).await;
        let error = refused.expect_error(400, "INVALID_INPUT");
        assert_eq!(error["details"][0]["field"], field, "{error}");
    }
}

#[tokio::test]
async fn who_works_at_one_store_has_endpoints_of_that_store() {
    let app = app().await;
    let (here, there) = (app.store().await, app.store().await);
    let scopes = "webhooks:read webhooks:write";
    let branch = app.service_with(scopes, &[&here]);
    let body = json!({"url": "http://127.0.0.1:9/"});
    let own = app.post("/v1/endpoints", &branch, &body).await.expect(201);
    assert_eq!(own["stores"], json!([here]), "all that the token reaches");
    let all = app.post("/v1/endpoints", &app.service(), &body).await.expect(201);
    assert_eq!(all["stores"], json!([]));
    let elsewhere = json!({"url": "http://127.0.0.1:9/", "stores": [here, there]});
    app.post("/v1/endpoints", &branch, &elsewhere).await.expect_error(403, "FORBIDDEN");
    let seen = async |token: &str| -> Vec<Value> {
        let listed = app.get("/v1/endpoints", token).await.expect(200);
        listed["endpoints"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect()
    };
    assert_eq!(seen(&branch).await, [own["id"].clone()]);
    assert_eq!(seen(&app.service()).await, [own["id"].clone(), all["id"].clone()]);
    let path = format!("/v1/endpoints/{}", id(&own));
    app.patch(&path, &branch, &json!({"stores": [there]})).await.expect_error(403, "FORBIDDEN");
    let path = format!("/v1/endpoints/{}", id(&all));
    app.get(&path, &branch).await.expect_error(404, "NOT_FOUND");
    app.patch(&path, &branch, &json!({"enabled": false})).await.expect_error(404, "NOT_FOUND");
    let other = app.service_with(scopes, &[&there]);
    assert_eq!(seen(&other).await, Vec::<Value>::new());
}

#[tokio::test]
async fn there_is_a_bound() {
    let app = crate::harness::app::TestApp::with(|config| config.endpoints.most = 1).await;
    let body = json!({"url": "http://127.0.0.1:9/"});
    app.post("/v1/endpoints", &app.service(), &body).await.expect(201);
    app.post("/v1/endpoints", &app.service(), &body).await.expect_error(409, "CONFLICT");
}
