//! What partners are told of their own orders, over real sockets.

mod board;
mod crash;
mod failures;
mod forgotten;
mod reconcile;
mod words;

use orderwire::config::{Config, Partner, Span};
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Client, id, partner_order_for},
    stand_in::StandIn,
    wait::eventually,
};

/// The settings under which `partner` is reached at the stand-in, and nobody waits for long.
pub fn reach(config: &mut Config, partner: &str, stand_in: &StandIn) {
    let url = stand_in.url();
    let line = config.partners.remove(partner).unwrap_or_default();
    let line = Partner {
        base_url: Some(url.clone()),
        token_url: Some(format!("{url}/token")),
        client_id: Some("us".to_owned()),
        client_secret: Some("the client's secret".into()),
        ..line
    };
    config.partners.insert(partner.to_owned(), line);
    config.outbound.timeout = Span::secs(2);
    config.outbound.first_delay = Span::millis(20);
    config.outbound.longest_delay = Span::millis(100);
    config.outbound.breaker_rest = Span::millis(300);
    config.workers.rest = Span::millis(20);
}

/// A server that tells this partner's stand-in.
async fn app_for(partner: &str, stand_in: &StandIn) -> TestApp {
    TestApp::with(|config| reach(config, partner, stand_in)).await
}

/// An order that was placed at a partner under this id; `contact` is what it gave with it.
async fn placed(app: &Client, partner: &str, external_id: &str, contact: Value) -> String {
    let store = app.store().await;
    let mut body = partner_order_for(&store, partner, external_id);
    body["partner"]["contact"] = contact;
    id(&app.place_as(&app.service(), &body).await).to_owned()
}

/// What partners are told about an order, the first first.
async fn calls(app: &Client, order: &str) -> Vec<Value> {
    let path = format!("/v1/partners/calls?orderId={order}");
    let mut page = app.get(&path, &app.service()).await.expect(200);
    let Value::Array(mut calls) = page["calls"].take() else { panic!("{page}") };
    // Newest first, and those of one version in any order; by their names they stand as they are told.
    calls.sort_by_key(|it| (it["orderVersion"].as_u64(), it["action"].to_string()));
    calls
}

/// Waits until all that is told about an order stands like this.
async fn until_states(app: &Client, order: &str, wanted: &[(&str, &str)]) -> Vec<Value> {
    eventually(async || {
        let calls = calls(app, order).await;
        let word = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
        let are: Vec<_> = calls.iter().map(|it| (word(it, "action"), word(it, "state"))).collect();
        let fit = are.iter().map(|(a, b)| (a.as_str(), b.as_str())).eq(wanted.iter().copied());
        if fit { Ok(calls) } else { Err(calls) }
    })
    .await
}

/// Moves the time of readiness to so many minutes from the server's now.
async fn expect_in(app: &Client, order: &str, minutes: i64) {
    let at = app.clock.now() + jiff::SignedDuration::from_mins(minutes);
    app.change(order, &json!({"eta": {"readyAt": at}})).await;
}

/// How many calls that a partner never sent were found by asking.
pub async fn drift(app: &Client, partner: &str) -> f64 {
    app.metric("orderwire_partner_drift_total", &[("partner", partner)]).await.unwrap_or(0.0)
}
