//! Deliveroo's order and rider events: signed along with an id that is the same over all attempts.

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

/// Deliveroo: restaurants' own listings and its white label alike.
pub(crate) struct Deliveroo;

const SIGNATURE: &str = "x-deliveroo-hmac-sha256";
const GUID: &str = "x-deliveroo-sequence-guid";

/// What stands in `order.status_update`, for the marketplace and for the white label.
const ORDER_STATUSES: &[(&str, Meaning)] = &[
    ("placed", Meaning::Order(OrderStatus::Placed)),
    ("accepted", Meaning::Order(OrderStatus::Accepted)),
    // Of a scheduled order: the kitchen may begin.
    ("confirmed", Meaning::Order(OrderStatus::Preparing)),
    ("rejected", Meaning::Order(OrderStatus::Rejected)),
    ("canceled", Meaning::Order(OrderStatus::Cancelled)),
    ("cancelled", Meaning::Order(OrderStatus::Cancelled)),
    ("undeliverable", Meaning::Order(OrderStatus::Failed)),
    ("rider_assigned", Meaning::Delivery(DeliveryStatus::Assigned)),
    ("rider_arrived", Meaning::Delivery(DeliveryStatus::AtStore)),
    ("rider_in_transit", Meaning::Delivery(DeliveryStatus::EnRoute)),
    ("rider_nearby", Meaning::Delivery(DeliveryStatus::Nearby)),
    ("delivered", Meaning::Delivery(DeliveryStatus::Delivered)),
];

/// What stands in the log of a rider.
const RIDER_STATUSES: &[(&str, DeliveryStatus)] = &[
    ("rider_assigned", DeliveryStatus::Assigned),
    ("rider_arrived", DeliveryStatus::AtStore),
    ("rider_confirmed_at_restaurant", DeliveryStatus::AtStore),
    ("rider_check_in", DeliveryStatus::AtStore),
    ("rider_in_transit", DeliveryStatus::EnRoute),
    ("rider_nearby", DeliveryStatus::Nearby),
    ("rider_delivered", DeliveryStatus::Delivered),
];

/// The rider is no longer on the order: has given it up, or has left the store with it.
const UNASSIGNED: &str = "rider_unassigned";

const REASONS: &[(&str, ReasonCode)] = &[
    ("closing_early", ReasonCode::Closed),
    ("busy", ReasonCode::TooBusy),
    ("ingredient_unavailable", ReasonCode::ItemUnavailable),
    ("other", ReasonCode::Other),
];

impl Inbound for Deliveroo {
    fn verify(
        &self,
        call: &Call<'_>,
        secrets: &[SecretString],
        _now: Timestamp,
    ) -> Result<Verified, Rejection> {
        let event_id = verify::event_id(call, GUID)?;
        let guid = event_id.as_bytes();
        // The second is that of the older `new_order` and `cancel_order`.
        let prefixes: [&[&[u8]]; 2] = [&[guid, b" "], &[guid, b" \n "]];
        verify::hex_hmac(call, secrets, SIGNATURE, &prefixes)?;
        Ok(Verified { event_id: Some(event_id.to_owned()) })
    }

    fn read(&self, body: &[u8]) -> Result<Vec<News>, Unreadable> {
        let call = json::parse(body)?;
        let event = json::need(&call, "/event", "event")?;
        match event.as_str() {
            "order.status_update" => order(&call),
            "rider.status_update" => riders(&call),
            "order.new" => {
                let id = json::need(&call, "/body/order/id", "body.order.id")?;
                Ok(vec![news(Some(id), None, Report::Nothing { word: event })])
            }
            "menu.upload_result" => Ok(vec![news(None, None, Report::Nothing { word: event })]),
            _ => Ok(vec![news(None, None, Report::Unknown { word: event })]),
        }
    }
}

fn order(call: &Value) -> Result<Vec<News>, Unreadable> {
    let id = json::need(call, "/body/order/id", "body.order.id")?;
    let status = json::need(call, "/body/order/status", "body.order.status")?;
    let reason = json::word(call, "/body/order/reject_reason");
    let reason = reason.map(|it| words::reason(REASONS, it));
    let since = entries(call, "/body/order/status_log")
        .filter(|it| json::word(it, "/status").as_deref() == Some(status.as_str()))
        .find_map(|it| json::moment(it, "/at"));
    let report = words::report(ORDER_STATUSES, status, reason, None);
    Ok(vec![news(Some(id), since, report)])
}

fn riders(call: &Value) -> Result<Vec<News>, Unreadable> {
    let id = json::need(call, "/body/order_id", "body.order_id")?;
    let said: Vec<News> = entries(call, "/body/riders").flat_map(|it| rider(&id, it)).collect();
    if said.is_empty() {
        return Err(Unreadable::Lacks("body.riders[].status_log[].status"));
    }
    Ok(said)
}

/// A rider's log is told whole each time, and may end with `rider_unassigned` after all that matters: so the furthest status
/// counts. Only of a rider who never reached the store, being unassigned means that nothing of it holds any more.
fn rider(order: &str, rider: &Value) -> Vec<News> {
    let log: Vec<_> = entries(rider, "/status_log")
        .filter_map(|it| Some((json::word(it, "/status")?, json::moment(it, "/at"))))
        .collect();
    let Some((last, last_at)) = log.last() else { return Vec::new() };
    let furthest = log
        .iter()
        .filter_map(|(word, at)| Some((words::look_up(RIDER_STATUSES, word)?, *at)))
        .max_by_key(|(status, _)| status.rank());
    let gone = last.eq_ignore_ascii_case(UNASSIGNED);
    let mut said = Vec::new();
    if let Some((status, at)) = furthest
        && (!gone || status != DeliveryStatus::Assigned)
    {
        let courier =
            words::courier(format!("deliveroo:{order}"), rider, "/full_name", "/contact_number");
        let report = Report::Delivery { status, courier, tracking_url: None };
        said.push(news(Some(order.to_owned()), at, report));
    } else if gone {
        let report = Report::Nothing { word: last.clone() };
        said.push(news(Some(order.to_owned()), *last_at, report));
    }
    if !gone && words::look_up(RIDER_STATUSES, last).is_none() {
        let report = Report::Unknown { word: last.clone() };
        said.push(news(Some(order.to_owned()), *last_at, report));
    }
    said
}

fn entries<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

const fn news(external_id: Option<String>, occurred_at: Option<Timestamp>, report: Report) -> News {
    News { external_id, order_id: None, occurred_at, report }
}
