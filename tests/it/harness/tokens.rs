//! Tokens as an identity provider would make them: signed here, with a library and not with the application.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::harness::client::Client;

/// What the server under test signs with and accepts.
pub const SECRET: &str = "the tests and the server share this secret";

/// 32 bytes in base64, as `openssl rand -base64 32` prints them.
pub const SEALING_KEY: &str = "c2VhbGluZyBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ=";

/// Another one.
pub const OTHER_SEALING_KEY: &str = "YW5vdGhlciBzZWFsaW5nIGtleSBvZiB0aGUgdGVzdHM=";

/// Every scope there is.
pub const ALL_SCOPES: &str = "orders:read orders:write stores:read stores:write inbox:read partners:write webhooks:read \
     webhooks:write notifications:write contacts:write ops";

impl Client {
    /// A token for an hour with these claims beside, or instead of, the usual ones.
    pub fn token(&self, claims: &Value) -> String {
        let now = self.clock.now().as_second();
        let mut all = json!({
            "iss": "orderwire", "aud": "orderwire", "sub": "somebody", "iat": now, "exp": now + 3600,
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        sign(&all, SECRET)
    }

    /// The restaurant's own system: every scope, every store.
    pub fn service(&self) -> String {
        self.service_with(ALL_SCOPES, &["*"])
    }

    /// A system with these scopes for these stores.
    pub fn service_with(&self, scopes: &str, stores: &[&str]) -> String {
        self.token(&json!({"role": "service", "sub": "pos", "scope": scopes, "stores": stores}))
    }

    /// Somebody, or a screen, at this store.
    pub fn staff(&self, store: &str) -> String {
        self.token(&json!({"role": "staff", "sub": "sami", "stores": [store]}))
    }

    /// Somebody at headquarters: all stores, and these scopes.
    pub fn headquarters(&self, scopes: &str) -> String {
        self.token(&json!({"role": "staff", "sub": "hala", "stores": ["*"], "scope": scopes}))
    }

    /// Somebody who orders. [`crate::harness::client::order_for`] is for `sara`.
    pub fn customer(&self, name: &str) -> String {
        self.token(&json!({"role": "customer", "sub": name}))
    }

    /// Somebody who carries orders.
    pub fn courier(&self, name: &str) -> String {
        self.token(&json!({"role": "courier", "sub": name}))
    }
}

/// Signs any claims with any secret.
pub fn sign(claims: &Value, secret: &str) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}
