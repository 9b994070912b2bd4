//! Partners: their bodies, and calls signed as each of them signs.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{
    client::{Answer, Client, answer},
    third_party::{Written, hex, openssl_hmac},
};

/// The partners that the application knows.
pub const PARTNERS: [&str; 3] = ["careem", "deliveroo", "generic"];
/// Careem's static key.
pub const CAREEM: &str = "careem-key-of-the-tests";
/// Deliveroo's secret.
pub const DELIVEROO: &str = "deliveroo-secret-of-the-tests";
/// What stands behind `whsec_`, decoded.
pub const GENERIC: &[u8] = b"the generic partner's secret key";

/// The active secrets of a partner, as the settings want them.
pub fn secret(partner: &str) -> String {
    match partner {
        "careem" => CAREEM.to_owned(),
        "deliveroo" => DELIVEROO.to_owned(),
        "generic" => format!("whsec_{}", BASE64_STANDARD.encode(GENERIC)),
        other => panic!("{other} has no secret"),
    }
}

/// Who makes the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// `openssl`, a process for each call: proves that we agree with others.
    Openssl,
    /// This process: for volume.
    InProcess,
}

/// One call, ready to be sent as often as one likes.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whose.
    pub partner: String,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// Byte for byte.
    pub body: Vec<u8>,
}

impl Client {
    /// A call of this partner under this event id, signed now, in this process.
    pub fn webhook(&self, partner: &str, event_id: &str, body: &Value) -> Call {
        let body = body.to_string().into_bytes();
        signed(partner, event_id, self.clock.now().as_second(), body, Signer::InProcess)
    }

    /// Says which store the generic partner means by a name.
    pub async fn name_store(&self, name: &str, store: &str) {
        let path = format!("/v1/mappings/generic/stores/{name}");
        self.put(&path, &self.service(), &json!({"storeId": store})).await.expect(200);
    }

    /// Sends a call.
    pub async fn deliver(&self, call: &Call) -> Answer {
        answer(self.delivery(call)).await
    }

    /// A call as a request to build on.
    pub fn delivery(&self, call: &Call) -> RequestBuilder {
        let path = format!("/v1/webhooks/{}", call.partner);
        let request = self.request(Method::POST, &path).body(call.body.clone());
        let request = request.header("content-type", "application/json");
        call.headers.iter().fold(request, |it, (name, value)| it.header(name, value))
    }
}

/// What the generic partner says of a new order.
pub fn order_placed(external_id: &str, store: &str) -> Value {
    json!({"type": "order.placed", "timestamp": "2026-11-20T18:00:00Z", "data": {
        "externalId": external_id, "storeId": store, "fulfilment": "delivery",
        "items": [
            {"sku": "itm-9", "name": {"en": "Burger", "ar": "برغر"}, "quantity": 2, "unitPrice": "4.250"},
            {"sku": "itm-4", "name": "Fries", "quantity": 1, "unitPrice": {"amount": 1360}, "note": "no salt"},
        ],
        "customer": {"name": "Sara Haddad", "phone": "+962790000001"},
        "payment": {"method": "partner", "status": "captured"},
    }})
}

/// Signs as the partner does; `time` is in seconds since 1970 and only looked at where the time is signed.
pub fn signed(partner: &str, event_id: &str, time: i64, body: Vec<u8>, signer: Signer) -> Call {
    let headers = match partner {
        "careem" => vec![("x-careem-api-key", CAREEM.to_owned())],
        "deliveroo" => {
            let message = [event_id.as_bytes(), b" ", &body].concat();
            let signature = mac(DELIVEROO.as_bytes(), &message, Written::Hex, signer);
            vec![
                ("x-deliveroo-sequence-guid", event_id.to_owned()),
                ("x-deliveroo-hmac-sha256", signature),
            ]
        }
        "generic" => {
            let message = [format!("{event_id}.{time}.").as_bytes(), &body].concat();
            let signature = mac(GENERIC, &message, Written::Base64, signer);
            vec![
                ("webhook-id", event_id.to_owned()),
                ("webhook-timestamp", time.to_string()),
                ("webhook-signature", format!("v1,{signature}")),
            ]
        }
        other => panic!("nobody knows how {other} signs"),
    };
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Call { partner: partner.to_owned(), headers, body }
}

/// HMAC-SHA256 in the writing that is wanted.
pub fn mac(key: &[u8], message: &[u8], written: Written, signer: Signer) -> String {
    if signer == Signer::Openssl {
        return openssl_hmac("sha256", key, message, written).unwrap();
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    let bytes = mac.finalize().into_bytes();
    match written {
        Written::Hex => hex(&bytes),
        Written::Base64 => BASE64_STANDARD.encode(bytes),
    }
}

/// A partner's way to say that its order (by its own id) has this status, in its own words.
pub fn status_body(partner: &str, external_id: &str, word: &str) -> Value {
    match partner {
        "careem" => json!({
            "event_type": "ORDER_STATUS_UPDATED", "details": {"id": external_id, "status": word},
        }),
        "deliveroo" => json!({
            "event": "order.status_update", "body": {"order": {"id": external_id, "status": word}},
        }),
        "generic" => json!({
            "type": "order.status", "data": {"externalId": external_id, "status": word},
        }),
        other => panic!("nobody knows what {other} says"),
    }
}

mod tests {
    use super::*;

    #[test]
    fn both_signers_agree() {
        for partner in PARTNERS {
            let body = status_body(partner, "1", "accepted").to_string().into_bytes();
            let ours = signed(partner, "e1", 1_800_000_000, body.clone(), Signer::InProcess);
            let theirs = signed(partner, "e1", 1_800_000_000, body, Signer::Openssl);
            assert_eq!(ours.headers, theirs.headers);
        }
    }
}
