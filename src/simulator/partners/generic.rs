//! Whoever speaks our own format: a restaurant's own web shop, and its own couriers.

use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    base::mac,
    domain::{DeliveryStatus, PartnerAction},
    simulator::partners::{
        book::{Entry, Line, NewOrder, Standing, dinars},
        voice::{Answers, Heard, Said, Told, Voice, word},
    },
};

/// Whoever speaks our own format.
pub struct Generic;

const WORDS: [(DeliveryStatus, &str); 11] = [
    (DeliveryStatus::Searching, "searching"),
    (DeliveryStatus::Assigned, "assigned"),
    (DeliveryStatus::AtStore, "at_store"),
    (DeliveryStatus::PickedUp, "picked_up"),
    (DeliveryStatus::EnRoute, "en_route"),
    (DeliveryStatus::Nearby, "nearby"),
    (DeliveryStatus::AtDoor, "at_door"),
    (DeliveryStatus::Delivered, "delivered"),
    (DeliveryStatus::FailedAttempt, "failed_attempt"),
    (DeliveryStatus::Returning, "returning"),
    (DeliveryStatus::Returned, "returned"),
];

impl Voice for Generic {
    fn words(&self) -> &'static [(DeliveryStatus, &'static str)] {
        &WORDS
    }

    fn answers(&self) -> Answers {
        Answers::OpenOrders
    }

    fn is_told_of_food(&self) -> bool {
        true
    }

    fn placed(&self, entry: &Entry, _here: &str) -> Option<Said> {
        let order = entry.order.as_ref()?;
        let data = data(entry, order);
        Some(Said::posted(json!({"type": "order.placed", "timestamp": order.at, "data": data})))
    }

    fn delivery(&self, entry: &Entry, status: DeliveryStatus, now: Timestamp) -> Option<Said> {
        let mut data = named(entry);
        data.insert("status".to_owned(), json!(word(&WORDS, status)?));
        data.insert("courier".to_owned(), courier(entry));
        Some(Said::posted(json!({"type": "delivery.status", "timestamp": now, "data": data})))
    }

    fn cancelled(&self, entry: &Entry, now: Timestamp) -> Option<Said> {
        let mut data = named(entry);
        data.insert("status".to_owned(), json!("cancelled"));
        data.insert("reason".to_owned(), json!({"code": "customer_request"}));
        Some(Said::posted(json!({"type": "order.status", "timestamp": now, "data": data})))
    }

    /// Standard Webhooks. What we tell is signed in the same way, so it also tells what to believe.
    fn proof(
        &self,
        secret: &str,
        id: &str,
        now: Timestamp,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
        let key = STANDARD.decode(encoded).unwrap_or_default();
        let time = now.as_second().to_string();
        let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
        let signature = STANDARD.encode(mac::hmac_sha256(&key, &parts));
        vec![
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", time),
            ("webhook-signature", format!("v1,{signature}")),
        ]
    }

    fn hear(&self, heard: &Heard<'_>) -> Option<Told> {
        let (&Method::POST, []) = (heard.method, heard.path) else { return None };
        let text = |pointer| heard.body.pointer(pointer).and_then(Value::as_str);
        let action = match text("/type")? {
            "order.accepted" => PartnerAction::Accept,
            "order.rejected" | "order.cancelled" => PartnerAction::Reject,
            "order.ready" => PartnerAction::Ready,
            "order.picked_up" => PartnerAction::PickedUp,
            "order.delayed" => PartnerAction::Delay,
            _ => return None,
        };
        let ours = text("/data/orderId").and_then(|it| it.parse().ok());
        Some(Told { name: text("/data/externalId")?.to_owned(), action, ours })
    }

    /// What stands in `data` of `order.placed`, and where it stands now.
    fn answer(&self, entry: &Entry, standing: &Standing) -> Value {
        let mut answer = entry.order.as_ref().map(|it| data(entry, it)).unwrap_or_default();
        answer.insert("status".to_owned(), json!(standing.status));
        if standing.delivery != DeliveryStatus::None {
            let delivery = json!({"status": standing.delivery, "courier": courier(entry)});
            answer.insert("delivery".to_owned(), delivery);
        }
        Value::Object(answer)
    }
}

/// Its own orders go by its own name, those that it only carries by ours.
fn named(entry: &Entry) -> Map<String, Value> {
    let (field, name) = match (&entry.order, entry.standing().ours) {
        (None, Some(ours)) => ("orderId", json!(ours)),
        _ => ("externalId", json!(entry.name)),
    };
    Map::from_iter([(field.to_owned(), name)])
}

fn courier(entry: &Entry) -> Value {
    json!({"id": entry.rider.id, "name": entry.rider.name, "phone": entry.rider.phone})
}

fn data(entry: &Entry, order: &NewOrder) -> Map<String, Value> {
    let mut data = named(entry);
    let fields = [
        ("storeId", json!(order.store)),
        ("fulfilment", json!("delivery")),
        ("currency", json!("JOD")),
        ("total", json!(dinars(order.total()))),
        ("payment", json!({"method": "cash", "status": "none"})),
        ("customer", order.guest.body()),
        ("address", order.guest.address()),
        ("items", order.lines.iter().map(item).collect()),
    ];
    data.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    data
}

fn item(line: &Line) -> Value {
    let Line { sku, name, quantity, unit_price, note } = line;
    let price = dinars(unit_price.amount);
    json!({"sku": sku, "name": name, "quantity": quantity, "unitPrice": price, "note": note})
}
