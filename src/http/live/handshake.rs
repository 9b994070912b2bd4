//! The opening handshake of a WebSocket (RFC 6455 section 4.2).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::http::problem::Problem;

/// The version of the protocol that is spoken here, and the only one.
const VERSION: &str = "13";

/// A request that can become a WebSocket.
pub struct Handshake {
    accept: String,
    upgrade: OnUpgrade,
}

impl<S: Send + Sync> FromRequestParts<S> for Handshake {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let wants = parts.method == Method::GET
            && names(headers, header::CONNECTION, "upgrade")
            && names(headers, header::UPGRADE, "websocket")
            && headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|it| it == VERSION);
        let upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| wants);
        let Some(upgrade) = upgrade else {
            return Err(Problem::new(
                StatusCode::UPGRADE_REQUIRED,
                "UPGRADE_REQUIRED",
                "This address speaks WebSocket, version 13: connect with a WebSocket client.",
            ));
        };
        let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).into_iter();
        let key = keys.next().filter(|it| is_key(it)).filter(|_| keys.next().is_none());
        let key = key.ok_or_else(|| {
            Problem::invalid("There must be one Sec-WebSocket-Key, of 16 bytes in Base64.")
        })?;
        Ok(Self { accept: derive_accept_key(key.as_bytes()), upgrade })
    }
}

impl Handshake {
    /// The answer that turns the connection into a WebSocket, and the connection that will be one.
    pub fn accept(self) -> (Response, OnUpgrade) {
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
        ];
        let mut response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
        // Base64 is always a header value.
        if let Ok(accept) = HeaderValue::try_from(self.accept) {
            response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        (response, self.upgrade)
    }
}

/// Whether this is a nonce of 16 bytes in Base64.
fn is_key(value: &HeaderValue) -> bool {
    BASE64_STANDARD.decode(value).is_ok_and(|it| it.len() == 16)
}

/// Whether a header's list holds a word.
fn names(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|it| it.to_str().ok());
    values.flat_map(|it| it.split(',')).any(|it| it.trim().eq_ignore_ascii_case(word))
}
