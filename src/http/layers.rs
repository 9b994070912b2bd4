//! What happens to every request, whatever its route.

use std::time::{Duration, Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use metrics::{counter, histogram};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

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

/// Names, bounds, logs and counts one request.
pub async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = request_id(&app, &request);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |it| it.as_str().to_owned());
    // For those who keep it with what they store.
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let trace = take_trace(request.headers_mut());
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        trace.id = trace.as_ref().map(Traceparent::trace_id),
    );
    let started = Instant::now();
    let answer = tokio::time::timeout(*app.config.http.request_timeout, next.run(request));
    let mut response = answer.instrument(span.clone()).await.unwrap_or_else(|_| {
        Problem::unavailable("The request took too long. Look before you try again.")
            .into_response()
    });
    response.headers_mut().insert(REQUEST_ID, id);
    span.in_scope(|| note(&method, route, response.status(), started.elapsed()));
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

/// The caller's own id where it is harmless, else a new one.
fn request_id(app: &App, request: &Request) -> HeaderValue {
    let harmless = |it: &&HeaderValue| {
        let bytes = it.as_bytes();
        let plain = |it: &u8| it.is_ascii_alphanumeric() || b"-_.".contains(it);
        !bytes.is_empty() && bytes.len() <= LONGEST_REQUEST_ID && bytes.iter().all(plain)
    };
    if let Some(id) = request.headers().get(REQUEST_ID).filter(harmless) {
        return id.clone();
    }
    let id = app.mint.uuid(app.clock.now()).simple().to_string();
    HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// The trace that the caller has named. From here on the header is there only if it is valid, and as version 00 writes it.
fn take_trace(headers: &mut HeaderMap) -> Option<Traceparent> {
    let mut named = headers.get_all(TRACEPARENT).iter();
    let only = named.next().filter(|_| named.next().is_none());
    let trace = only.and_then(|it| Traceparent::parse(it.to_str().ok()?));
    headers.remove(TRACEPARENT);
    if let Some(value) = trace.as_ref().and_then(|it| HeaderValue::from_str(it.as_str()).ok()) {
        headers.insert(TRACEPARENT, value);
    }
    trace
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

fn note(method: &Method, route: String, status: StatusCode, took: Duration) {
    let code = status.as_u16();
    let millis = took.as_secs_f64() * 1000.0;
    if status.is_server_error() {
        tracing::warn!(status = code, millis, "{method} {route} answered {code}");
    } else {
        tracing::debug!(status = code, millis, "{method} {route} answered {code}");
    }
    let method = label(method);
    histogram!(metric::HTTP_SECONDS, "method" => method, "route" => route.clone())
        .record(took.as_secs_f64());
    counter!(metric::HTTP_REQUESTS, "method" => method, "route" => route, "status" => code.to_string())
        .increment(1);
}
