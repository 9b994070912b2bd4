//! What is said, what is answered, and what is known afterwards.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Method, StatusCode, Url, header::HeaderMap};

use crate::outbound::Verdict;

/// What is to be said.
#[derive(Clone, Debug)]
pub struct Request {
    /// How.
    pub method: Method,
    /// To whom. Without a name and password in it.
    pub url: Url,
    /// With what. Values that are secret are marked as sensitive, and shown to nobody.
    pub headers: HeaderMap,
    /// What.
    pub body: Body,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// Something that may be looked at later, without what is nobody's business.
    Plain(Bytes),
    /// Something that nobody may look at: a password, say.
    Secret(Bytes),
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was read.
    pub body: Bytes,
}

/// One request, and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was said.
    pub request: Request,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What was answered; else why nothing was. Safe to show.
    pub answer: Result<Answer, String>,
    /// Whether nothing can have arrived: no connection came about.
    pub never_left: bool,
    /// What follows from it.
    pub verdict: Verdict,
}

impl Exchange {
    /// Whether whoever was asked seems to be down. Who answers that we are wrong, or too many, is there.
    pub fn is_down(&self) -> bool {
        self.answer.as_ref().map_or(true, |it| it.status.is_server_error())
    }
}

/// What became of the wish to say something.
#[derive(Debug)]
pub enum Attempt {
    /// It was said, or at least tried.
    Made(Box<Exchange>),
    /// Nothing was sent: the host has failed too often, and is left alone until then.
    Spared(Timestamp),
}
