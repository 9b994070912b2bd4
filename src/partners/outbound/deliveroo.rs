//! Deliveroo's Partner Platform: OAuth 2.0, the order's status by PATCH. After the acceptance only cancellations by Deliveroo follow.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::{
    domain::{PartnerAction, ReasonCode},
    outbound::Request,
    partners::outbound::{
        Line, Outbound, Saying, Wording,
        contract::{client_credentials, json as with_json},
    },
};

/// Deliveroo.
pub(crate) struct Deliveroo;

/// Deliveroo takes five changes a minute of one order.
const PAUSE: Duration = Duration::from_secs(12);

const fn reason(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::ItemUnavailable => "ingredient_unavailable",
        ReasonCode::TooBusy | ReasonCode::NoAnswer => "busy",
        ReasonCode::Closed => "closing_early",
        ReasonCode::NoCourier
        | ReasonCode::AddressProblem
        | ReasonCode::CustomerRequest
        | ReasonCode::Technical
        | ReasonCode::TestOrder
        | ReasonCode::Other => "other",
    }
}

impl Outbound for Deliveroo {
    fn needs(&self) -> &'static [&'static str] {
        &["token_url", "client_id", "client_secret"]
    }

    fn login(&self, line: &Line) -> Option<Request> {
        client_credentials(line, None)
    }

    fn word(&self, saying: &Saying<'_>, line: &Line) -> Wording {
        let Some(url) = line.under(&["v1", "orders", saying.external_id]) else {
            return Wording::Cannot("base_url cannot be built upon");
        };
        match saying.telling.action {
            PartnerAction::Accept => {
                Wording::say(with_json(Method::PATCH, url, &json!({"status": "accepted"})))
            }
            PartnerAction::Reject if saying.telling.was_accepted => {
                Wording::Cannot("Deliveroo takes no rejection after the acceptance: call them")
            }
            PartnerAction::Reject => {
                let body = json!({
                    "status": "rejected",
                    "reject_reason": reason(saying.reason()),
                    "notes": saying.note(),
                });
                Wording::say(with_json(Method::PATCH, url, &body))
            }
            PartnerAction::Ready | PartnerAction::PickedUp | PartnerAction::Delay => {
                Wording::Skip("Deliveroo has no status for this")
            }
        }
    }

    fn shortest_pause(&self) -> Duration {
        PAUSE
    }
}
