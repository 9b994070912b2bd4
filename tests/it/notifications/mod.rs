//! What people are told of their orders, over real sockets.

mod chaos;
mod consent;
mod quiet;
mod receipts;
mod sending;
mod trouble;

use orderwire::config::{AccountId, Config, Span};
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Client, id, order_for},
    cloud_api::{APP_SECRET, CloudApi, NUMBER, TOKEN},
    wait::eventually,
};

/// The settings under which WhatsApp is reached at the stand-in, and nobody waits for long.
pub fn reach(config: &mut Config, cloud: &CloudApi) {
    config.whatsapp.phone_number_id = Some(AccountId(NUMBER.to_owned()));
    config.whatsapp.token = Some(TOKEN.into());
    config.whatsapp.app_secrets = vec![APP_SECRET.into()];
    config.whatsapp.base_url = cloud.url();
    config.whatsapp.pair_every = Span::millis(0);
    config.whatsapp.rest = Span::millis(300);
    config.notify.window = Span::millis(0);
    config.notify.first_delay = Span::millis(20);
    config.notify.longest_delay = Span::millis(100);
    config.outbound.timeout = Span::secs(1);
    config.workers.rest = Span::millis(20);
}

/// A server whose WhatsApp is the stand-in.
async fn app_for(cloud: &CloudApi) -> TestApp {
    TestApp::with(|config| reach(config, cloud)).await
}

/// An order for pickup by somebody who has this number.
pub fn pickup(store: &str, phone: &str, language: &str) -> Value {
    let mut body = order_for(store);
    body["fulfilment"] = json!("pickup");
    body["customer"] = json!({"id": "sara", "name": "Sara", "phone": phone, "language": language});
    body.as_object_mut().unwrap().remove("address");
    body
}

/// The same, and they want to be told.
pub fn wanted(store: &str, phone: &str, language: &str) -> Value {
    let mut body = pickup(store, phone, language);
    body["consent"] =
        json!({"decision": "granted", "source": "checkout", "shown": "Tell me on WhatsApp"});
    body
}

/// Places an order whose customer wants to be told, and answers its id.
async fn place_wanted(app: &Client, store: &str, phone: &str) -> String {
    id(&app.place_as(&app.service(), &wanted(store, phone, "en")).await).to_owned()
}

/// These rules alone hold at the store.
pub async fn rules(app: &Client, store: &str, rules: Value) {
    let path = format!("/v1/stores/{store}/notifications");
    let answer = app.put(&path, &app.service(), &json!({"rules": rules})).await;
    assert_eq!(answer.status, 204, "{}", answer.json);
}

/// What people are told about an order, the first first.
async fn told(app: &Client, order: &str) -> Vec<Value> {
    let path = format!("/v1/notifications?orderId={order}");
    let mut page = app.get(&path, &app.service()).await.expect(200);
    let Value::Array(mut rows) = page["notifications"].take() else { panic!("{page}") };
    rows.reverse();
    rows
}

/// Waits until what people are told about an order stands like this: event, channel, state.
pub async fn until(app: &Client, order: &str, states: &[(&str, &str, &str)]) -> Vec<Value> {
    eventually(async || {
        let rows = told(app, order).await;
        let word = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
        let mut are: Vec<_> = rows
            .iter()
            .map(|it| (word(it, "event"), word(it, "channel"), word(it, "state")))
            .collect();
        are.sort();
        let mut wanted: Vec<_> =
            states.iter().map(|(a, b, c)| (a.to_string(), b.to_string(), c.to_string())).collect();
        wanted.sort();
        if are == wanted { Ok(rows) } else { Err(rows) }
    })
    .await
}
