//! Our own format, for every restaurant system and courier without one of its own: Standard Webhooks, our words.
//!
//! `docs/partners.md` is its contract.

mod placed;

use serde_json::Value;

use crate::{
    domain::{Courier, News, OrderId, Reason, ReasonCode, Report},
    partners::{Unreadable, json, words},
};

/// What a call says.
pub fn read(call: &Value) -> Result<Vec<News>, Unreadable> {
    let kind = json::need(call, "/type", "type")?;
    let order_id = order_id(call)?;
    let external_id = json::word(call, "/data/externalId");
    let name = order_id.map(|it| it.to_string()).or_else(|| external_id.clone());
    let report = match (kind.as_str(), name) {
        ("order.placed", _) if external_id.is_none() => {
            return Err(Unreadable::Lacks("data.externalId".into()));
        }
        ("order.placed", _) => {
            let data = call.pointer("/data").unwrap_or(&Value::Null);
            Report::Placed(Box::new(placed::read(data)?))
        }
        ("order.status", Some(_)) => order(call)?,
        ("payment.status", Some(_)) => payment(call)?,
        ("delivery.status", Some(name)) => delivery(call, &name)?,
        ("order.status" | "delivery.status" | "payment.status", None) => {
            return Err(Unreadable::Lacks("data.orderId or data.externalId".into()));
        }
        _ => Report::Unknown { word: kind },
    };
    let occurred_at = json::moment(call, "/timestamp");
    Ok(vec![News { external_id, order_id, occurred_at, report }])
}

fn order(call: &Value) -> Result<Report, Unreadable> {
    let word = json::need(call, "/data/status", "data.status")?;
    Ok(match word.parse() {
        Ok(status) => Report::Order { status, reason: reason(call) },
        Err(_) => Report::Unknown { word },
    })
}

fn payment(call: &Value) -> Result<Report, Unreadable> {
    let word = json::need(call, "/data/status", "data.status")?;
    Ok(match word.parse() {
        Ok(status) => Report::Payment { status },
        Err(_) => Report::Unknown { word },
    })
}

fn delivery(call: &Value, order: &str) -> Result<Report, Unreadable> {
    let word = json::need(call, "/data/status", "data.status")?;
    Ok(match word.parse() {
        Ok(status) => Report::Delivery {
            status,
            courier: call.pointer("/data/courier").and_then(|it| courier(order, it)),
            tracking_url: json::link(call, "/data/trackingUrl"),
        },
        Err(_) => Report::Unknown { word },
    })
}

/// An id that is not ours is a mistake that its sender would like to hear of, and no reason to guess.
fn order_id(call: &Value) -> Result<Option<OrderId>, Unreadable> {
    match call.pointer("/data/orderId") {
        None | Some(Value::Null) => Ok(None),
        Some(id) => {
            let id = id.as_str().and_then(|it| it.parse().ok());
            id.map(Some).ok_or(Unreadable::Lacks("data.orderId".into()))
        }
    }
}

/// Ids are taken as they are: with the restaurant's own couriers they are the `sub` of the couriers' tokens.
fn courier(order: &str, person: &Value) -> Option<Courier> {
    let name = json::word(person, "/name");
    let Some(id) = json::word(person, "/id") else {
        return words::courier("generic", None, order, (name, json::phone(person, "/phone")));
    };
    Some(Courier { id, name, phone: json::word(person, "/phone") })
}

fn reason(call: &Value) -> Option<Reason> {
    let code = json::word(call, "/data/reason/code")?;
    let note = json::note(call, "/data/reason/note");
    Some(match code.parse() {
        Ok(code) => Reason { code, note },
        Err(_) => Reason { code: ReasonCode::Other, note: note.or(Some(code)) },
    })
}
