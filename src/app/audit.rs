//! What the audit log keeps of a request and its answer: not what is secret, and not what is a customer's own.

use reqwest::{Url, header::HeaderMap};
use serde_json::Value;

use crate::{
    app::App,
    domain::{AuditId, OrderId, PartnerCallId, StoreId},
    outbound::{Body, Exchange},
    store::audit::{AuditEntry, Headers},
};

/// The longest body that is kept, in bytes: lists of orders are long, and asked for often.
const LONGEST_BODY: usize = 16 * 1024;

/// What stands where something was taken out.
const HIDDEN: &str = "(hidden)";

/// Names of headers and fields that hold secrets, or parts of such names, in small letters and digits only.
const SECRET: &[&str] = &[
    "token",
    "secret",
    "password",
    "authorization",
    "apikey",
    "signature",
    "credential",
    "cookie",
];

/// Parts of names of fields that tell of people.
const PERSONAL: &[&str] = &[
    "phone",
    "mobile",
    "email",
    "address",
    "firstname",
    "lastname",
    "fullname",
    "customer",
    "recipient",
    "street",
    "whatsapp",
    "contactnumber",
    "latitude",
    "longitude",
];

/// Whole names of such fields. `contact` is whatever the partner gave with the order.
const PERSONAL_NAMES: &[&str] =
    &["contact", "lat", "lng", "geo", "location", "gps", "tel", "contacts", "input", "waid"];

/// Whole names of fields that hold secrets, and are parts of harmless ones.
const SECRET_NAMES: &[&str] = &["pin", "otp", "pwd", "jwt", "accesskey"];

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// To whom it goes.
    pub partner: &'a str,
    /// The order, where it is about one.
    pub order_id: Option<OrderId>,
    /// The order's store.
    pub store_id: Option<StoreId>,
    /// What is told with it, where something is.
    pub call_id: Option<PartnerCallId>,
    /// Which try it is, from 1.
    pub attempt: u32,
}

/// An entry of the audit log.
pub fn entry(app: &App, about: &About<'_>, exchange: &Exchange) -> AuditEntry {
    let answer = exchange.answer.as_ref();
    let request = &exchange.request;
    AuditEntry {
        id: AuditId::from_uuid(app.mint.uuid(exchange.at)),
        service: about.partner.to_owned(),
        url: address(&request.url),
        method: request.method.to_string(),
        request_headers: headers(&request.headers),
        request_body: match &request.body {
            Body::Empty => None,
            Body::Plain(bytes) => body(bytes),
            Body::Secret(_) => Some(Value::from(HIDDEN)),
        },
        response_headers: answer.ok().map(|it| headers(&it.headers)),
        response_body: answer.ok().and_then(|it| body(&it.body)),
        status: answer.ok().map(|it| it.status.as_u16()),
        took_ms: u32::try_from(exchange.took.as_millis()).unwrap_or(u32::MAX),
        error: answer.err().cloned(),
        at: exchange.at,
        attempt: about.attempt,
        store_id: about.store_id,
        order_id: about.order_id,
        call_id: about.call_id,
    }
}

/// Without name, password and query.
fn address(url: &Url) -> String {
    let mut shown = url.clone();
    // Only addresses without a host refuse this, and they cannot be asked anything.
    let _always_has_a_host = (shown.set_username(""), shown.set_password(None));
    shown.set_query(None);
    shown.set_fragment(None);
    shown.into()
}

fn headers(headers: &HeaderMap) -> Headers {
    let shown = headers.iter().map(|(name, value)| {
        let hidden = value.is_sensitive() || is_one_of(SECRET, &plain(name.as_str()));
        let text = if hidden { HIDDEN } else { value.to_str().unwrap_or("(not text)") };
        (name.as_str().to_owned(), text.to_owned())
    });
    shown.collect()
}

/// JSON without what may not be shown; of anything else, and of what is long, only how long it was.
fn body(bytes: &[u8]) -> Option<Value> {
    if bytes.is_empty() {
        return None;
    }
    if LONGEST_BODY < bytes.len() {
        return Some(Value::from(format!("({} bytes)", bytes.len())));
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => Some(shown(value)),
        Err(_) => Some(Value::from(format!("({} bytes that are not JSON)", bytes.len()))),
    }
}

