//! Where changes come from that a stored webhook call causes.

use crate::{base::traceparent::TRACEPARENT, domain::TraceContext, store::inbox::Call};

/// The header by which the request was named when the call was stored.
const REQUEST_ID: &str = "x-request-id";

/// They belong to the request that brought the call, and the call is their cause. A call that no request brought stands for itself.
pub fn of(call: &Call) -> TraceContext {
    let id = call.id.to_string();
    let header = |name: &str| call.headers.get(name).map(|value| value.as_str().into());
    TraceContext {
        correlation_id: header(REQUEST_ID).or_else(|| Some(id.as_str().into())),
        causation_id: Some(id.into()),
        traceparent: header(TRACEPARENT),
    }
}
