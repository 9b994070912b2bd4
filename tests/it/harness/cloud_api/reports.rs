//! What the stand-in reports of messages, as WhatsApp does: late, twice, in any order, and signed.

use std::time::Duration;

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use crate::harness::{
    client::{Client, try_answer},
    cloud_api::{APP_SECRET, CloudApi, Taken},
    third_party::Written,
    webhooks::{Signer, mac},
};

/// How soon a report is tried again that nobody took.
const AGAIN: Duration = Duration::from_millis(50);

impl CloudApi {
    /// From now on it reports what becomes of messages: `sent`, `delivered` and `read`, or `failed`; some late, some twice, in any order.
    /// Reports that nobody takes are made again, as Meta does.
    pub fn report_to(&self, client: &Client, seed: u64) -> JoinSet<()> {
        let mut reports = self.reports.lock().unwrap().take().unwrap();
        let client = client.clone();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut under_way = JoinSet::new();
            while let Some(taken) = reports.recv().await {
                for (after, status) in plan(&mut rng, taken.fails.is_some()) {
                    let (client, body) = (client.clone(), receipt(&taken, status));
                    under_way.spawn(async move {
                        sleep(after).await;
                        deliver(&client, &body).await;
                    });
                }
                while under_way.try_join_next().is_some() {}
            }
        });
        tasks
    }
}

/// When which statuses are reported.
fn plan(rng: &mut StdRng, fails: bool) -> Vec<(Duration, &'static str)> {
    let mut statuses = if fails { vec!["failed"] } else { vec!["sent", "delivered", "read"] };
    if rng.random_bool(0.2) {
        statuses.shuffle(rng);
    }
    if rng.random_bool(0.1) {
        statuses.push(statuses[0]);
    }
    let after = |rng: &mut StdRng, at: usize| {
        let late = if rng.random_bool(0.1) { 1500 } else { 40 };
        Duration::from_millis(rng.random_range(0..late) + 20 * at as u64)
    };
    statuses.into_iter().enumerate().map(|(at, it)| (after(rng, at), it)).collect()
}

/// What it says of a message.
pub fn receipt(taken: &Taken, status: &str) -> Value {
    let mut said = json!({
        "id": taken.wamid, "status": status, "timestamp": taken.at.as_second().to_string(),
        "recipient_id": taken.to.trim_start_matches('+'), "biz_opaque_callback_data": taken.ours,
        "pricing": {"billable": true, "pricing_model": "PMP", "type": "regular", "category": "utility"},
    });
    if status == "failed" {
        let code = taken.fails.unwrap_or(131_026);
        said["errors"] = json!([{"code": code, "title": "Message undeliverable",
            "error_data": {"details": "the stand-in said so"}}]);
    }
    change("messages", &json!({"messaging_product": "whatsapp", "statuses": [said]}))
}

/// Somebody writes to us.
pub fn inbound(from: &str, wamid: &str, text: &str, at: Timestamp) -> Value {
    let message = json!({"from": from.trim_start_matches('+'), "id": wamid, "type": "text",
        "timestamp": at.as_second().to_string(), "text": {"body": text}});
    change("messages", &json!({"messaging_product": "whatsapp", "messages": [message]}))
}

/// One change of one field, as it is reported.
pub fn change(field: &str, value: &Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [
        {"id": "102290129340398", "changes": [{"field": field, "value": value}]},
    ]})
}

/// Makes a signed report, until somebody takes it.
pub async fn deliver(client: &Client, body: &Value) {
    let body = body.to_string().into_bytes();
    let signature = mac(APP_SECRET.as_bytes(), &body, Written::Hex, Signer::InProcess);
    loop {
        let report = client
            .request(Method::POST, "/v1/webhooks/whatsapp")
            .header("content-type", "application/json")
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .body(body.clone());
        match try_answer(report).await {
            Ok(it) if it.status == 200 => return,
            Ok(it) if it.status < 500 => panic!("a report was refused: {it:?}"),
            _ => sleep(AGAIN).await,
        }
    }
}
