//! The pages, from `static/`: inside the binary in a release, read from the folder in a debug build.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

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
        .route("/docs/{part}", get(viewer_part))
}

async fn part(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers)
}

/// A file of the viewer that shows the API.
async fn viewer_part(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Ok(Some(file)) = utoipa_swagger_ui::serve(&path, Arc::default()) else {
        return Problem::not_found("page").into_response();
    };
    let mut response =
        answer(&headers, &Sha256::digest(&file.bytes), &file.content_type, file.bytes);
    if file.gzpipped {
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
    }
    response
}

fn file(path: &str, request: &HeaderMap) -> Response {
    let Some(file) = Files::get(path) else {
        return Problem::not_found("page").into_response();
    };
    answer(request, &file.metadata.sha256_hash(), file.metadata.mimetype(), file.data)
}

/// One file, or 304 where the browser has it.
fn answer(request: &HeaderMap, hash: &[u8], mime: &str, data: Cow<'static, [u8]>) -> Response {
    let etag = format!("\"{}\"", hex::encode(hash.get(..16).unwrap_or(hash)));
    let known =
        request.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let is_text = mime.starts_with("text/") || mime.ends_with("javascript");
    // Revalidated each time, so that a new release shows at once; unchanged files cost a 304.
    let headers = [
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (
            header::CONTENT_TYPE,
            if is_text { format!("{mime}; charset=utf-8") } else { mime.to_owned() },
        ),
        (header::ETAG, etag),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, data).into_response()
}
