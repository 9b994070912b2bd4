//! Deliveroo: each call is named and signed along with its name; its riders' whole log comes each time.

use axum::http::Method;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::{
    base::mac,
    domain::{DeliveryStatus, OrderStatus, PartnerAction},
    simulator::partners::{
        book::{Entry, Line, Standing},
        voice::{Answers, Heard, Said, Told, Voice, word},
    },
};

/// Deliveroo.
pub struct Deliveroo;

const WORDS: [(DeliveryStatus, &str); 5] = [
    (DeliveryStatus::Assigned, "rider_assigned"),
    (DeliveryStatus::AtStore, "rider_arrived"),
    (DeliveryStatus::EnRoute, "rider_in_transit"),
    (DeliveryStatus::Nearby, "rider_nearby"),
    (DeliveryStatus::Delivered, "rider_delivered"),
];

impl Voice for Deliveroo {
    fn words(&self) -> &'static [(DeliveryStatus, &'static str)] {
        &WORDS
    }

    fn answers(&self) -> Answers {
        Answers::OneOrder
    }

    fn is_told_of_food(&self) -> bool {
        false
    }

    fn placed(&self, entry: &Entry, _here: &str) -> Option<Said> {
        let order = entry.order.as_ref()?;
        let body = json!({"order": {
            "id": entry.name,
            "location_id": order.store,
            "brand_id": "dr-burger",
            "status": "placed",
            "fulfillment_type": "deliveroo",
            "prepare_for": order.at + 15.minutes(),
            "total_price": money(order.total()),
            "items": order.lines.iter().map(item).collect::<Vec<_>>(),
            "customer": {"first_name": order.guest.name, "contact_number": order.guest.phone},
            "status_log": [{"at": order.at, "status": "placed"}],
        }});
        Some(Said::posted(json!({"event": "order.new", "body": body})))
    }

    fn delivery(&self, entry: &Entry, status: DeliveryStatus, now: Timestamp) -> Option<Said> {
        word(&WORDS, status)?;
        let body = json!({
            "order_id": entry.name,
            "stacked_with": [],
            "riders": [{
                "full_name": entry.rider.name,
                "contact_number": entry.rider.phone,
                "status_log": log(status, now),
            }],
        });
        Some(Said::posted(json!({"event": "rider.status_update", "body": body})))
    }

    fn cancelled(&self, entry: &Entry, now: Timestamp) -> Option<Said> {
        let order = json!({
            "id": entry.name,
            "status": "canceled",
            "status_log": [{"at": now, "status": "canceled"}],
        });
        Some(Said::posted(json!({"event": "order.status_update", "body": {"order": order}})))
    }

    fn proof(
        &self,
        secret: &str,
        id: &str,
        _: Timestamp,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let signature = mac::hmac_sha256(secret.as_bytes(), &[id.as_bytes(), b" ", body]);
        vec![
            ("x-deliveroo-sequence-guid", id.to_owned()),
            ("x-deliveroo-hmac-sha256", hex::encode(signature)),
        ]
    }

    fn hear(&self, heard: &Heard<'_>) -> Option<Told> {
        let status = heard.body.pointer("/status").and_then(Value::as_str)?;
        let (name, action) = match (heard.method, heard.path, status) {
            (&Method::POST, ["v1", "orders", name, "sync_status"], _) => {
                (name, PartnerAction::Receive)
            }
            (&Method::PATCH, ["v1", "orders", name], "accepted") => (name, PartnerAction::Accept),
            (&Method::PATCH, ["v1", "orders", name], "rejected") => (name, PartnerAction::Reject),
            _ => return None,
        };
        Some(Told { name: (*name).to_owned(), action, ours: None })
    }

    fn answer(&self, entry: &Entry, standing: &Standing) -> Value {
        let status = match (standing.status, standing.delivery) {
            (OrderStatus::Placed, _) => "placed",
            (OrderStatus::Cancelled, _) => "canceled",
            (OrderStatus::Rejected, _) => "rejected",
            (_, DeliveryStatus::None) => "accepted",
            (_, DeliveryStatus::Assigned) => "rider_assigned",
            (_, DeliveryStatus::AtStore) => "rider_arrived",
            (_, DeliveryStatus::EnRoute) => "rider_in_transit",
            (_, DeliveryStatus::Nearby) => "rider_nearby",
            _ => "delivered",
        };
        json!({"id": entry.name, "status": status})
    }
}

/// All that the rider has done so far.
fn log(status: DeliveryStatus, now: Timestamp) -> Vec<Value> {
    let so_far: Vec<_> = WORDS.iter().filter(|(it, _)| it.rank() <= status.rank()).collect();
    let ages = (0_i64..).map(|it| it * 7);
    let mut log: Vec<_> = so_far
        .into_iter()
        .rev()
        .zip(ages)
        .map(|((_, word), age)| {
            json!({"at": now.checked_sub(age.seconds()).unwrap_or(now), "status": word})
        })
        .collect();
    log.reverse();
    log
}

fn money(fils: i64) -> Value {
    json!({"fractional": fils, "currency_code": "JOD"})
}

fn item(line: &Line) -> Value {
    json!({
        "pos_item_id": line.sku,
        "name": line.name.en,
        "quantity": line.quantity,
        "unit_price": money(line.unit_price.amount),
        "modifiers": [],
    })
}
