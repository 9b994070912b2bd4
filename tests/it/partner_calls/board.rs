//! What operators see of the traffic with partners.

use serde_json::{Value, json};

use crate::{
    harness::{
        app::TestApp,
        stand_in::{Reply, StandIn, TOKEN},
        webhooks::status_body,
    },
    partner_calls::{app_for, placed, until_states},
};

async fn health(app: &TestApp, partner: &str) -> Value {
    let board = app.get("/v1/partners", &app.service()).await.expect(200);
    let all = board["partners"].as_array().unwrap();
    all.iter().find(|it| it["partner"] == partner).unwrap().clone()
}

#[tokio::test]
async fn the_audit_log_keeps_every_request_and_nobodys_secrets() {
    let careem = StandIn::spawn(&[Reply::Status(500)]).await;
    let app = app_for("careem", &careem).await;
    let order = placed(&app, "careem", "c-1", json!({"branchId": "br-7"})).await;
    app.step(&order, &["accepted"]).await;
    until_states(&app, &order, &[("accept", "sent")]).await;
    let of = |query: &str| format!("/v1/partners/audit?partner=careem&orderId={order}{query}");
    let all = app.get(&of(""), &app.service()).await.expect(200);
    let text = all.to_string();
    for secret in [TOKEN, "the client's secret", "client+s+secret", "Sara"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let requests = all["requests"].as_array().unwrap();
    let [sent, failed, login] = &requests[..] else { panic!("{all}") };
    let path = |it: &Value| it["url"].as_str().unwrap().replace(&careem.url(), "");
    assert_eq!((path(login), &login["status"]), ("/token".to_owned(), &json!(200)));
    assert_eq!((&failed["status"], &failed["attempt"]), (&json!(500), &json!(1)));
    assert_eq!((&sent["status"], &sent["attempt"]), (&json!(200), &json!(2)));
    assert_eq!((path(sent), &sent["method"]), ("/orders/c-1".to_owned(), &json!("PUT")));
    assert_eq!(sent["requestBody"]["state"], "accepted");
    assert_eq!(sent["requestHeaders"]["authorization"], "(hidden)");
    assert_eq!(sent["requestHeaders"]["branch-id"], "br-7");
    let failed = app.get(&of("&state=failed"), &app.service()).await.expect(200);
    assert_eq!(failed["requests"].as_array().unwrap().len(), 1);
    let page = app.get(&of("&limit=2"), &app.service()).await.expect(200);
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = app.get(&of(&format!("&cursor={cursor}")), &app.service()).await.expect(200);
    assert_eq!(rest["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_board_shows_both_directions_of_every_partner() {
    let careem = StandIn::spawn(&[Reply::Status(404)]).await;
    let app = app_for("careem", &careem).await;
    assert_eq!(health(&app, "careem").await["heard"]["lastSeenAt"], Value::Null);
    assert_eq!(health(&app, "talabat").await["told"]["configured"], false);
    let order = placed(&app, "careem", "c-1", json!({})).await;
    app.step(&order, &["accepted", "preparing", "ready"]).await;
    until_states(&app, &order, &[("accept", "failed"), ("ready", "sent")]).await;
    app.deliver(&app.webhook("careem", "", &status_body("careem", "c-1", "pending")))
        .await
        .expect(200);
    crate::harness::wait::eventually(async || {
        let careem = health(&app, "careem").await;
        if careem["heard"]["lastHour"] == json!({"late": 1}) { Ok(()) } else { Err(careem) }
    })
    .await;
    let careem = health(&app, "careem").await;
    assert!(careem["heard"]["lastSeenAt"].is_string(), "{careem}");
    let told = &careem["told"];
    assert_eq!(told["lastHour"], json!({"failed": 1, "sent": 1}), "{told}");
    assert_eq!((&told["configured"], &told["due"]), (&json!(true), &json!(0)));
    assert_eq!(told["lastError"]["status"], 404);
    // What was done: the token and `ready`.
    for (outcome, times) in [("refused", 1.0), ("done", 2.0)] {
        let labels = [("partner", "careem"), ("outcome", outcome)];
        let requests = app.metric("orderwire_partner_requests_total", &labels).await;
        assert_eq!(requests, Some(times), "{outcome}");
    }
}
