//! What happens to every request, whatever its route.

use std::time::{Duration, Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use metrics::{counter, histogram};
use tower_http::{
    cors::{AllowOrigin, CorsLayer},
    request_id::{MakeRequestId, RequestId},
};
use tracing::Span;

use crate::{
    app::App,
    base::traceparent::{self, Traceparent},
    http::problem::Problem,
    telemetry::metric,
};

/// Names one request in answers and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the trace that a request belongs to.
pub const TRACEPARENT: HeaderName = HeaderName::from_static(traceparent::TRACEPARENT);

/// The longest request id that is taken over from a caller.
const LONGEST_REQUEST_ID: usize = 64;

/// Removes what a caller may not choose: a request id that is not harmless, and a trace that is not valid.
pub fn sanitise(mut request: Request) -> Request {
    let headers = request.headers_mut();
    if !headers.get(REQUEST_ID).is_some_and(is_harmless) {
        headers.remove(REQUEST_ID);
    }
    let mut named = headers.get_all(TRACEPARENT).iter();
    let only = named.next().filter(|_| named.next().is_none());
    let trace = only.and_then(|value| Traceparent::parse(value.to_str().ok()?));
    headers.remove(TRACEPARENT);
    // As version 00 writes it.
    if let Some(value) = trace.and_then(|trace| HeaderValue::from_str(trace.as_str()).ok()) {
        headers.insert(TRACEPARENT, value);
    }
    request
}

/// Gives an id to a request that has none.
#[derive(Clone)]
pub struct RequestIds(pub App);

impl MakeRequestId for RequestIds {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        let id = self.0.mint.uuid(self.0.clock.now()).simple().to_string();
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

/// What the log lines of one request have in common.
pub fn span<B>(request: &axum::http::Request<B>) -> Span {
    let header = |name| request.headers().get(name)?.to_str().ok();
    let trace = header(TRACEPARENT).and_then(Traceparent::parse);
    tracing::info_span!(
        "request",
        id = header(REQUEST_ID),
        trace.id = trace.as_ref().map(Traceparent::trace_id),
        method = request.method().as_str(),
        route = request.extensions().get().map(MatchedPath::as_str),
    )
}

/// Logs how a request was answered.
pub fn log<B>(response: &axum::http::Response<B>, took: Duration, _span: &Span) {
    let status = response.status().as_u16();
    let millis = took.as_secs_f64() * 1000.0;
    if response.status().is_server_error() {
        tracing::warn!(status, millis, "the request failed");
    } else {
        tracing::debug!(status, millis, "the request was answered");
    }
}

/// Bounds and counts one request.
pub async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = label(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let started = Instant::now();
    let answer = tokio::time::timeout(*app.config.http.request_timeout, next.run(request));
    let response = answer.await.unwrap_or_else(|_| {
        Problem::unavailable("The request took too long. Look before you try again.")
            .into_response()
    });
    let status = response.status().as_u16().to_string();
    histogram!(metric::HTTP_SECONDS, "method" => method, "route" => route.clone())
        .record(started.elapsed().as_secs_f64());
    counter!(metric::HTTP_REQUESTS, "method" => method, "route" => route, "status" => status)
        .increment(1);
    response
}

/// Headers that make browsers careful with our pages and answers.
pub async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Which other sites' pages may call the API, by the methods that its routes take.
pub fn cors(origins: &[String], methods: Vec<Method>) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods(methods)
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            TRACEPARENT,
        ])
        .expose_headers([header::ETAG, header::RETRY_AFTER, REQUEST_ID])
        .max_age(Duration::from_hours(1));
    if origins.iter().any(|it| it == "*") {
        return layer.allow_origin(AllowOrigin::any());
    }
    layer.allow_origin(AllowOrigin::list(origins.iter().filter_map(|it| it.parse().ok())))
}

/// A handler panicked: that is a bug of ours, and the caller gets the envelope all the same.
pub fn after_panic(_cause: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}

fn is_harmless(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    !bytes.is_empty() && bytes.len() <= LONGEST_REQUEST_ID && bytes.iter().all(plain)
}

/// Anybody can make up methods, and every label is kept for good.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
