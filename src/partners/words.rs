//! From partners' words to ours: tables, and what they have in common.

use serde_json::Value;

use crate::{
    domain::{Courier, DeliveryStatus, OrderStatus, Reason, ReasonCode, Report},
    partners::json,
};

/// What a partner's status word means to us.
#[derive(Clone, Copy)]
pub(crate) enum Meaning {
    /// The order stands there.
    Order(OrderStatus),
    /// The delivery stands there.
    Delivery(DeliveryStatus),
    /// We know it, and nothing follows from it.
    Nothing,
}

/// Finds a word in a table; partners are not careful with capitals.
pub(crate) fn look_up<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    table.iter().find(|(it, _)| it.eq_ignore_ascii_case(word)).map(|(_, meaning)| *meaning)
}

/// What a status word reports. The reason is kept with unhappy ends, the courier with the delivery.
pub(crate) fn report(
    table: &[(&str, Meaning)],
    word: String,
    reason: Option<Reason>,
    courier: Option<Courier>,
) -> Report {
    match look_up(table, &word) {
        Some(Meaning::Order(status)) => {
            Report::Order { status, reason: reason.filter(|_| status.is_unhappy()) }
        }
        Some(Meaning::Delivery(status)) => Report::Delivery { status, courier, tracking_url: None },
        Some(Meaning::Nothing) => Report::Nothing { word },
        None => Report::Unknown { word },
    }
}

/// A reason by the partner's table; a word that is not in it is kept as the note.
pub(crate) fn reason(table: &[(&str, ReasonCode)], word: String) -> Reason {
    match look_up(table, &word) {
        Some(code) => Reason { code, note: None },
        None => Reason { code: ReasonCode::Other, note: Some(word) },
    }
}

/// A courier of whom the partner tells name and telephone but no id: named after the order.
///
/// An id made from the telephone would give it away to whoever tries all numbers; this one cannot be that of one of the
/// restaurant's own couriers either.
pub(crate) fn courier(id: String, person: &Value, name: &str, phone: &str) -> Option<Courier> {
    let name = json::word(person, name);
    // Careem fills blanks with zeros.
    let phone =
        json::word(person, phone).filter(|it| it.bytes().any(|it| matches!(it, b'1'..=b'9')));
    (name.is_some() || phone.is_some()).then_some(Courier { id, name, phone })
}
