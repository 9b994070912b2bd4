//! The settings of partners, and of requests to them.

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::{
    Span,
    setting::{Setting, Shown, range, section},
};

section! {
    /// Requests to partners.
    pub struct Outbound as "outbound" {
        /// How long a connection to a partner's host may take.
        connect_timeout: Span = Span::secs(3), in Span::millis(10), Span::secs(60);
        /// How long a whole request to a partner may take.
        timeout: Span = Span::secs(10), in Span::millis(10), Span::secs(120);
        /// How much of a partner's answer is read, in bytes.
        answer_bytes: usize = 1024 * 1024, in 1024, 16 * 1024 * 1024;
        /// Calls under way to one partner, from one process.
        at_once: usize = 8, in 1, 1000;
        /// Failures in a row (no answer, or 5xx) that open the circuit of a partner's host.
        breaker_failures: u32 = 5, in 1, 1000;
        /// How long a circuit stays open; then one call is sent as a probe.
        breaker_rest: Span = Span::secs(15), in Span::millis(10), Span::secs(3600);
        /// The delay before the first retry of a call. It doubles with each retry, with random variation.
        first_delay: Span = Span::secs(1), in Span::millis(10), Span::secs(600);
        /// The longest delay between two attempts.
        longest_delay: Span = Span::secs(30), in Span::millis(10), Span::secs(3600);
        /// How often a call is attempted before it is given up.
        attempts: u32 = 30, in 1, 1000;
        /// How long after the event an update may be sent to a partner; then it is given up.
        worth_for: Span = Span::secs(15 * 60), in Span::millis(100), Span::secs(86_400);
        /// How long an open order may have no update before its partner is queried, and the interval of further queries. All open orders
        /// of a partner that can list them are queried at the same interval.
        reconcile_after: Span = Span::secs(180), in Span::millis(100), Span::secs(86_400);
        /// How long settled updates to partners are kept.
        calls_keep: Span = Span::secs(30 * 86_400), in Span::secs(60), Span::secs(3650 * 86_400);
        /// How long the audit log keeps a request and its answer.
        audit_keep: Span = Span::secs(30 * 86_400), in Span::secs(60), Span::secs(3650 * 86_400);
    }
}

/// The settings of one partner: `[partners.deliveroo]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Partner {
    /// Active secrets, several during a rotation. Without a secret the partner's calls are refused.
    pub secrets: Vec<SecretString>,
    /// The URL of our webhook that the partner has on file, if it signs that URL. Default: the public URL and the path.
    pub url: Option<String>,
    /// How far a signed time may differ from our clock.
    pub replay_window: Option<Span>,
    /// How long a store may take to answer an order that contains no deadline. Default: that of the partner's definition.
    pub accept_within: Option<Span>,
    /// The base address of the partner's API. Without it no updates are sent.
    pub base_url: Option<String>,
    /// The address that issues the partner's tokens.
    pub token_url: Option<String>,
    /// Our id or user name at the partner.
    pub client_id: Option<String>,
    /// Our secret or password at the partner.
    pub client_secret: Option<SecretString>,
    /// Hosts besides that of `base_url` that a partner's orders may name for our updates, with their subdomains.
    pub callback_hosts: Vec<String>,
}

impl Partner {
    /// How far a signed time may differ from our clock, by default.
    pub const REPLAY_WINDOW: Span = Span::secs(300);

    /// The bounds of both spans.
    pub(in crate::config) const BOUNDS: (Span, Span) = (Span::secs(1), Span::secs(86_400));
}

/// The settings in [`Partner`], for lists.
pub const PARTNER_SETTINGS: [(&str, &str, &str); 9] = [
    (
        "secrets",
        "[]",
        "Active secrets of the partner, several during a rotation. Without a secret its calls are refused.",
    ),
    (
        "url",
        "not set",
        "The URL of our webhook that the partner has on file, if it signs that URL (Square). Default: `http.public_url` and the path.",
    ),
    ("replay_window", "5m", "How far a signed time may differ from our clock, 1s to 1d."),
    (
        "accept_within",
        "not set",
        "How long a store may take to answer an order that contains no deadline, 1s to 1d. Default: see docs/partners.md.",
    ),
    (
        "base_url",
        "not set",
        "The base address of the partner's API, for updates about its orders. Default: no updates are sent.",
    ),
    ("token_url", "not set", "The address that issues the partner's tokens, if it uses tokens."),
    ("client_id", "not set", "Our id or user name at the partner."),
    ("client_secret", "not set", "Our secret or password at the partner."),
    (
        "callback_hosts",
        "[]",
        "Hosts besides that of `base_url` that a partner's orders may name for our updates (Talabat), with their subdomains.",
    ),
];
