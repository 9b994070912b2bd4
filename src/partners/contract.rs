//! What every partner's file provides.

use jiff::Timestamp;
use secrecy::SecretString;

use crate::domain::News;

/// A partner's call as it came in.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Looks a header up by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// How one partner's calls are verified and read.
pub trait Inbound: Sync {
    /// Whether the partner sent this. `secrets` are all that are active, `now` is by our clock.
    fn verify(
        &self,
        call: &Call<'_>,
        secrets: &[SecretString],
        now: Timestamp,
    ) -> Result<Verified, Rejection>;

    /// What it says. Words that we do not know are news too ([`crate::domain::Report::Unknown`]).
    fn read(&self, body: &[u8]) -> Result<Vec<News>, Unreadable>;
}

/// A call that the partner did send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The partner's name for the call, the same over all its attempts; only where it is signed.
    pub event_id: Option<String>,
}

/// Why a call is not believed. Safe to send to whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A header is missing or empty.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// A header cannot be understood.
    #[error("the header {0} is malformed")]
    MalformedHeader(&'static str),
    /// No active secret gives this signature.
    #[error("the signature is not valid")]
    BadSignature,
    /// It was signed too long ago, or by a clock that is far ahead.
    #[error("the call was signed at a time too far from now")]
    Stale,
    /// Nobody has configured a secret for this partner.
    #[error("no secret is configured for this partner")]
    NoSecrets,
}

/// Why a body says nothing that we can use. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
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
    Lacks(&'static str),
}
