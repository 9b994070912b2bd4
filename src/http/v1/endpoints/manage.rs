//! Registering endpoints, changing them, taking them away.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        App,
        endpoints::{self, EndpointChange, NewEndpoint, NewSecret},
    },
    domain::{Actor, EndpointFormat, EndpointId, EventType, StoreId},
    http::{
        caller::Crew,
        extract::{Body, Path},
        problem::{ErrorBody, Problem},
    },
    store::endpoints::{DisabledReason, Endpoint},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(get, change, remove))
        .routes(routes!(rotate))
}

/// Endpoints.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct EndpointList {
    /// The first one added first.
    endpoints: Vec<EndpointBody>,
}

/// One of the restaurant's own systems. Its secret is never shown again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Endpoint)]
struct EndpointBody {
    /// Its id.
    id: EndpointId,
    /// Where it is told.
    url: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Of which events it is told; empty: of all.
    event_types: Vec<EventType>,
    /// Of which stores' events; empty: of all.
    stores: Vec<StoreId>,
    /// In which words.
    format: EndpointFormat,
    /// In which version of the events' format.
    version: String,
    /// Whether it is told of events.
    enabled: bool,
    /// Since when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<DisabledReason>,
    /// Since when nothing but failures came from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// When a delivery succeeded last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_success_at: Option<Timestamp>,
    /// Until when the secret before the present one signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    former_secret_until: Option<Timestamp>,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// By whom.
    created_by: Actor,
    /// When somebody last changed it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The secret, in the answer that made it and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    secret: Option<String>,
}

impl EndpointBody {
    fn of(it: Endpoint, now: Timestamp) -> Self {
        Self {
            id: it.id,
            url: it.url,
            description: it.description,
            event_types: it.event_types,
            stores: it.stores,
            format: it.format,
            version: it.version,
            enabled: it.disabled.is_none(),
            disabled_at: it.disabled.map(|(at, _)| at),
            disabled_reason: it.disabled.map(|(_, reason)| reason),
            failing_since: it.failing_since,
            last_success_at: it.last_success_at,
            former_secret_until: it.former.map(|(_, until)| until).filter(|it| now < *it),
            created_at: it.created_at,
            created_by: it.created_by,
            updated_at: it.updated_at,
            secret: None,
        }
    }
}

/// With its secret, where that was made just now.
fn with_secret(
    app: &App,
    status: StatusCode,
    (endpoint, secret): (Endpoint, Option<SecretString>),
) -> Response {
    let secret = secret.map(|it| it.expose_secret().to_owned());
    let body = EndpointBody { secret, ..EndpointBody::of(endpoint, app.clock.now()) };
    (status, [(header::CACHE_CONTROL, "no-store")], Body(body)).into_response()
}

/// The restaurant's own systems that are told of events.
///
/// Takes the scope `webhooks:read`. Endpoints are seen by who reaches all their stores.
#[utoipa::path(
    get, path = "/endpoints", operation_id = "listEndpoints", tag = "endpoints",
    responses((status = 200, description = "The endpoints, without their secrets.", body = EndpointList))
)]
async fn list(Crew(caller): Crew, State(app): State<App>) -> Result<Body<EndpointList>, Problem> {
    let (endpoints, now) = (endpoints::list(&app, &caller).await?, app.clock.now());
    let endpoints = endpoints.into_iter().map(|it| EndpointBody::of(it, now)).collect();
    Ok(Body(EndpointList { endpoints }))
}

/// Have one of the restaurant's own systems told of events.
///
/// From now on. It is shown each order as staff see it, so let it be as trustworthy as they are. Takes the scope `webhooks:write`.
#[utoipa::path(
    post, path = "/endpoints", operation_id = "addEndpoint", tag = "endpoints", request_body = NewEndpoint,
    responses(
        (status = 201, description = "The endpoint; with its secret if that was made here.", body = EndpointBody),
        (status = 409, description = "There are too many, or there is no key to seal its secret with.", body = ErrorBody),
    )
)]
async fn add(
    Crew(caller): Crew,
    State(app): State<App>,
    Body(new): Body<NewEndpoint>,
) -> Result<Response, Problem> {
    let added = endpoints::add(&app, &caller, new).await?;
    Ok(with_secret(&app, StatusCode::CREATED, added))
}

/// One endpoint.
#[utoipa::path(
    get, path = "/endpoints/{id}", operation_id = "getEndpoint", tag = "endpoints",
    params(("id" = EndpointId, Path, description = "The endpoint.")),
    responses((status = 200, description = "The endpoint, without its secret.", body = EndpointBody))
)]
async fn get(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<EndpointId>,
) -> Result<Body<EndpointBody>, Problem> {
    let endpoint = endpoints::get(&app, &caller, id).await?;
    Ok(Body(EndpointBody::of(endpoint, app.clock.now())))
}

/// Change an endpoint.
///
/// What is left out stays. `"enabled": true` brings a disabled one back: it is at once sent what it was still to be told.
#[utoipa::path(
    patch, path = "/endpoints/{id}", operation_id = "changeEndpoint", tag = "endpoints", request_body = EndpointChange,
    params(("id" = EndpointId, Path, description = "The endpoint.")),
    responses((status = 200, description = "The endpoint as it is now.", body = EndpointBody))
)]
async fn change(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<EndpointId>,
    Body(change): Body<EndpointChange>,
) -> Result<Body<EndpointBody>, Problem> {
    let endpoint = endpoints::change(&app, &caller, id, change).await?;
    Ok(Body(EndpointBody::of(endpoint, app.clock.now())))
}

/// Take an endpoint away at once.
///
/// What it was still to be told is not sent.
#[utoipa::path(
    delete, path = "/endpoints/{id}", operation_id = "removeEndpoint", tag = "endpoints",
    params(("id" = EndpointId, Path, description = "The endpoint.")),
    responses((status = 204, description = "It is told nothing any more."))
)]
async fn remove(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<EndpointId>,
) -> Result<StatusCode, Problem> {
    endpoints::remove(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give an endpoint another secret.
///
/// The present one goes on signing beside it for `endpoints.rotation_overlap`: let the endpoint take both, then only the new one.
#[utoipa::path(
    post, path = "/endpoints/{id}/secret/rotate", operation_id = "rotateEndpointSecret", tag = "endpoints", request_body = NewSecret,
    params(("id" = EndpointId, Path, description = "The endpoint.")),
    responses(
        (status = 200, description = "The endpoint; with its new secret if that was made here.", body = EndpointBody),
        (status = 409, description = "There is no key to seal it with.", body = ErrorBody),
    )
)]
async fn rotate(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<EndpointId>,
    Body(new): Body<NewSecret>,
) -> Result<Response, Problem> {
    let rotated = endpoints::rotate(&app, &caller, id, new).await?;
    Ok(with_secret(&app, StatusCode::OK, rotated))
}
