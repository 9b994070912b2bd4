//! What nobody needs to hear any more, and what waits in vain.

use std::time::Duration;

use orderwire::config::Span;
use serde_json::json;

use crate::{
    harness::{
        app::{TestApp, evening},
        client::{answer, id},
        services::Isolated,
        stand_in::StandIn,
        wait::eventually,
        webhooks::status_body,
    },
    partner_calls::{calls, placed, reach, until_states},
    webhooks,
};

#[tokio::test]
async fn what_could_not_be_told_is_given_up_without_an_address_and_forgotten_in_the_end() {
    let (careem, clock) = (StandIn::away().await, evening());
    let isolated = Isolated::new().await.into();
    let app = TestApp::on(isolated, clock.clone(), |config| reach(config, "careem", &careem)).await;
    let order = placed(&app, "careem", "c-1", json!({})).await;
    app.change(&order, &json!({"status": "accepted"})).await;
    until_states(&app, &order, &[("accept", "pending")]).await;
    let worth_for = *app.config().outbound.worth_for;
    let keep = *app.config().outbound.calls_keep;
    let isolated = app.shut_down().await;
    clock.advance(worth_for + Duration::from_mins(1));
    let mut app = TestApp::on(isolated, clock.clone(), |_| {}).await;
    let given_up = until_states(&app, &order, &[("accept", "failed")]).await;
    assert_eq!(given_up[0]["note"], "could not be told in time");
    clock.advance(keep);
    app.restart().await;
    eventually(async || {
        let calls = calls(&app, &order).await;
        if calls.is_empty() { Ok(()) } else { Err(calls) }
    })
    .await;
}

#[tokio::test]
async fn a_call_that_waits_in_vain_is_set_aside_and_can_be_replayed() {
    let (isolated, clock) = (Isolated::new().await.into(), evening());
    let mut app = TestApp::on(isolated, clock.clone(), |config| {
        config.workers.parked_for = Span::secs(3600);
    })
    .await;
    let body = status_body("careem", "c1", "accepted");
    app.deliver(&app.webhook("careem", "", &body)).await.expect(200);
    let until = async |app: &TestApp, state: &str| {
        eventually(async || {
            let calls = webhooks::calls(app, &format!("state={state}")).await;
            if calls.len() == 1 { Ok(calls[0].clone()) } else { Err(calls) }
        })
        .await
    };
    until(&app, "parked").await;
    clock.advance(Duration::from_mins(61));
    app.restart().await;
    let dead = until(&app, "dead").await;
    assert_eq!(dead["outcome"], "unknown_order");
    assert_eq!(dead["note"], "what it waits for did not come in time");
    let order = placed(&app, "careem", "c1", json!({})).await;
    let path = format!("/v1/webhooks/inbox/{}/replay", id(&dead));
    let replayed = answer(app.request(reqwest::Method::POST, &path).bearer_auth(app.service()));
    assert!(replayed.await.status < 300);
    app.until_status(&order, "accepted").await;
}
