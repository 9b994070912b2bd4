//! The settings of partners: what each is known by, and how they are reached.

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::{
    Span,
    setting::{Setting, Shown, range, section},
};

section! {
    /// What we say to partners by ourselves.
    pub struct Outbound as "outbound" {
        /// How long a partner's host may take to take a connection.
        connect_timeout: Span = Span::secs(3), in Span::millis(10), Span::secs(60);
        /// How long one request to a partner may take in all.
        timeout: Span = Span::secs(10), in Span::millis(10), Span::secs(120);
        /// What is read of a partner's answer, in bytes; the rest is left.
        answer_bytes: usize = 1024 * 1024, in 1024, 16 * 1024 * 1024;
        /// Calls under way at once to one partner, from one process.
        at_once: usize = 8, in 1, 1000;
        /// Failures in a row (no answer, or 5xx) after which a partner's host is left alone.
        breaker_failures: u32 = 5, in 1, 1000;
        /// How long it is left alone; then one call goes to see whether it is back.
        breaker_rest: Span = Span::secs(15), in Span::millis(10), Span::secs(3600);
        /// The delay before a call is tried again; it doubles each time, give or take.
        first_delay: Span = Span::secs(1), in Span::millis(10), Span::secs(600);
        /// The longest delay between two attempts.
        longest_delay: Span = Span::secs(30), in Span::millis(10), Span::secs(3600);
        /// How often a call is tried before it is given up.
        attempts: u32 = 30, in 1, 1000;
        /// How long after it happened a thing is still worth telling; what could not be told by then is given up.
        worth_for: Span = Span::secs(15 * 60), in Span::millis(100), Span::secs(86_400);
        /// How long an open order may stand still before its partner is asked where it is, and how often it is asked then; partners
        /// that can be asked for all their open orders are asked as often.
        reconcile_after: Span = Span::secs(180), in Span::millis(100), Span::secs(86_400);
        /// How long it is kept what partners were told, or were not.
        calls_keep: Span = Span::secs(30 * 86_400), in Span::secs(60), Span::secs(3650 * 86_400);
        /// How long the audit log keeps a request and its answer.
        audit_keep: Span = Span::secs(30 * 86_400), in Span::secs(60), Span::secs(3650 * 86_400);
    }
}

/// What one partner is known by, and how it is reached: `[partners.deliveroo]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Partner {
    /// Active secrets; several during a rotation. None: the partner's calls are refused.
    pub secrets: Vec<SecretString>,
    /// The URL that the partner has on file for us, where it signs that. Left out: the public URL and the path.
    pub url: Option<String>,
    /// How far a signed time may be from ours.
    pub replay_window: Option<Span>,
    /// How long a store may take to answer the partner's orders, where they do not say. Left out: as the partner has it.
    pub accept_within: Option<Span>,
    /// Where the partner's own interface begins. None: the partner is told nothing.
    pub base_url: Option<String>,
    /// Where the partner gives out its tokens.
    pub token_url: Option<String>,
    /// Who we are there.
    pub client_id: Option<String>,
    /// What proves it.
    pub client_secret: Option<SecretString>,
    /// Hosts beside that of `base_url` to which the partner's orders may send our answers, with all that end in a dot and one of them.
    pub callback_hosts: Vec<String>,
}

impl Partner {
    /// How far a signed time may be from ours, when nobody says otherwise.
    pub const REPLAY_WINDOW: Span = Span::secs(300);

    /// What both spans may be.
    pub(in crate::config) const BOUNDS: (Span, Span) = (Span::secs(1), Span::secs(86_400));
}

/// What [`Partner`] holds, for those who print the list.
pub const PARTNER_SETTINGS: [(&str, &str, &str); 9] = [
    (
        "secrets",
        "[]",
        "Active secrets of one partner; several during a rotation. None: its calls are refused.",
    ),
    (
        "url",
        "not set",
        "The URL that the partner has on file for us, where it signs that (Square). Left out: `http.public_url` and the path.",
    ),
    ("replay_window", "5m", "How far a signed time may be from ours, 1s to 1d."),
    (
        "accept_within",
        "not set",
        "How long a store may take to answer the partner's orders, where they do not say, 1s to 1d. Left out: as docs/partners.md has it.",
    ),
    (
        "base_url",
        "not set",
        "Where the partner's own interface begins, for what we tell it of its orders. Left out: it is told nothing.",
    ),
    ("token_url", "not set", "Where the partner gives out its tokens, of those that do."),
    ("client_id", "not set", "Who we are there: an id, or a user's name."),
    ("client_secret", "not set", "What proves it."),
    (
        "callback_hosts",
        "[]",
        "Hosts beside that of `base_url` to which the partner's orders may send our answers (Talabat), with all their subdomains.",
    ),
];
