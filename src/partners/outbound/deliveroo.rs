//! Deliveroo's Partner Platform: OAuth 2.0, a word that the order has come, and its status by PATCH. After the acceptance only cancellations by Deliveroo follow.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    domain::{PartnerAction, ReasonCode},
    outbound::Request,
    partners::outbound::{
        Asking, Inquiry, Line, Outbound, Saying, Wording,
        contract::{UNHEARD, bare, client_credentials, json as with_json},
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

    /// Within three minutes Deliveroo wants to know that the order has come, or counts it as failed.
    fn hears(&self, action: PartnerAction) -> bool {
        matches!(action, PartnerAction::Receive | PartnerAction::Accept | PartnerAction::Reject)
    }

    fn login(&self, line: &Line) -> Option<Request> {
        client_credentials(line, None)
    }

    fn word(&self, saying: &Saying<'_>, line: &Line) -> Wording {
        let url = line.under(&["v1", "orders", saying.external_id]);
        let sync = line.under(&["v1", "orders", saying.external_id, "sync_status"]);
        let (Some(url), Some(sync)) = (url, sync) else {
            return Wording::Cannot("base_url cannot be built upon");
        };
        match saying.telling.action {
            PartnerAction::Receive => {
                let body = json!({"status": "succeeded", "occurred_at": saying.order.placed_at});
                Wording::say(with_json(Method::POST, sync, &body))
            }
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
            PartnerAction::Ready | PartnerAction::PickedUp | PartnerAction::Delay => UNHEARD,
        }
    }

    fn shortest_pause(&self) -> Duration {
        PAUSE
    }
}

impl Inquiry for Deliveroo {
    fn about_order(
        &self,
        external_id: &str,
        _contact: &Value,
        asking: &Asking<'_>,
    ) -> Option<Request> {
        Some(bare(Method::GET, asking.line.under(&["v1", "orders", external_id])?))
    }

    /// The answer is what stands in `body.order` of a call.
    fn said_of_order(&self, external_id: &str, mut answer: Value) -> Vec<Value> {
        let Some(order) = answer.as_object_mut() else { return Vec::new() };
        order.insert("id".to_owned(), json!(external_id));
        vec![json!({"event": "order.status_update", "body": {"order": answer}})]
    }
}
