//! Tokens: HS256, signed with the secret that the server was given.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// How long they hold: longer than any run.
const SECONDS: u64 = 6 * 3600;

/// Mints tokens.
#[derive(Clone, Debug)]
pub enum Mint {
    /// With the server's secret.
    Secret(Vec<u8>),
    /// No secret was told, only one token: everybody uses it.
    Given(String),
}

impl Mint {
    /// A service that may do everything.
    pub fn service(&self, subject: &str) -> String {
        let scope = "orders:read orders:write stores:read stores:write inbox:read partners:write webhooks:read webhooks:write ops";
        self.sign(&json!({"sub": subject, "role": "service", "scope": scope, "stores": ["*"]}))
    }

    /// Somebody who works at a store.
    pub fn staff(&self, subject: &str, store: &str) -> String {
        self.sign(&json!({"sub": subject, "role": "staff", "stores": [store]}))
    }

    /// A customer.
    pub fn customer(&self, subject: &str) -> String {
        self.sign(&json!({"sub": subject, "role": "customer"}))
    }

    fn sign(&self, claims: &Value) -> String {
        let secret = match self {
            Self::Secret(secret) => secret,
            Self::Given(token) => return token.clone(),
        };
        let now = crate::machine::now() / 1_000_000_000;
        let mut claims = claims.clone();
        for (name, value) in [
            ("iss", json!("orderwire")),
            ("aud", json!("orderwire")),
            ("iat", json!(now)),
            ("exp", json!(now + SECONDS)),
        ] {
            claims[name] = value;
        }
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let head = encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let message = format!("{head}.{}", encode(&claims.to_string()));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac(secret, message.as_bytes())))
    }
}

/// HMAC-SHA256.
pub fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // A key of any length is good.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let mac = mac(b"Jefe", b"what do ya want for nothing?");
        let hex: Vec<String> = mac.iter().map(|it| format!("{it:02x}")).collect();
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex.concat(), known);
    }
}
