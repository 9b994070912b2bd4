//! What goes into verifying and reading a partner's call, and what comes out.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use secrecy::SecretString;

/// A partner's call as it came in.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Looks a header up by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// What follows the partner's name in the path, without slashes around it; empty for most.
    pub rest: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// What a call is held against.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    /// All secrets that are active.
    pub secrets: &'a [SecretString],
    /// The URL that the partner has on file for us, for those who sign it.
    pub url: &'a str,
    /// How far a signed time may be from `now`.
    pub replay_window: Duration,
    /// By our clock.
    pub now: Timestamp,
}

/// What is kept of a call beside its body, by lower-case name: headers, and the rest of its path under [`PATH`].
pub type Kept = BTreeMap<String, String>;

/// The name under which the rest of a call's path is kept. No header can have it.
pub const PATH: &str = ":path";

/// A call that the partner did send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The partner's name for the call, the same over all its attempts; only where it is signed.
    pub event_id: Option<String>,
    /// The body, of a partner who encrypts it.
    pub opened: Option<Vec<u8>>,
}

/// Why a call is not believed. Safe to send to whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A header is missing or empty.
    #[error("the header {0} is missing")]
    MissingHeader(Cow<'static, str>),
    /// A header cannot be understood.
    #[error("the header {0} is malformed")]
    MalformedHeader(Cow<'static, str>),
    /// The partner's name must be followed by the key.
    #[error("the key is missing: the URL ends with it")]
    MissingKey,
    /// No active secret gives this signature.
    #[error("the signature is not valid")]
    BadSignature,
    /// It was signed too long ago, or by a clock that is far ahead.
    #[error("the call was signed at a time too far from now")]
    Stale,
    /// Nobody has configured a secret for this partner that could be used.
    #[error("no secret is configured for this partner")]
    NoSecrets,
}

/// Why a body says nothing that we can use. Never quotes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON.
    #[error("the body is not valid JSON (line {line}, column {column})")]
    NotJson {
        /// Where it ceases to be.
        line: usize,
        /// Where it ceases to be.
        column: usize,
    },
    /// A field that it cannot do without is missing, or not of the right kind.
    #[error("the body has no usable {0}")]
    Lacks(Cow<'static, str>),
}
