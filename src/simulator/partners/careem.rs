//! Careem: one address for us, a key that signs nothing, and numbers for orders.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    domain::{DeliveryStatus, OrderStatus, PartnerAction},
    simulator::partners::{
        book::{Entry, Standing},
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
    fn slug(&self) -> &'static str {
        "careem"
    }

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
        let dinars = |fils: i64| fils as f64 / 1000.0;
        let items: Vec<_> = order.items.iter().map(|it| item(it, dinars)).collect();
        let mut details = details(entry, "pending");
        details["branch"] = json!({"id": order.store, "brand_id": BRAND, "name": order.store});
        details["price"] = json!({"total_taxable_price": dinars(order.total()), "tax_percentage": 16});
        details["items"] = json!(items);
        // Of those whom its own captains bring their food, Careem tells neither name nor number.
        details["customer"] = json!({"name": "", "phone_number": 0});
        details["is_scheduled"] = json!(false);
        details["cash_in"] = json!(0);
        details["created_at"] = json!(order.at);
        Some(Said::posted(json!({"event_type": "ORDER_CREATED", "details": details})))
    }

    fn delivery(&self, entry: &Entry, status: DeliveryStatus, _now: Timestamp) -> Option<Said> {
        let mut details = details(entry, word(&WORDS, status)?);
        details["captain"] = captain(entry);
        Some(updated(&details))
    }

    fn cancelled(&self, entry: &Entry, _now: Timestamp) -> Option<Said> {
        let mut details = details(entry, "cancelled");
        details["cancellation_reason"] = json!("OTHER");
        Some(updated(&details))
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
        let mut details = details(entry, status);
        if standing.delivery != DeliveryStatus::None {
            details["captain"] = captain(entry);
        }
        details
    }
}

fn details(entry: &Entry, status: &str) -> Value {
    let id: Option<u64> = entry.name.parse().ok();
    json!({"id": id, "status": status, "delivery_type": "careem"})
}

fn captain(entry: &Entry) -> Value {
    json!({"name": entry.rider.name, "phone_number": entry.rider.phone, "eta": 7})
}

fn updated(details: &Value) -> Said {
    Said::posted(json!({"event_type": "ORDER_STATUS_UPDATED", "details": details}))
}

/// Its name is not told: the id is the one that the store has published.
fn item(line: &Value, dinars: impl Fn(i64) -> f64) -> Value {
    let fils = line.pointer("/unitPrice/amount").and_then(Value::as_i64).unwrap_or(0);
    let (price, note) = (dinars(fils), line.get("note"));
    json!({"id": line["sku"], "quantity": line["quantity"], "unit_price": price, "notes": note})
}
