//! Careem's POS API (food), version 2.1: one endpoint, four events, a static key.

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    domain::{DeliveryStatus, News, OrderStatus, ReasonCode, Report},
    partners::{
        Call, Inbound, Rejection, Unreadable, Verified, json, verify,
        words::{self, Meaning},
    },
};

/// Careem signs nothing, so its calls have no event id either: they are told apart by their bodies.
pub(crate) struct Careem;

const API_KEY: &str = "x-careem-api-key";

/// The slots of scheduled orders only inform: to act on them would start the cooking hours early.
const STATUSES: &[(&str, Meaning)] = &[
    ("pending", Meaning::Order(OrderStatus::Placed)),
    ("accepted", Meaning::Order(OrderStatus::Accepted)),
    ("slot_upcoming", Meaning::Nothing),
    ("slot_started", Meaning::Nothing),
    ("driver_coming", Meaning::Delivery(DeliveryStatus::Assigned)),
    ("driver_here", Meaning::Delivery(DeliveryStatus::AtStore)),
    ("trip_started", Meaning::Delivery(DeliveryStatus::PickedUp)),
    ("trip_ended", Meaning::Delivery(DeliveryStatus::Delivered)),
    ("cancelled", Meaning::Order(OrderStatus::Cancelled)),
    ("canceled", Meaning::Order(OrderStatus::Cancelled)),
];

const REASONS: &[(&str, ReasonCode)] = &[
    ("ITEM_PERMANENTLY_NOT_AVAILABLE", ReasonCode::ItemUnavailable),
    ("ITEM_TEMPORARILY_UNAVAILABLE", ReasonCode::ItemUnavailable),
    ("KITCHEN_TOO_BUSY_TO_PREPARE_ORDER", ReasonCode::TooBusy),
    ("OUT_OF_KITCHEN_OPERATIONAL_HOURS", ReasonCode::Closed),
    ("OUTLET_CLOSED", ReasonCode::Closed),
    ("PARTNER_POS_OUTAGE", ReasonCode::Technical),
    ("PARTNER_ORDER_TIMEOUT", ReasonCode::Technical),
    ("OTHER", ReasonCode::Other),
];

impl Inbound for Careem {
    fn verify(
        &self,
        call: &Call<'_>,
        secrets: &[SecretString],
        _now: Timestamp,
    ) -> Result<Verified, Rejection> {
        verify::static_key(call, secrets, API_KEY)?;
        Ok(Verified { event_id: None })
    }

    fn read(&self, body: &[u8]) -> Result<Vec<News>, Unreadable> {
        let call = json::parse(body)?;
        let event = json::need(&call, "/event_type", "event_type")?;
        let news = match event.as_str() {
            "ORDER_STATUS_UPDATED" => {
                let id = order_id(&call)?;
                of_order(id.clone(), status(&call, &id)?)
            }
            "ORDER_CREATED" | "ORDER_ITEM_REPLACEMENT_ACCEPTED" => {
                of_order(order_id(&call)?, Report::Nothing { word: event })
            }
            "CATALOG_REQUEST_STATUS_UPDATED" => of_nobody(Report::Nothing { word: event }),
            _ => of_nobody(Report::Unknown { word: event }),
        };
        Ok(vec![news])
    }
}

fn order_id(call: &Value) -> Result<String, Unreadable> {
    json::need(call, "/details/id", "details.id")
}

fn status(call: &Value, order_id: &str) -> Result<Report, Unreadable> {
    let word = json::need(call, "/details/status", "details.status")?;
    let reason = json::word(call, "/details/cancellation_reason");
    let captain = call
        .pointer("/details/captain")
        .and_then(|it| words::courier(format!("careem:{order_id}"), it, "/name", "/phone_number"));
    let reason = reason.map(|it| words::reason(REASONS, it));
    Ok(words::report(STATUSES, word, reason, captain))
}

/// `details.created_at` is when the order was made, not when this happened: so nothing is known of that.
const fn of_order(id: String, report: Report) -> News {
    News { external_id: Some(id), order_id: None, occurred_at: None, report }
}

const fn of_nobody(report: Report) -> News {
    News { external_id: None, order_id: None, occurred_at: None, report }
}
