//! Careem's POS API (food), version 2.1: OAuth 2.0, one address for each order, a reason with every state.

use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::{
    domain::{PartnerAction, ReasonCode},
    outbound::Request,
    partners::outbound::{
        Asking, Inquiry, Line, Outbound, Saying, Wording,
        contract::{UNHEARD, add, bare, client_credentials, json as with_json},
    },
};

/// Careem.
pub(crate) struct Careem;

/// The longest delay that can be asked for, in minutes; and it can be asked for once.
const LONGEST_DELAY: u32 = 60;

const fn reason(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::ItemUnavailable => "ITEM_TEMPORARILY_UNAVAILABLE",
        ReasonCode::TooBusy => "KITCHEN_TOO_BUSY_TO_PREPARE_ORDER",
        ReasonCode::Closed => "OUTLET_CLOSED",
        ReasonCode::NoAnswer => "PARTNER_ORDER_TIMEOUT",
        ReasonCode::Technical => "PARTNER_POS_OUTAGE",
        ReasonCode::NoCourier
        | ReasonCode::AddressProblem
        | ReasonCode::CustomerRequest
        | ReasonCode::TestOrder
        | ReasonCode::Other => "OTHER",
    }
}

impl Outbound for Careem {
    fn needs(&self) -> &'static [&'static str] {
        &["token_url", "client_id", "client_secret"]
    }

    fn login(&self, line: &Line) -> Option<Request> {
        client_credentials(line, Some("pos"))
    }

    fn word(&self, saying: &Saying<'_>, line: &Line) -> Wording {
        let order = line.under(&["orders", saying.external_id]);
        let delay = line.under(&["orders", saying.external_id, "delay-request"]);
        let (Some(order), Some(delay)) = (order, delay) else {
            return Wording::Cannot("base_url cannot be built upon");
        };
        // The reason is asked for with every state, the happy ones too.
        let state =
            |state: &str| json!({"state": state, "cancellation_reason": reason(saying.reason())});
        match saying.telling.action {
            PartnerAction::Accept => put(saying, order, &state("accepted")),
            PartnerAction::Reject => put(saying, order, &state("cancelled")),
            PartnerAction::Ready => put(saying, order, &state("ready")),
            PartnerAction::Delay if saying.was_told => {
                Wording::Skip("Careem takes one delay for each order")
            }
            PartnerAction::Delay => {
                let minutes = saying.telling.delay_minutes.unwrap_or(1).min(LONGEST_DELAY);
                put(saying, delay, &json!({"delay_in_minutes": minutes}))
            }
            PartnerAction::Receive => UNHEARD,
            PartnerAction::PickedUp => Wording::Skip("Careem's captain says so himself"),
        }
    }
}

impl Inquiry for Careem {
    fn about_order(
        &self,
        external_id: &str,
        contact: &Value,
        asking: &Asking<'_>,
    ) -> Option<Request> {
        let mut request = bare(Method::GET, asking.line.under(&["orders", external_id])?);
        add_ids(&mut request, contact);
        Some(request)
    }

    /// The answer is what stands in `details` of a call.
    fn said_of_order(&self, external_id: &str, mut answer: Value) -> Vec<Value> {
        let Some(details) = answer.as_object_mut() else { return Vec::new() };
        details.insert("id".to_owned(), json!(external_id));
        vec![json!({"event_type": "ORDER_STATUS_UPDATED", "details": answer})]
    }
}

fn put(saying: &Saying<'_>, url: Url, body: &Value) -> Wording {
    let mut request = with_json(Method::PUT, url, body);
    add_ids(&mut request, saying.contact);
    Wording::say(request)
}

fn add_ids(request: &mut Request, contact: &Value) {
    for (header, pointer) in [("brand-id", "/brandId"), ("branch-id", "/branchId")] {
        if let Some(id) = contact.pointer(pointer) {
            let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            add(request, header, &text);
        }
    }
}
