//! The OpenAPI 3.1 document, generated from the handlers, so that the two cannot drift apart.

mod complete;

use axum::{Json, Router, http::Method, routing::get};
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    app::App,
    channels::Channel,
    http::{openapi::complete::complete, problem::ErrorBody},
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Orderwire",
        description = "Real-time order tracking and notification for restaurants.\n\nEvery failure is answered with `{\"error\": {\"code\", \"message\", \"details\"}}` and an `x-request-id` header.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "This server.")),
    tags(
        (name = "orders", description = "Place, read, move and share orders."),
        (name = "live", description = "Watch orders as they move."),
        (name = "stores", description = "The stores of the restaurant."),
        (name = "partners", description = "Partners: their names for our stores, their credentials, what they are told, and how each of them fares."),
        (name = "webhooks", description = "Calls of partners."),
        (name = "notifications", description = "What people are told of their orders."),
        (name = "contacts", description = "What people have agreed to, and what is known of them."),
        (name = "endpoints", description = "The restaurant's own systems, and what they are told of events."),
        (name = "tokens", description = "Tokens made by this server."),
        (name = "events", description = "The events and their schemas."),
    ),
    components(schemas(Channel, ErrorBody)), // named by parameters and by `complete` alone, which are not searched
    modifiers(&Bearer),
    security(("token" = [])),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A customer's, staff's, service's, courier's or tracking token."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Takes the document off the routes, with the methods that they take.
pub fn split(routes: OpenApiRouter<App>) -> (Router<App>, OpenApi, Vec<Method>) {
    let (_, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .nest("/v1", routes.clone())
        .split_for_parts();
    // The router's way to say that a parameter may hold slashes; the document has none.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(at, it)| (at.replace("{*", "{"), it)).collect();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    complete(&mut document);
    let methods = complete::methods(&mut document);
    (routes.into(), document, methods)
}

/// Where the document is served.
pub fn routes(document: OpenApi) -> Router<App> {
    Router::new().route("/openapi.json", get(|| async move { Json(document) }))
}
