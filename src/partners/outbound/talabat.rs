//! Talabat, and whoever else is behind Delivery Hero's POS middleware: a login by form, then the addresses that came with the order.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    domain::{PartnerAction, ReasonCode},
    outbound::{Answer, Request, Verdict},
    partners::outbound::{
        Line, Outbound, Saying, Wording,
        contract::{UNHEARD, bare, json as with_json, secret_form},
    },
};

/// Talabat.
pub(crate) struct Talabat;

/// While a rider is being found the middleware answers 409, and wants to be asked again about so often.
const PAUSE: Duration = Duration::from_secs(10);

/// The time that is named with an acceptance must be as far ahead. One minute is to spare.
const EARLIEST_MINUTES: i64 = 3;

/// Reasons to turn an order down. A wrong one can cost the integration.
const fn before(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::ItemUnavailable => "ITEM_UNAVAILABLE",
        ReasonCode::TooBusy => "TOO_BUSY",
        ReasonCode::Closed => "CLOSED",
        ReasonCode::NoAnswer => "NO_RESPONSE",
        ReasonCode::NoCourier => "NO_COURIER",
        ReasonCode::AddressProblem => "ADDRESS_INCOMPLETE_MISSTATED",
        ReasonCode::TestOrder => "TEST_ORDER",
        ReasonCode::Technical | ReasonCode::CustomerRequest | ReasonCode::Other => {
            "TECHNICAL_PROBLEM"
        }
    }
}

/// Reasons to call an accepted order off: of the others, few are taken then.
const fn afterwards(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::ItemUnavailable => "CONTENT_WRONG_MISLEADING",
        ReasonCode::AddressProblem | ReasonCode::CustomerRequest => "UNABLE_TO_FIND",
        ReasonCode::TooBusy
        | ReasonCode::Closed
        | ReasonCode::NoAnswer
        | ReasonCode::NoCourier
        | ReasonCode::Technical
        | ReasonCode::TestOrder
        | ReasonCode::Other => "LATE_DELIVERY",
    }
}

/// The name of the address that a telling goes to, among those that came with the order, and what is said there.
fn said(saying: &Saying<'_>) -> Option<(&'static str, Option<Value>)> {
    let earliest = saying.now + EARLIEST_MINUTES.minutes();
    let ready_at = saying.telling.ready_at.unwrap_or(earliest).max(earliest);
    Some(match saying.telling.action {
        PartnerAction::Receive => return None,
        PartnerAction::Accept => {
            let body = json!({
                "status": "order_accepted",
                "acceptanceTime": second(ready_at),
                "remoteOrderId": saying.order.id,
            });
            ("orderAcceptedUrl", Some(body))
        }
        PartnerAction::Reject => {
            let word = if saying.telling.was_accepted { afterwards } else { before };
            let body = json!({
                "status": "order_rejected",
                "reason": word(saying.reason()),
                "message": saying.note(),
            });
            ("orderRejectedUrl", Some(body))
        }
        PartnerAction::Ready => ("orderPreparedUrl", None),
        PartnerAction::PickedUp => ("orderPickedUpUrl", Some(json!({"status": "order_picked_up"}))),
        PartnerAction::Delay => {
            let body = json!({"expectedPickupAt": second(ready_at)});
            ("orderPreparationTimeAdjustmentUrl", Some(body))
        }
    })
}

impl Outbound for Talabat {
    fn needs(&self) -> &'static [&'static str] {
        &["client_id", "client_secret"]
    }

    fn login(&self, line: &Line) -> Option<Request> {
        let (name, password) = line.credentials()?;
        let url = line.token_url.clone().or_else(|| line.under(&["v2", "login"]))?;
        let fields =
            [("username", name), ("password", password), ("grant_type", "client_credentials")];
        Some(secret_form(url, &fields))
    }

    fn word(&self, saying: &Saying<'_>, line: &Line) -> Wording {
        let Some((name, body)) = said(saying) else { return UNHEARD };
        let urls = saying.contact.pointer("/callbackUrls").unwrap_or(saying.contact);
        let Some(address) = urls.get(name).and_then(Value::as_str) else {
            return Wording::Skip("Talabat gave no address for this with the order");
        };
        let Some(url) = line.callback(address) else {
            return Wording::Cannot("the order's address is not of a host in callback_hosts");
        };
        Wording::say(match body {
            Some(body) => with_json(Method::POST, url, &body),
            None => bare(Method::POST, url),
        })
    }

    fn verdict(&self, answer: &Answer, usual: Verdict, now: Timestamp) -> Verdict {
        if answer.status == StatusCode::CONFLICT {
            return Verdict::Again { not_before: now.checked_add(PAUSE).ok() };
        }
        usual
    }
}

/// Without fractions, which not everybody reads.
fn second(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}
