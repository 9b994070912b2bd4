//! Uber Eats: OAuth 2.0, an address for each action. Addresses and words are of integrators, not of Uber's own pages.

use reqwest::Method;
use serde_json::json;

use crate::{
    domain::{PartnerAction, ReasonCode},
    outbound::Request,
    partners::outbound::{
        Line, Outbound, Saying, Wording,
        contract::{UNHEARD, client_credentials, json as with_json},
    },
};

/// Uber Eats.
pub(crate) struct UberEats;

const fn reason(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::ItemUnavailable => "ITEM_ISSUE",
        ReasonCode::TooBusy | ReasonCode::NoAnswer => "CAPACITY",
        ReasonCode::Closed => "STORE_CLOSED",
        ReasonCode::AddressProblem => "ADDRESS",
        ReasonCode::Technical => "TECHNICAL_FAILURE",
        ReasonCode::NoCourier
        | ReasonCode::CustomerRequest
        | ReasonCode::TestOrder
        | ReasonCode::Other => "OTHER",
    }
}

impl Outbound for UberEats {
    fn needs(&self) -> &'static [&'static str] {
        &["token_url", "client_id", "client_secret"]
    }

    fn login(&self, line: &Line) -> Option<Request> {
        client_credentials(line, Some("eats.order"))
    }

    fn word(&self, saying: &Saying<'_>, line: &Line) -> Wording {
        let why = json!({"type": reason(saying.reason()), "info": saying.note()});
        let ready_at = saying.telling.ready_at;
        let (action, body) = match saying.telling.action {
            PartnerAction::Accept => (
                "accept",
                json!({"ready_for_pickup_time": ready_at, "external_reference_id": saying.order.id}),
            ),
            PartnerAction::Reject if saying.telling.was_accepted => {
                ("cancel", json!({"cancel_reason": why}))
            }
            PartnerAction::Reject => ("deny", json!({"deny_reason": why})),
            PartnerAction::Ready => ("ready", json!({})),
            PartnerAction::Delay => {
                ("update-ready-time", json!({"ready_for_pickup_time": ready_at}))
            }
            PartnerAction::Receive => return UNHEARD,
            PartnerAction::PickedUp => return Wording::Skip("Uber's courier says so"),
        };
        match line.under(&["order", saying.external_id, action]) {
            Some(url) => Wording::say(with_json(Method::POST, url, &body)),
            None => Wording::Cannot("base_url cannot be built upon"),
        }
    }
}
