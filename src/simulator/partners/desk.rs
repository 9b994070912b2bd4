//! The partners' own interfaces: what we tell and ask them goes here.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    base::mac,
    simulator::partners::{
        partner::Partner,
        state::Partners,
        voice::{Answers, Heard},
    },
};

/// How long a token is good, in seconds.
const TOKEN_LIFE: u32 = 1800;

/// One address for all of them, each below its name.
pub fn router(partners: Partners) -> Router {
    Router::new().fallback(hear).with_state(partners)
}

async fn hear(
    State(partners): State<Partners>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut path = uri.path().split('/').filter(|it| !it.is_empty());
    let slug = path.next().unwrap_or_default();
    let Some(partner) = Partner::ALL.into_iter().find(|it| it.slug() == slug) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let path: Vec<&str> = path.collect();
    if matches!(path.as_slice(), ["token"] | ["v2", "login"]) {
        let token = json!({"access_token": partners.0.token, "expires_in": TOKEN_LIFE});
        return Json(token).into_response();
    }
    if !partners.believe(partner, &headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if method == Method::GET {
        return partners
            .answer(partner, &path)
            .map(Json)
            .ok_or(StatusCode::NOT_FOUND)
            .into_response();
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    partners.hear(partner, &Heard { method: &method, path: &path, body: &body }).into_response()
}

impl Partners {
    /// Whether it is us: by the token that was given out, or by our signature where there is none.
    fn believe(&self, partner: Partner, headers: &HeaderMap, body: &[u8]) -> bool {
        let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
        if partner != Partner::Generic {
            let token = text(AUTHORIZATION.as_str()).and_then(|it| it.strip_prefix("Bearer "));
            return token.is_some_and(|it| mac::same(it.as_bytes(), self.0.token.as_bytes()));
        }
        let signed = || {
            let seconds = text("webhook-timestamp")?.parse().ok()?;
            let at = jiff::Timestamp::from_second(seconds).ok()?;
            let secret = self.secret(partner)?;
            let proof = partner.voice().proof(secret, text("webhook-id")?, at, body);
            let shown = text("webhook-signature")?;
            Some(proof.iter().any(|(_, it)| mac::same(it.as_bytes(), shown.as_bytes())))
        };
        signed().unwrap_or(false)
    }

    fn answer(&self, partner: Partner, path: &[&str]) -> Option<Value> {
        let voice = partner.voice();
        match (path, voice.answers()) {
            (["orders"], Answers::OpenOrders) => Some(json!({"orders": self.open(partner)})),
            (
                ["orders", name] | ["v1", "orders", name],
                Answers::OneOrder | Answers::OpenOrders,
            ) => {
                let entry = self.0.book.get(&(partner, (*name).to_owned()))?;
                Some(voice.answer(&entry, &entry.standing()))
            }
            _ => None,
        }
    }

    fn open(&self, partner: Partner) -> Vec<Value> {
        let all = self.0.book.iter();
        all.filter(|it| it.partner == partner && it.order.is_some())
            .filter_map(|it| Some((it.standing(), it)).filter(|(it, _)| !it.status.is_terminal()))
            .map(|(standing, it)| partner.voice().answer(&it, &standing))
            .collect()
    }

    fn hear(&self, partner: Partner, heard: &Heard<'_>) -> StatusCode {
        let Some(told) = partner.voice().hear(heard) else {
            return StatusCode::UNPROCESSABLE_ENTITY;
        };
        let entry = self.0.book.get(&(partner, told.name));
        let Some(entry) = entry else { return StatusCode::NOT_FOUND };
        if entry.tell(told.action, told.ours) {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
