//! The restaurant's own systems, told of events over real sockets.

mod clocks;
mod crash;
mod failing;
mod guard;
mod history;
mod manage;
mod order;
mod published;
mod rotation;
mod schedule;
mod sealing;
mod servers;
mod told;

use jiff::Timestamp;
use orderwire::{
    base::{clock::Clock, standard_webhooks},
    config::{Config, Span},
};
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Client, id},
    stand_in::{Heard, StandIn},
    wait::eventually,
};

/// A secret that an endpoint brings with it: 24 bytes.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Nobody waits for long.
fn quick(config: &mut Config) {
    config.workers.rest = Span::millis(20);
    config.endpoints.timeout = Span::millis(500);
    config.endpoints.breaker_rest = Span::millis(300);
}

/// A server at the machine's time, with pauses that a test can wait for.
async fn app() -> TestApp {
    TestApp::with(|config| {
        quick(config);
        config.endpoints.retry_after.0 = vec![Span::millis(20); 9];
    })
    .await
}

/// A server at the time of this clock, on the real schedule.
async fn app_at(clock: &Clock) -> TestApp {
    let isolated = std::sync::Arc::new(crate::harness::services::Isolated::new().await);
    TestApp::on(isolated, clock.clone(), |config| {
        quick(config);
        config.endpoints.breaker_rest = Span::secs(30);
    })
    .await
}

/// The types of all events about orders. Tests open their stores a moment before they register an endpoint, so an endpoint that wants
/// every event may be told of that, or not.
const ABOUT_ORDERS: [&str; 6] = [
    "OrderCreated",
    "OrderStatusChanged",
    "DeliveryStatusChanged",
    "TicketStatusChanged",
    "OrderEtaChanged",
    "PaymentProcessed",
];

/// Registers an endpoint at this stand-in with what else the body says; for events about orders, unless that says otherwise.
pub async fn register(app: &Client, stand_in: &StandIn, more: Value) -> Value {
    let url = format!("{}/hooks", stand_in.url());
    let mut body = json!({"url": url, "secret": SECRET, "eventTypes": ABOUT_ORDERS});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.post("/v1/endpoints", &app.service(), &body).await.expect(201)
}

async fn endpoint(app: &Client, endpoint: &Value) -> Value {
    app.get(&format!("/v1/endpoints/{}", id(endpoint)), &app.service()).await.expect(200)
}

/// What an endpoint is told, the oldest first.
pub async fn deliveries(app: &Client, endpoint: &Value) -> Vec<Value> {
    let path = format!("/v1/endpoints/{}/deliveries?limit=200", id(endpoint));
    let mut page = app.get(&path, &app.service()).await.expect(200);
    let Value::Array(mut all) = page["deliveries"].take() else { panic!("{page}") };
    let at = |it: &Value| it["createdAt"].as_str().unwrap().parse::<Timestamp>().unwrap();
    all.sort_by_key(|it| (at(it), it["orderVersion"].as_u64()));
    all
}

/// Waits until all that an endpoint is told stands like this.
pub async fn until_states(app: &Client, endpoint: &Value, wanted: &[&str]) -> Vec<Value> {
    eventually(async || {
        let all = deliveries(app, endpoint).await;
        let states = all.iter().map(|it| it["state"].as_str().unwrap());
        if states.eq(wanted.iter().copied()) { Ok(all) } else { Err(all) }
    })
    .await
}

/// One delivery with its attempts.
async fn detail(app: &Client, delivery: &Value) -> Value {
    app.get(&format!("/v1/deliveries/{}", id(delivery)), &app.service()).await.expect(200)
}

fn header<'a>(heard: &'a Heard, name: &str) -> &'a str {
    heard.headers[name].to_str().unwrap()
}

/// Whether one of the signatures is by this secret.
fn is_signed_by(heard: &Heard, secret: &str) -> bool {
    let key = standard_webhooks::key(secret.as_bytes()).unwrap();
    let [id, time, signatures] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|it| header(heard, it));
    let ours = standard_webhooks::signature(&key, id.as_bytes(), time.as_bytes(), &heard.body);
    signatures.split(' ').any(|it| it == format!("v1,{ours}"))
}

/// Versions in the order in which an endpoint heard of them.
fn versions(heard: &[Heard]) -> Vec<u64> {
    heard.iter().map(|it| it.json["data"]["orderVersion"].as_u64().unwrap()).collect()
}
