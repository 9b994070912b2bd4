//! Careem: one address for us, a key that signs nothing, and numbers for orders.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    domain::{DeliveryStatus, OrderStatus, PartnerAction},
    simulator::partners::{
        book::{Entry, Line, Standing, dinars},
        voice::{Answers, Heard, Said, Told, Voice, word},
    },
};

/// Careem.
pub struct Careem;

const WORDS: [(DeliveryStatus, &str); 4] = [
    (DeliveryStatus::Assigned, "driver_coming"),
    (DeliveryStatus::AtStore, "driver_here"),
    (DeliveryStatus::PickedUp, "trip_started"),
    (DeliveryStatus::Delivered, "trip_ended"),
];

const BRAND: &str = "dr-burger";

impl Voice for Careem {
    fn words(&self) -> &'static [(DeliveryStatus, &'static str)] {
        &WORDS
    }

    fn answers(&self) -> Answers {
        Answers::OneOrder
    }

    fn is_told_of_food(&self) -> bool {
        true
    }

    fn placed(&self, entry: &Entry, _here: &str) -> Option<Said> {
        let order = entry.order.as_ref()?;
        let details = details(
            entry,
            "pending",
            &json!({
                "branch": {"id": order.store, "brand_id": BRAND, "name": order.store},
                "price": {"total_taxable_price": number(order.total()), "tax_percentage": 16},
                "items": order.lines.iter().map(item).collect::<Vec<_>>(),
                // Of those whom its own captains bring their food, Careem tells neither name nor number.
                "customer": {"name": "", "phone_number": 0},
                "is_scheduled": false,
                "cash_in": 0,
                "created_at": order.at,
            }),
        );
        Some(Said::posted(json!({"event_type": "ORDER_CREATED", "details": details})))
    }

    fn delivery(&self, entry: &Entry, status: DeliveryStatus, _now: Timestamp) -> Option<Said> {
        Some(updated(&details(entry, word(&WORDS, status)?, &captain(entry))))
    }

    fn cancelled(&self, entry: &Entry, _now: Timestamp) -> Option<Said> {
        Some(updated(&details(entry, "cancelled", &json!({"cancellation_reason": "OTHER"}))))
    }

    fn proof(&self, secret: &str, _: &str, _: Timestamp, _: &[u8]) -> Vec<(&'static str, String)> {
        vec![("x-careem-api-key", secret.to_owned())]
    }

    fn hear(&self, heard: &Heard<'_>) -> Option<Told> {
        let (name, action) = match (heard.method, heard.path) {
            (&Method::PUT, ["orders", name]) => {
                let action = match heard.body.pointer("/state")?.as_str()? {
                    "accepted" => PartnerAction::Accept,
                    "ready" => PartnerAction::Ready,
                    "cancelled" => PartnerAction::Reject,
                    _ => return None,
                };
                (name, action)
            }
            (&Method::PUT, ["orders", name, "delay-request"]) => (name, PartnerAction::Delay),
            _ => return None,
        };
        Some(Told { name: (*name).to_owned(), action, ours: None })
    }

    fn answer(&self, entry: &Entry, standing: &Standing) -> Value {
        let status = match standing.status {
            OrderStatus::Cancelled | OrderStatus::Rejected => "cancelled",
            OrderStatus::Placed => "pending",
            _ => word(&WORDS, standing.delivery).unwrap_or("accepted"),
        };
        let is_carried = standing.delivery != DeliveryStatus::None;
        details(entry, status, &if is_carried { captain(entry) } else { Value::Null })
    }
}

/// What is told of an order each time, and what is told besides.
fn details(entry: &Entry, status: &str, besides: &Value) -> Value {
    let id: Option<u64> = entry.name.parse().ok();
    let mut details = Map::new();
    details.insert("id".to_owned(), json!(id));
    details.insert("status".to_owned(), json!(status));
    details.insert("delivery_type".to_owned(), json!("careem"));
    details.extend(besides.as_object().cloned().unwrap_or_default());
    Value::Object(details)
}

fn captain(entry: &Entry) -> Value {
    json!({"captain": {"name": entry.rider.name, "phone_number": entry.rider.phone, "eta": 7}})
}

fn updated(details: &Value) -> Said {
    Said::posted(json!({"event_type": "ORDER_STATUS_UPDATED", "details": details}))
}

/// Its name is not told: the id is the one that the store has published.
fn item(line: &Line) -> Value {
    let Line { sku, quantity, unit_price, note, .. } = line;
    let price = number(unit_price.amount);
    json!({"id": sku, "quantity": quantity, "unit_price": price, "notes": note})
}

/// Careem's amounts are numbers.
fn number(fils: i64) -> Option<f64> {
    dinars(fils).parse().ok()
}
