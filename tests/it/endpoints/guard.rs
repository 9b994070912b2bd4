//! Endpoints are addresses that others choose: they must not lead to where only the server can go.

use serde_json::json;

use crate::{
    endpoints::{detail, quick, register, until_states},
    harness::{app::TestApp, client::id, stand_in::StandIn},
};

#[tokio::test]
async fn nobody_registers_an_endpoint_where_only_the_server_can_go() {
    let app = TestApp::with(|config| config.endpoints.allow_private.clear()).await;
    for url in [
        "http://127.0.0.1:9/",
        "http://2130706433/",
        "http://[::1]/",
        "http://localhost:9/",
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://[fd00::1]/",
        "https://[::ffff:192.168.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "ftp://8.8.8.8/",
        "nonsense",
        "https://user:word@8.8.8.8/",
        "https://8.8.8.8/#part",
        "https:///",
    ] {
        let refused = app.post("/v1/endpoints", &app.service(), &json!({"url": url})).await;
        let error = refused.expect_error(400, "INVALID_INPUT");
        assert_eq!(error["details"][0]["field"], "url", "{url}: {error}");
    }
}

#[tokio::test]
async fn plain_http_takes_a_setting() {
    let app = TestApp::with(|config| config.endpoints.allow_http = false).await;
    let body = json!({"url": "http://127.0.0.1:9/"});
    let error =
        app.post("/v1/endpoints", &app.service(), &body).await.expect_error(400, "INVALID_INPUT");
    assert_eq!(error["details"][0]["message"], "must begin with https://");
}

#[tokio::test]
async fn an_endpoint_that_has_come_to_lead_there_is_told_nothing() {
    let pos = StandIn::spawn(&[]).await;
    let mut app = TestApp::with(quick).await;
    let store = app.store().await;
    // Registered while it was allowed: as if its name had been given another address since.
    let by_address = register(&app, &pos, json!({})).await;
    let port = pos.url().rsplit(':').next().unwrap().to_owned();
    let by_name = register(&app, &pos, json!({"url": format!("http://localhost:{port}/")})).await;
    app.place(&store).await;
    pos.until(2).await;
    app.restart_with(|config| config.endpoints.allow_private.clear()).await;
    app.place(&store).await;
    for endpoint in [by_address, by_name] {
        let delivery = crate::harness::wait::eventually(async || {
            let all = until_states(&app, &endpoint, &["delivered", "pending"]).await;
            if all[1]["note"].is_string() { Ok(all[1].clone()) } else { Err(all) }
        })
        .await;
        let detail = detail(&app, &delivery).await;
        let why = detail["attempts"][0]["error"].as_str().unwrap();
        assert!(why.contains("leads to no public address"), "{why}");
        let ping = format!("/v1/endpoints/{}/ping", id(&endpoint));
        let came = app.post(&ping, &app.service(), &json!({})).await.expect(200);
        assert!(
            came["delivered"] == false && came["error"].as_str().unwrap().contains("no public")
        );
    }
    assert_eq!(pos.heard().len(), 2);
}
