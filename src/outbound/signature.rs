//! What stands in the headers of a request beside its own: what proves that it is ours (Standard Webhooks), and its trace.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    base::{standard_webhooks, traceparent::TRACEPARENT},
    outbound::{Body, Request},
};

/// Names the trace that a request belongs to, if it belongs to one.
pub fn trace(headers: &mut HeaderMap, traceparent: Option<&str>) {
    if let Some(value) = traceparent.and_then(|it| HeaderValue::from_str(it).ok()) {
        headers.insert(HeaderName::from_static(TRACEPARENT), value);
    }
}

/// Signs a request as Standard Webhooks 1.0.0 has it: an id that stays over all attempts, a time that does not, and a signature by each
/// key, of which the reader needs to know one. What nobody may look at is not signed.
pub fn sign(request: &mut Request, keys: &[Vec<u8>], id: &str, seconds: i64) {
    let body: &[u8] = match &request.body {
        Body::Plain(body) => body,
        Body::Empty => b"",
        Body::Secret(_) => return,
    };
    let time = seconds.to_string();
    let by = |key: &Vec<u8>| {
        let signature = standard_webhooks::signature(key, id.as_bytes(), time.as_bytes(), body);
        format!("v1,{signature}")
    };
    let signatures = keys.iter().map(by).collect::<Vec<_>>().join(" ");
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", &time), ("webhook-signature", &signatures)]
    {
        // Ids, digits and base64 are all that a header may hold.
        if let Ok(value) = HeaderValue::from_str(value) {
            request.headers.insert(HeaderName::from_static(name), value);
        }
    }
}
