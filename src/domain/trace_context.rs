//! Where a change came from: what ties events to the request, call or event that caused them.

use serde::{Deserialize, Serialize};

/// Where a change came from. Everything here may have been chosen by a caller: it is bounded in length, and gives no authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceContext {
    /// Shared by everything that follows from one request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Box<str>>,
    /// The id of the webhook call or event that caused the change directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Box<str>>,
    /// W3C Trace Context, as `base::traceparent` reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Box<str>>,
}

impl TraceContext {
    /// Whether nothing is known.
    pub const fn is_empty(&self) -> bool {
        self.correlation_id.is_none() && self.causation_id.is_none() && self.traceparent.is_none()
    }
}
