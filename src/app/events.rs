//! Events as they come from the bus.

use metrics::counter;
use serde::de::DeserializeOwned;

use crate::{
    app::Failure,
    domain::{Envelope, EventError},
    telemetry::metric,
};

/// Reads an event for a consumer, which is named in the metric. `None`: a newer release made it, and this one has to skip it. It is
/// counted.
pub fn read<O: DeserializeOwned>(
    body: &[u8],
    consumer: &'static str,
) -> Result<Option<Envelope<O>>, Failure> {
    match Envelope::read(body) {
        Ok(event) => Ok(Some(event)),
        Err(EventError::UnknownType(event_type)) => {
            counter!(metric::EVENTS_UNKNOWN, "consumer" => consumer).increment(1);
            tracing::debug!(consumer, "an event of the unknown type {event_type:?} is skipped");
            Ok(None)
        }
        Err(error @ EventError::Malformed(_)) => Err(Failure::Internal(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Order;

    #[test]
    fn an_event_of_a_newer_release_is_skipped_and_a_malformed_one_is_not() {
        let newer = br#"{"eventId":"evt_00000000000000000000000000000001","eventType":"MenuPublished","data":{}}"#;
        assert!(matches!(read::<Order>(newer, "test"), Ok(None)));
        let known = br#"{"eventId":"evt_00000000000000000000000000000001","eventType":"OrderCreated","data":{}}"#;
        assert!(matches!(read::<Order>(known, "test"), Err(Failure::Internal(_))));
    }
}
