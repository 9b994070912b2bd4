//! The settings of what we say to the restaurant's own systems.

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
    /// What we say to the restaurant's own systems.
    pub struct Endpoints as "endpoints" {
        /// How many endpoints there may be.
        most: u32 = 200, in 1, 100_000;
        /// Whether an endpoint may be `http://`: for development only.
        allow_http: bool = false;
        /// Networks beside the public internet where endpoints may be: `["10.0.0.0/8"]`.
        allow_private: Vec<Net> = Vec::new();
        /// How long an endpoint may take to take a connection.
        connect_timeout: Span = Span::secs(3), in Span::millis(10), Span::secs(60);
        /// How long an endpoint may take to answer.
        timeout: Span = Span::secs(15), in Span::millis(10), Span::secs(60);
        /// Deliveries under way at once to one endpoint, from one process. Each failure in a row halves it.
        at_once: usize = 16, in 1, 1000;
        /// Deliveries under way at once to all endpoints together, from one process; the rest wait in the store.
        at_once_in_all: usize = 2048, in 1, 100_000;
        /// The pauses before a delivery is tried again; it is given up when the last attempt fails. Up to a tenth is added to each.
        retry_after: Spans = Spans(RETRY_AFTER.map(Span::secs).to_vec());
        /// Failures in a row (no answer, 5xx or 429) after which an endpoint is left alone.
        breaker_failures: u32 = 5, in 1, 1000;
        /// How long it is left alone; then one delivery goes to see whether it is back.
        breaker_rest: Span = Span::secs(30), in Span::millis(10), Span::secs(3600);
        /// How long nothing but failures may come from an endpoint before it is disabled.
        disable_after: Span = Span::secs(5 * 86_400), in Span::secs(1), Span::secs(365 * 86_400);
        /// How long the former secret signs too after a rotation.
        rotation_overlap: Span = Span::secs(86_400), in Span::secs(0), Span::secs(30 * 86_400);
        /// What the delivery log keeps of an answer, in bytes.
        answer_bytes: usize = 1024, in 0, 65_536;
        /// How long the delivery log keeps what is settled.
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
