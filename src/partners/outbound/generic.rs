//! Our own format, for every system without one of its own: Standard Webhooks, to one address. `docs/partners.md` is its contract.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::json;

use crate::{
    base::mac,
    domain::PartnerAction,
    outbound::{Body, Request},
    partners::{
        outbound::{
            Line, Outbound, Saying, Wording,
            contract::{UNHEARD, add, json as with_json},
        },
        verify,
    },
};

/// Whoever takes our own format.
pub(crate) struct Generic;

impl Outbound for Generic {
    fn needs(&self) -> &'static [&'static str] {
        &["secrets"]
    }

    fn login(&self, _line: &Line) -> Option<Request> {
        None
    }

    fn word(&self, saying: &Saying<'_>, line: &Line) -> Wording {
        let telling = saying.telling;
        let kind = match telling.action {
            PartnerAction::Receive => return UNHEARD,
            PartnerAction::Accept => "order.accepted",
            PartnerAction::Reject if telling.was_accepted => "order.cancelled",
            PartnerAction::Reject => "order.rejected",
            PartnerAction::Ready => "order.ready",
            PartnerAction::PickedUp => "order.picked_up",
            PartnerAction::Delay => "order.delayed",
        };
        let body = json!({
            "type": kind,
            "timestamp": saying.now,
            "data": {
                "orderId": saying.order.id,
                "externalId": saying.external_id,
                "number": saying.order.number,
                "readyAt": telling.ready_at,
                "delayMinutes": telling.delay_minutes,
                "reason": telling.reason,
                "contact": saying.contact,
            },
        });
        let mut request = with_json(Method::POST, line.base_url.clone(), &body);
        let Some(key) = line.secrets.first().and_then(verify::decoded_secret) else {
            return Wording::Cannot("the first of partners.generic.secrets is not base64");
        };
        sign(&mut request, &key, &saying.id.to_string(), saying.now.as_second());
        Wording::say(request)
    }
}

/// Standard Webhooks 1.0.0: an id that stays over all attempts, a time that does not, and HMAC-SHA256 over both and the body.
fn sign(request: &mut Request, key: &[u8], id: &str, seconds: i64) {
    let Body::Plain(body) = &request.body else { return };
    let time = seconds.to_string();
    let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    let signature = format!("v1,{}", STANDARD.encode(mac::hmac_sha256(key, &parts)));
    add(request, "webhook-id", id);
    add(request, "webhook-timestamp", &time);
    add(request, "webhook-signature", &signature);
}
