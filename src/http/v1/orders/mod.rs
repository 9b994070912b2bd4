//! Orders: place, read, move, cancel, recall, reopen, share.

mod act;
mod history;
mod link;
mod place;
mod read;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, channels::Shape, domain::Order, http::extract::Body};

/// The routes of this folder.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(place::place, read::list))
        .routes(routes!(read::read, act::act))
        .routes(routes!(act::cancel))
        .routes(routes!(act::recall))
        .routes(routes!(act::reopen))
        .routes(routes!(history::history))
        .routes(routes!(link::tracking_link))
}

/// An order as the answer, with its version as the entity tag.
fn answer(order: &Order, shape: Shape) -> Response {
    let mut response = Body(shape.view(order)).into_response();
    if let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", order.version)) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
