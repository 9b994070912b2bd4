//! The restaurant's own systems, which are told of events.

use crate::domain::vocabulary::vocabulary;

vocabulary! {
    /// The words in which an endpoint is told of events.
    pub enum EndpointFormat {
        /// The payload of Standard Webhooks: `{type, timestamp, data}`.
        Standard = "standard",
        /// CloudEvents 1.0 in structured mode.
        CloudEvents = "cloudevents",
    }
}
