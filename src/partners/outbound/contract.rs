//! What the file of each partner that is told things provides.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::{
    domain::{Order, PartnerAction, PartnerCallId, ReasonCode, Telling},
    outbound::{Answer, Body, Request, Verdict},
    partners::outbound::Line,
};

/// Something to be said to a partner, with all that may be needed for it.
#[derive(Clone, Copy, Debug)]
pub struct Saying<'a> {
    /// The same over all attempts.
    pub id: PartnerCallId,
    /// What.
    pub telling: &'a Telling,
    /// The order as it is now.
    pub order: &'a Order,
    /// The partner's name for it.
    pub external_id: &'a str,
    /// What the partner gave with the order, to be used with our answers; null where it gave nothing.
    pub contact: &'a Value,
    /// Whether the same action was told before.
    pub was_told: bool,
    /// By our clock.
    pub now: Timestamp,
}

impl Saying<'_> {
    /// The code of its reason; `Other` where there is none.
    pub(crate) fn reason(&self) -> ReasonCode {
        self.telling.reason.as_ref().map_or(ReasonCode::Other, |it| it.code)
    }

    /// The words of its reason.
    pub(crate) fn note(&self) -> &str {
        self.telling.reason.as_ref().and_then(|it| it.note.as_deref()).unwrap_or_default()
    }
}

/// How a telling is said.
#[derive(Debug)]
pub enum Wording {
    /// Like this.
    Say(Box<Request>),
    /// Not at all: the partner does not want to hear it. The words are for the operator.
    Skip(&'static str),
    /// It cannot be said, now or ever. The words are for the operator.
    Cannot(&'static str),
}

impl Wording {
    /// With this request.
    pub(crate) fn say(request: Request) -> Self {
        Self::Say(Box::new(request))
    }
}

/// How one partner is told things.
pub trait Outbound: Sync {
    /// The settings that it takes beside `base_url`.
    fn needs(&self) -> &'static [&'static str];

    /// Whether it wants to hear of this at all; else nothing is even written down.
    fn hears(&self, action: PartnerAction) -> bool {
        action != PartnerAction::Receive
    }

    /// The request for a token; `None` where none is needed. Its answer is read by [`crate::partners::outbound::token`], and the
    /// token is sent along as a bearer's.
    fn login(&self, line: &Line) -> Option<Request>;

    /// How it is said.
    fn word(&self, saying: &Saying<'_>, line: &Line) -> Wording;

    /// What follows from an answer, where the partner means something else by it than everybody.
    fn verdict(&self, _answer: &Answer, usual: Verdict, _now: Timestamp) -> Verdict {
        usual
    }

    /// How long a call rests at least before it is tried again.
    fn shortest_pause(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether requests are signed with the partner's credentials.
    fn signs(&self) -> bool {
        false
    }
}

/// A request with a JSON body.
pub(crate) fn json(method: Method, url: Url, body: &Value) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Request { method, url, headers, body: Body::Plain(body.to_string().into()) }
}

/// What is said of a telling that the partner does not [hear](Outbound::hears).
pub(crate) const UNHEARD: Wording = Wording::Skip("this partner does not want to hear it");

/// A request without a body.
pub(crate) fn bare(method: Method, url: Url) -> Request {
    Request { method, url, headers: HeaderMap::new(), body: Body::Empty }
}

/// A form that nobody may look at.
pub(crate) fn secret_form(url: Url, fields: &[(&str, &str)]) -> Request {
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    // A query is written like a form.
    let encoded = Url::parse_with_params("http://form", fields).ok();
    let text = encoded.as_ref().and_then(Url::query).unwrap_or_default();
    let body = Body::Secret(Bytes::from(text.to_owned()));
    Request { method: Method::POST, url, headers, body }
}

/// The request for a token by OAuth 2.0's client credentials (RFC 6749, 4.4).
pub(crate) fn client_credentials(line: &Line, scope: Option<&str>) -> Option<Request> {
    let (id, secret) = line.credentials()?;
    let mut fields =
        vec![("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    fields.extend(scope.map(|it| ("scope", it)));
    Some(secret_form(line.token_url.clone()?, &fields))
}

/// Adds a header, if its value can stand in one.
pub(crate) fn add(request: &mut Request, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        request.headers.insert(HeaderName::from_static(name), value);
    }
}
