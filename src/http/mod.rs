//! The edge: everything that speaks HTTP.

mod address;
mod caller;
mod extract;
mod health;
mod layers;
mod live;
mod openapi;
mod pages;
mod paging;
mod problem;
mod server;
mod shape;
mod v1;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, Uri},
    middleware,
};
use tower::{ServiceBuilder, util::MapRequestLayer};
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::RequestBodyTimeoutLayer,
    trace::TraceLayer,
};
use utoipa_axum::router::OpenApiRouter;

pub use self::server::{listen, serve};
use crate::{
    app::App,
    http::{
        layers::{REQUEST_ID, RequestIds},
        problem::Problem,
    },
};

/// What this process serves. Health and metrics are always there.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// Orders, stores, webhooks, pages.
    pub api: bool,
    /// Sockets and event streams.
    pub live: bool,
}

/// Every route, with its layers in one visible order: the last one is the outermost.
pub fn router(app: App, served: Served) -> Router {
    let config = app.config.http.clone();
    let (api, document, methods) = openapi::split(routes(config.webhook_body_limit, served));
    let mut router = Router::new().merge(health::routes());
    if served.api {
        router = router.merge(pages::routes()).merge(openapi::routes(document));
    }
    router
        .nest("/v1", api)
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(config.body_limit))
        .layer(RequestBodyTimeoutLayer::new(*config.body_timeout))
        .layer(CatchPanicLayer::custom(layers::after_panic))
        .layer(layers::cors(&config.cors_origins, methods))
        .layer(middleware::from_fn(layers::harden))
        .layer(
            // The first one is the outermost.
            ServiceBuilder::new()
                .layer(MapRequestLayer::new(layers::sanitise))
                .layer(SetRequestIdLayer::new(REQUEST_ID, RequestIds(app.clone())))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(
                    TraceLayer::new_for_http()
                        .make_span_with(layers::span)
                        .on_request(())
                        .on_response(layers::log)
                        .on_body_chunk(())
                        .on_eos(())
                        .on_failure(()),
                )
                .layer(middleware::from_fn_with_state(app.clone(), layers::measure)),
        )
        .with_state(app)
}

fn routes(webhook_body_limit: usize, served: Served) -> OpenApiRouter<App> {
    let mut routes = OpenApiRouter::new();
    if served.api {
        routes = routes.merge(v1::routes(webhook_body_limit));
    }
    if served.live {
        routes = routes.merge(live::routes());
    }
    routes
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("There is nothing at {}.", uri.path()))
}

async fn wrong_method() -> Problem {
    Problem::of_status(
        StatusCode::METHOD_NOT_ALLOWED,
        "This address does not take that method; `Allow` says which ones.",
    )
}
