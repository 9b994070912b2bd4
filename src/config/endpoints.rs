//! The settings of webhooks to endpoints.

use serde::Deserialize;

use crate::{
    base::net::Net,
    config::{
        Span, Spans,
        setting::{Setting, Shown, range, section},
    },
};

/// Attempts beyond the first, and the longest pause before one.
const MOST_RETRIES: usize = 100;
const LONGEST_PAUSE: Span = Span::secs(7 * 86_400);

/// The schedule of Standard Webhooks 1.0.0, in seconds.
const RETRY_AFTER: [u64; 9] =
    [5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

section! {
    /// Webhooks to endpoints.
    pub struct Endpoints as "endpoints" {
        /// The largest number of endpoints.
        most: u32 = 200, in 1, 100_000;
        /// Whether an endpoint may have an `http://` address. For development only.
        allow_http: bool = false;
        /// Networks besides the public internet that endpoints may be in: `["10.0.0.0/8"]`.
        allow_private: Vec<Net> = Vec::new();
        /// How long a connection to an endpoint may take.
        connect_timeout: Span = Span::secs(3), in Span::millis(10), Span::secs(60);
        /// How long an endpoint may take to answer.
        timeout: Span = Span::secs(15), in Span::millis(10), Span::secs(60);
        /// Deliveries under way to one endpoint, from one process. Each failure in a row halves the number.
        at_once: usize = 16, in 1, 1000;
        /// Deliveries under way to all endpoints together, from one process; the rest wait in the database.
        at_once_in_all: usize = 2048, in 1, 100_000;
        /// The delays before the retries of a delivery. It is given up if the last attempt fails. Up to a tenth is added to each delay.
        retry_after: Spans = Spans(RETRY_AFTER.map(Span::secs).to_vec());
        /// Failures in a row (no answer, 5xx or 429) that open the circuit of an endpoint.
        breaker_failures: u32 = 5, in 1, 1000;
        /// How long a circuit stays open; then one delivery is sent as a probe.
        breaker_rest: Span = Span::secs(30), in Span::millis(10), Span::secs(3600);
        /// How long all attempts at an endpoint may fail before it is disabled.
        disable_after: Span = Span::secs(5 * 86_400), in Span::secs(1), Span::secs(365 * 86_400);
        /// How long the old secret also signs after a rotation.
        rotation_overlap: Span = Span::secs(86_400), in Span::secs(0), Span::secs(30 * 86_400);
        /// How much of an answer is kept with the delivery, in bytes.
        answer_bytes: usize = 1024, in 0, 65_536;
        /// How long settled deliveries are kept.
        keep: Span = Span::secs(30 * 86_400), in Span::secs(60), Span::secs(3650 * 86_400);
    }
}

impl Endpoints {
    /// Names every setting that is out of bounds.
    pub(in crate::config) fn check_all(&self, wrong: &mut Vec<String>) {
        self.check(wrong);
        if MOST_RETRIES < self.retry_after.len() {
            wrong.push(format!("endpoints.retry_after has more than {MOST_RETRIES} spans"));
        }
        if let Some(span) = self.retry_after.iter().find(|it| LONGEST_PAUSE < **it) {
            let must = format!("none may be longer than {LONGEST_PAUSE}");
            wrong.push(format!("endpoints.retry_after holds {span}; {must}"));
        }
    }
}
