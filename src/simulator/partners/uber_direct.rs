//! Uber Direct: its couriers carry orders of the restaurant's own, and name them by our ids.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    base::mac,
    domain::DeliveryStatus,
    simulator::partners::{
        book::{Entry, Standing},
        voice::{Answers, Heard, Said, Told, Voice, word},
    },
};

/// Uber Direct.
pub struct UberDirect;

const WORDS: [(DeliveryStatus, &str); 6] = [
    (DeliveryStatus::Searching, "pending"),
    (DeliveryStatus::Assigned, "pickup"),
    (DeliveryStatus::PickedUp, "pickup_complete"),
    (DeliveryStatus::EnRoute, "dropoff"),
    (DeliveryStatus::Delivered, "delivered"),
    (DeliveryStatus::Returned, "returned"),
];

impl Voice for UberDirect {
    fn words(&self) -> &'static [(DeliveryStatus, &'static str)] {
        &WORDS
    }

    fn answers(&self) -> Answers {
        Answers::Nothing
    }

    fn is_told_of_food(&self) -> bool {
        false
    }

    fn placed(&self, _entry: &Entry, _here: &str) -> Option<Said> {
        None
    }

    fn delivery(&self, entry: &Entry, status: DeliveryStatus, now: Timestamp) -> Option<Said> {
        let status = word(&WORDS, status)?;
        let courier = json!({
            "name": entry.rider.name,
            "phone_number": entry.rider.phone,
            "vehicle_type": "motorcycle",
        });
        Some(Said::posted(json!({
            "kind": "event.delivery_status",
            "status": status,
            "created": now,
            "delivery_id": entry.name,
            "data": {
                "external_id": entry.standing().ours?,
                "courier": (status != "pending").then_some(courier),
            },
        })))
    }

    /// Its couriers may give an order up, but whether it is called off is for the restaurant to say.
    fn cancelled(&self, _entry: &Entry, _now: Timestamp) -> Option<Said> {
        None
    }

    fn proof(
        &self,
        secret: &str,
        _: &str,
        _: Timestamp,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let signature = hex::encode(mac::hmac_sha256(secret.as_bytes(), &[body]));
        vec![("x-postmates-signature", signature)]
    }

    fn hear(&self, _heard: &Heard<'_>) -> Option<Told> {
        None
    }

    fn answer(&self, _entry: &Entry, _standing: &Standing) -> Value {
        Value::Null
    }
}