fn shown(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let value = if is_hidden(&name) && !value.is_null() {
                    Value::from(HIDDEN)
                } else {
                    shown(value)
                };
                (storable(&name), value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(shown).collect()),
        Value::String(text) if is_telephone(&text) => Value::from(HIDDEN),
        Value::String(text) => Value::from(storable(&text)),
        other => other,
    }
}

/// PostgreSQL has no such character.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn is_hidden(name: &str) -> bool {
    let name = plain(name);
    is_one_of(SECRET, &name)
        || is_one_of(PERSONAL, &name)
        || PERSONAL_NAMES.contains(&name.as_str())
        || SECRET_NAMES.contains(&name.as_str())
        // Whoever's it is: the courier's, the captain's.
        || name.ends_with("name")
}

fn is_one_of(parts: &[&str], name: &str) -> bool {
    parts.iter().any(|it| name.contains(it))
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect()
}

/// `+962 79 000 0000`, wherever it stands.
fn is_telephone(text: &str) -> bool {
    let Some(rest) = text.trim().strip_prefix('+') else { return false };
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    8 <= digits && rest.chars().all(|it| it.is_ascii_digit() || " -()".contains(it))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_secret_or_somebodys_own_is_not_kept() {
        let body = body(
            json!({
                "access_token": "t0ps3cret", "customer": {"name": "Sara"}, "customer_phone": 79,
                "driver": {"fullName": "Omar", "id": "d1"}, "note": "+962 79 000-0001",
                "deliveryAddress": {"line": "12 Rainbow Street"}, "state": "accepted", "phone": null,
                "items": [{"sku": "burger", "recipientName": "x"}], "contact": {"a": 1}, "odd": "a\u{0}b",
            })
            .to_string()
            .as_bytes(),
        );
        let kept = json!({
            "access_token": HIDDEN, "customer": HIDDEN, "customer_phone": HIDDEN,
            "driver": {"fullName": HIDDEN, "id": "d1"}, "note": HIDDEN,
            "deliveryAddress": HIDDEN, "state": "accepted", "phone": null,
            "items": [{"sku": "burger", "recipientName": HIDDEN}], "contact": HIDDEN, "odd": "a\u{fffd}b",
        });
        assert_eq!(body, Some(kept));
    }

    #[test]
    fn of_what_is_long_or_no_json_only_the_length_is_kept() {
        let long = json!(["x".repeat(LONGEST_BODY)]).to_string();
        assert_eq!(body(long.as_bytes()), Some(json!(format!("({} bytes)", long.len()))));
        assert_eq!(body(b""), None);
        assert_eq!(body(b"Sara, 0790000001"), Some(json!("(16 bytes that are not JSON)")));
    }

    #[test]
    fn an_address_is_kept_without_its_query_and_headers_without_their_secrets() {
        let url = "https://me:pw@api.example/orders/7?key=1#x".parse().unwrap();
        assert_eq!(address(&url), "https://api.example/orders/7");
        let mut all = HeaderMap::new();
        all.insert("authorization", "Bearer abc".parse().unwrap());
        all.insert("x-api-key", "abc".parse().unwrap());
        all.insert("branch-id", "br-7".parse().unwrap());
        let kept = headers(&all);
        assert_eq!(kept["authorization"], HIDDEN);
        assert_eq!(kept["x-api-key"], HIDDEN);
        assert_eq!(kept["branch-id"], "br-7");
    }

    proptest::proptest! {
        #[test]
        fn a_secret_is_taken_out_however_deep_it_lies(
            depth in 0_usize..20,
            name in "(access_?|Client-?)?(token|Secret|PASSWORD|phone|e-?mail)[a-z_]{0,5}",
            outer in "[a-z]{1,8}",
        ) {
            let mut value = json!({&name: "t0psecret", "fine": [1, "x"]});
            for _ in 0..depth {
                value = if outer.len() % 2 == 0 { json!({&outer: value}) } else { json!([value]) };
            }
            let kept = body(value.to_string().as_bytes()).unwrap().to_string();
            proptest::prop_assert!(!kept.contains("t0psecret"), "{}", kept);
        }

        #[test]
        fn whatever_is_answered_can_be_kept(bytes: Vec<u8>) {
            let kept = body(&bytes);
            proptest::prop_assert_eq!(kept.is_none(), bytes.is_empty());
        }
    }
}
