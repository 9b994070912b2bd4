//! Tells an endpoint something, once.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};

use crate::{
    app::{App, credentials},
    base::standard_webhooks,
    domain::EndpointFormat,
    outbound::{self, Body, Exchange, Request, Verdict},
    store::endpoints::{ClaimedDelivery, Endpoint},
};

/// Something to be told, and to whom.
pub struct Parcel {
    /// What was claimed.
    pub due: ClaimedDelivery,
    /// Who is told.
    pub endpoint: Arc<Endpoint>,
    /// In their words; else why there are none.
    pub payload: Result<Payload, String>,
}

/// What an endpoint is sent.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The body, in its format.
    pub body: Bytes,
    /// The W3C trace that it belongs to.
    pub traceparent: Option<Box<str>>,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was tried.
    pub due: ClaimedDelivery,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What was answered, or why nothing was.
    pub seen: Seen,
    /// Not before which moment to try again, where the endpoint said so.
    pub not_before: Option<Timestamp>,
    /// Whether the endpoint seems to be down, or has too much.
    pub is_tired: bool,
    /// What is at fault when it failed.
    pub fault: Fault,
}

/// What is at fault when a delivery fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The endpoint, or the way to it: it counts against the endpoint, and is tried again by the schedule.
    Endpoint,
    /// The event cannot be put into words: nothing was sent, and no later attempt can succeed.
    Event,
    /// This program: it is tried again by the schedule.
    Program,
}

impl Outcome {
    /// Nothing was sent, or it is unknown whether anything was.
    fn unsent(due: &ClaimedDelivery, at: Timestamp, why: String, fault: Fault) -> Self {
        let (took, seen) = (Duration::ZERO, Seen::nothing(why));
        Self { due: due.clone(), at, took, seen, not_before: None, is_tired: false, fault }
    }

    /// The attempt panicked.
    pub fn panicked(app: &App, parcel: &Parcel) -> Self {
        let why = "the attempt failed by a fault of this program; see its log".to_owned();
        Self::unsent(&parcel.due, app.clock.now(), why, Fault::Program)
    }
}

/// Makes one attempt.
pub async fn send(app: &App, parcel: &Parcel) -> Outcome {
    let Parcel { due, endpoint, payload } = parcel;
    let at = app.clock.now();
    // The same over all attempts, replays too.
    let id = due.id.to_string();
    let payload = match payload {
        Ok(payload) => payload,
        Err(why) => {
            tracing::error!(
                delivery.id = id, event.id = %due.event_id,
                "a webhook delivery fails for good: {why}"
            );
            return Outcome::unsent(due, at, why.clone(), Fault::Event);
        }
    };
    match post(app, endpoint, &id, payload).await {
        Ok(exchange) => {
            let not_before = match exchange.verdict {
                Verdict::Again { not_before } => not_before,
                Verdict::Done | Verdict::Never => None,
            };
            let (took, is_down) = (exchange.took, exchange.is_down());
            let seen = Seen::of(app, exchange);
            let is_tired = is_down || seen.status == Some(StatusCode::TOO_MANY_REQUESTS.as_u16());
            let due = due.clone();
            Outcome { due, at, took, seen, not_before, is_tired, fault: Fault::Endpoint }
        }
        Err(why) => Outcome::unsent(due, at, why, Fault::Endpoint),
    }
}

/// What may be shown of an answer.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The answer's status.
    pub status: Option<u16>,
    /// How the answer begins.
    pub answer: Option<String>,
    /// Why there was none.
    pub error: Option<String>,
}

impl Seen {
    /// What came of a request.
    pub fn of(app: &App, exchange: Exchange) -> Self {
        let answer = match exchange.answer {
            Ok(answer) => answer,
            Err(why) => return Self::nothing(why),
        };
        let kept = answer.body.get(..app.config.endpoints.answer_bytes);
        let text = String::from_utf8_lossy(kept.unwrap_or(&answer.body));
        // PostgreSQL has no such character.
        let text = text.replace('\0', "\u{fffd}");
        Self { status: Some(answer.status.as_u16()), answer: Some(text), error: None }
    }

    /// There was no answer.
    pub const fn nothing(why: String) -> Self {
        Self { status: None, answer: None, error: Some(why) }
    }

    /// Whether the endpoint has it.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|it| (200..300).contains(&it))
    }

    /// Whether the endpoint says that it is there no more.
    pub fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE.as_u16())
    }
}

/// Tells an endpoint something, signed with every secret that is active.
pub async fn post(
    app: &App,
    endpoint: &Endpoint,
    id: &str,
    payload: &Payload,
) -> Result<Exchange, String> {
    let now = app.clock.now();
    let keys = signing_keys(app, endpoint, now)
        .ok_or("its secret cannot be opened: this server lacks the key that sealed it")?;
    let mut request = Request {
        method: Method::POST,
        url: endpoint.url.parse().map_err(|_| "its address is no URL")?,
        headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type(endpoint.format))]),
        body: Body::Plain(payload.body.clone()),
    };
    outbound::trace(&mut request.headers, payload.traceparent.as_deref());
    outbound::sign(&mut request, &keys, id, now.as_second());
    Ok(app.endpoints.make(request).await)
}

/// What an endpoint's deliveries are signed with now; `None` when this server cannot open one of its secrets.
pub fn signing_keys(app: &App, endpoint: &Endpoint, now: Timestamp) -> Option<Vec<Vec<u8>>> {
    let former = endpoint.former.as_ref().filter(|(_, until)| now < *until);
    let sealed = [Some(&endpoint.sealed), former.map(|(sealed, _)| sealed)];
    let key = |sealed: &Vec<u8>| {
        let secret = credentials::open(app, endpoint.id.uuid().as_bytes(), sealed)?;
        standard_webhooks::key(&secret)
    };
    sealed.into_iter().flatten().map(key).collect()
}

fn content_type(format: EndpointFormat) -> HeaderValue {
    HeaderValue::from_static(match format {
        EndpointFormat::Standard => "application/json",
        EndpointFormat::CloudEvents => "application/cloudevents+json; charset=utf-8",
    })
}
