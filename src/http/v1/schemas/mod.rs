//! `/v1/schemas`: the JSON Schemas of the events. Public, as they are documentation.
//!
//! The files are written by the tests below, and compared with what the domain really says.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    domain::EventType,
    http::{
        extract::{Body, Path},
        problem::{ErrorBody, Problem},
    },
};

#[derive(RustEmbed)]
#[folder = "static/schemas/"]
struct Schemas;

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

/// The event types.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SchemaList {
    /// Each with a schema at `/v1/schemas/{eventType}`.
    schemas: &'static [EventType],
}

/// The event types.
#[utoipa::path(
    get, path = "/schemas", operation_id = "listSchemas", tag = "events", security(()),
    responses((status = 200, description = "Every type that has a schema.", body = SchemaList))
)]
async fn list() -> Body<SchemaList> {
    Body(SchemaList { schemas: EventType::ALL })
}

/// The JSON Schema of one event type.
#[utoipa::path(
    get, path = "/schemas/{event_type}", operation_id = "readSchema", tag = "events", security(()),
    params(("event_type" = EventType, Path, description = "The type: `OrderStatusChanged`.")),
    responses(
        (status = 200, description = "JSON Schema, draft 2020-12.", body = Object, content_type = "application/schema+json"),
        (status = 404, description = "No such type.", body = ErrorBody),
    )
)]
async fn read(Path(name): Path<String>) -> Result<Response, Problem> {
    let known: EventType = name.parse().map_err(|_| Problem::not_found("event type"))?;
    let file = Schemas::get(&format!("{known}.json"));
    let file = file.ok_or_else(|| Problem::not_found("event type"))?;
    let headers = [(header::CONTENT_TYPE, "application/schema+json")];
    Ok((headers, file.data.into_owned()).into_response())
}

#[cfg(test)]
mod tests;
