//! Reads requests. Whatever cannot be read is answered with a problem, never with a library's plain text.

use std::{convert::Infallible, error::Error, iter};

use axum::{
    Json,
    body::Bytes,
    extract::{self, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use tower_http::timeout::TimeoutError;

use crate::{
    app::Detail,
    domain::{TraceContext, Version},
    http::{
        layers::{REQUEST_ID, TRACEPARENT},
        problem::Problem,
    },
};

/// A JSON body, in and out.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// A JSON body, with the bytes that it was read from.
#[derive(Debug)]
pub struct RawBody<T>(pub T, pub Bytes);

/// The named parts of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// The query string.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// `If-Match: "5"`: the version that the caller has seen.
#[derive(Clone, Copy, Debug)]
pub struct IfMatch(pub Option<Version>);

/// Where what the request changes comes from: its id, and the trace that its caller has named. See [`crate::http::layers::sanitise`].
#[derive(Clone, Debug)]
pub struct Trace(pub TraceContext);

impl<S: Send + Sync> FromRequestParts<S> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let header = |name| parts.headers.get(name)?.to_str().ok().map(Into::into);
        Ok(Self(TraceContext {
            correlation_id: header(REQUEST_ID),
            causation_id: None,
            traceparent: header(TRACEPARENT),
        }))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for RawBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::of_status(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the body as application/json.",
            ));
        }
        let bytes = whole_body(request, state).await?;
        let body = read_json(&bytes)?;
        Ok(Self(body, bytes))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        RawBody::from_request(request, state).await.map(|RawBody(body, _)| Self(body))
    }
}

impl<T: Serialize> IntoResponse for Body<T> {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(path)) => Ok(Self(path)),
            Err(error) => Err(Problem::invalid(error.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read_query(&parts.uri).map(Self)
    }
}

/// The query string of an address.
pub fn read_query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    // PostgreSQL has no such character.
    if uri.query().is_some_and(|query| query.contains("%00")) {
        return Err(Problem::invalid("The query holds the character U+0000."));
    }
    match extract::Query::try_from_uri(uri) {
        Ok(extract::Query(query)) => Ok(query),
        Err(error) => Err(Problem::invalid(error.body_text())),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let version = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        match version.and_then(|it| it.parse().ok()) {
            Some(version) => Ok(Self(Some(version))),
            None => Err(Problem::invalid("If-Match takes an order's version in quotes: \"5\".")),
        }
    }
}

/// The bytes of a body, all of them.
pub async fn whole_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|error| {
        let mut causes = iter::successors(error.source(), |&it| it.source());
        if causes.any(<dyn Error>::is::<TimeoutError>) {
            let message = "The rest of the body did not come in time.";
            return Problem::of_status(StatusCode::REQUEST_TIMEOUT, message);
        }
        Problem::of_status(error.status(), error.body_text())
    })
}

/// Whether JSON text holds an escaped U+0000, which PostgreSQL cannot store.
fn holds_nul(json: &[u8]) -> bool {
    let mut escaped = false;
    json.iter().enumerate().any(|(at, byte)| {
        let nul = escaped && json.get(at..).is_some_and(|it| it.starts_with(b"u0000"));
        escaped = *byte == b'\\' && !escaped;
        nul
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = content_type.and_then(|it| it.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if holds_nul(bytes) {
        return Err(Problem::invalid("The character U+0000 cannot be stored; leave it out."));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json);
    let body = read.map_err(|error| {
        let field = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() {
            Problem::faults(vec![Detail { field, message: cause.to_string() }])
        } else {
            Problem::invalid(format!("The body is not JSON: {cause}."))
        }
    })?;
    json.end().map_err(|cause| Problem::invalid(format!("The body is not JSON: {cause}.")))?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_told_from_the_words_for_one() {
        assert!(holds_nul(br#"{"note":"a\u0000b"}"#));
        assert!(holds_nul(br#"{"note":"\\\u0000"}"#));
        assert!(!holds_nul(br#"{"note":"\\u0000"}"#));
        assert!(!holds_nul(br#"{"note":"u0000"}"#));
    }
}
