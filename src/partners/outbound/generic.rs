//! Our own format, for every system without one of its own: Standard Webhooks, to one address. `docs/partners.md` is its contract.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    domain::PartnerAction,
    outbound::{self, Request},
    partners::{
        outbound::{
            Asking, Inquiry, Line, Outbound, Saying, Wording,
            contract::{UNHEARD, bare, json as with_json},
        },
        scheme::signing_key,
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
        let Some(key) = line.secrets.iter().find_map(signing_key) else {
            return Wording::Cannot("no secret of this partner is base64");
        };
        outbound::sign(&mut request, &[key], &saying.id.to_string(), saying.now.as_second());
        Wording::say(request)
    }

    fn signs(&self) -> bool {
        true
    }
}

/// `GET …/orders/{externalId}` and `GET …/orders`, signed like our calls, over an empty body.
impl Inquiry for Generic {
    fn about_order(
        &self,
        external_id: &str,
        _contact: &Value,
        asking: &Asking<'_>,
    ) -> Option<Request> {
        signed(asking, &["orders", external_id])
    }

    /// The answer says in `status`, `delivery` and `payment` what stands in `data` of a call of each kind.
    fn said_of_order(&self, external_id: &str, answer: Value) -> Vec<Value> {
        let axis = |kind: &str, pointer: &str| {
            let mut data = match answer.pointer(pointer)? {
                Value::Object(data) => data.clone(),
                status => Map::from_iter([("status".to_owned(), status.clone())]),
            };
            data.insert("externalId".to_owned(), json!(external_id));
            data.get("status")?;
            Some(json!({"type": kind, "data": data}))
        };
        let said = [
            axis("payment.status", "/payment"),
            axis("order.status", "/status"),
            axis("delivery.status", "/delivery"),
        ];
        said.into_iter().flatten().collect()
    }

    fn about_open(&self, asking: &Asking<'_>) -> Option<Request> {
        signed(asking, &["orders"])
    }

    /// Each of `orders` is what stands in `data` of `order.placed`, and says besides where it stands.
    fn said_of_open(&self, mut answer: Value) -> Vec<Value> {
        let orders = answer.get_mut("orders").and_then(Value::as_array_mut).map(std::mem::take);
        let said = |mut order: Value| {
            let name = order.pointer("/externalId").and_then(Value::as_str).map(str::to_owned);
            let later = name.map_or_else(Vec::new, |it| self.said_of_order(&it, order.clone()));
            // What it was when it was placed is the same each time it is asked for, and so kept once.
            if let Some(order) = order.as_object_mut() {
                order.retain(|field, _| field != "status" && field != "delivery");
            }
            std::iter::once(json!({"type": "order.placed", "data": order})).chain(later)
        };
        orders.unwrap_or_default().into_iter().flat_map(said).collect()
    }
}

fn signed(asking: &Asking<'_>, path: &[&str]) -> Option<Request> {
    let key = asking.line.secrets.iter().find_map(signing_key)?;
    let mut request = bare(Method::GET, asking.line.under(path)?);
    outbound::sign(&mut request, &[key], asking.id, asking.now.as_second());
    Some(request)
}
