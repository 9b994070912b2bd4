//! Deliveroo's riders: their whole log comes each time, which no table can read.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    domain::{DeliveryStatus, News, Report},
    partners::{Unreadable, json, words},
};

/// What stands in the log of a rider.
const STATUSES: &[(&str, DeliveryStatus)] = &[
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

/// Reads `rider.status_update`.
pub fn riders(call: &Value) -> Result<Vec<News>, Unreadable> {
    let id = json::need(call, "/body/order_id", "body.order_id")?;
    let said: Vec<News> = entries(call, "/body/riders").flat_map(|it| rider(&id, it)).collect();
    if said.is_empty() {
        return Err(Unreadable::Lacks("body.riders[].status_log[].status".into()));
    }
    Ok(said)
}

/// A rider's log may end with `rider_unassigned` after all that matters: so the furthest status counts. Only of a rider who never
/// reached the store, being unassigned means that nothing of it holds any more.
fn rider(order: &str, rider: &Value) -> Vec<News> {
    let log: Vec<_> = entries(rider, "/status_log")
        .filter_map(|it| Some((json::word(it, "/status")?, json::moment(it, "/at"))))
        .collect();
    let Some((last, last_at)) = log.last() else { return Vec::new() };
    let furthest = log
        .iter()
        .filter_map(|(word, at)| Some((status(word)?, *at)))
        .max_by_key(|(status, _)| status.rank());
    let gone = last.eq_ignore_ascii_case(UNASSIGNED);
    let mut said = Vec::new();
    if let Some((status, at)) = furthest
        && (!gone || status != DeliveryStatus::Assigned)
    {
        let person = (json::word(rider, "/full_name"), json::phone(rider, "/contact_number"));
        let courier = words::courier("deliveroo", None, order, person);
        said.push(news(order, at, Report::Delivery { status, courier, tracking_url: None }));
    } else if gone {
        said.push(news(order, *last_at, Report::Nothing { word: last.clone() }));
    }
    if !gone && status(last).is_none() {
        said.push(news(order, *last_at, Report::Unknown { word: last.clone() }));
    }
    said
}

fn status(word: &str) -> Option<DeliveryStatus> {
    STATUSES.iter().find(|(it, _)| it.eq_ignore_ascii_case(word)).map(|(_, status)| *status)
}

fn entries<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn news(order: &str, occurred_at: Option<Timestamp>, report: Report) -> News {
    News { external_id: Some(order.to_owned()), order_id: None, occurred_at, report }
}
