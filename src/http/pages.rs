//! The pages, from `static/`: inside the binary in a release, read from the folder in a debug build.

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{app::App, http::problem::Problem};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// Pages and their parts.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { file("index.html", &headers) }))
        .route("/docs", get(|headers: HeaderMap| async move { file("docs.html", &headers) }))
        .route("/kitchen", get(|headers: HeaderMap| async move { file("kitchen.html", &headers) }))
        .route("/ops", get(|headers: HeaderMap| async move { file("ops.html", &headers) }))
        .route(
            "/track/{token}",
            get(|headers: HeaderMap| async move { file("tracking.html", &headers) }),
        )
        .route(
            "/favicon.ico",
            get(|headers: HeaderMap| async move { file("favicon.svg", &headers) }),
        )
        .route("/static/{*path}", get(part))
}

async fn part(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers)
}

/// One file, or 304 where the browser has it.
fn file(path: &str, request: &HeaderMap) -> Response {
    let Some(file) = Files::get(path) else {
        return Problem::not_found("page").into_response();
    };
    let etag = etag(&file);
    let known =
        request.get(header::IF_NONE_MATCH).is_some_and(|it| it.as_bytes() == etag.as_bytes());
    // Revalidated each time, so that a new release shows at once; unchanged files cost a 304.
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_TYPE, content_type(&file)),
        (
            header::ETAG,
            HeaderValue::try_from(etag).unwrap_or_else(|_| HeaderValue::from_static("\"\"")),
        ),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.data.into_owned()).into_response()
}

fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    format!("\"{}\"", hex::encode(hash.get(..16).unwrap_or(&hash)))
}

fn content_type(file: &EmbeddedFile) -> HeaderValue {
    let kind = file.metadata.mimetype();
    let text = kind.starts_with("text/") || kind.ends_with("javascript");
    let full = if text { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    HeaderValue::try_from(full)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}
