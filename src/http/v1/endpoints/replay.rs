//! Telling endpoints something once more, or something that says nothing.

use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, endpoints},
    domain::{DeliveryId, EndpointId, EventId, EventType, OrderId, vocabulary},
    http::{
        caller::Crew,
        extract::{Body, Path},
        problem::{ErrorBody, Problem},
    },
    store::endpoints::{DeliveryFilter, DeliveryState},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(replay)).routes(routes!(replay_all)).routes(routes!(ping))
}

vocabulary! {
    /// Which deliveries are sent once more.
    pub enum Which {
        /// Those that were given up.
        Failed = "failed",
        /// Those that went well, too.
        All = "all",
    }
}

/// What is to be sent once more; what is left out does not matter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = DeliveryReplay)]
struct Replay {
    /// Which; left out: `failed`.
    #[serde(default)]
    which: Option<Which>,
    /// Of events of this type.
    #[serde(default)]
    event_type: Option<EventType>,
    /// Of one order.
    #[serde(default)]
    order_id: Option<OrderId>,
    /// Put down at this moment or later.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Put down before this moment.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// What is sent once more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DeliveriesReplayed)]
struct Replayed {
    /// How many deliveries.
    deliveries: u64,
}

/// What came of a ping.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PingBody {
    /// The `webhook-id` that it went under.
    id: EventId,
    /// Whether the endpoint answered with 2xx.
    delivered: bool,
    /// The answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// How many milliseconds it took.
    took_ms: u32,
    /// How the answer begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Send one delivery once more.
///
/// Under the same `webhook-id`, signed anew, on the whole schedule. Takes the scope `webhooks:write`.
#[utoipa::path(
    post, path = "/deliveries/{id}/replay", operation_id = "replayDelivery", tag = "endpoints",
    params(("id" = DeliveryId, Path, description = "The delivery.")),
    responses(
        (status = 202, description = "It is sent in a moment."),
        (status = 409, description = "It is still being tried, or the endpoint is disabled.", body = ErrorBody),
    )
)]
async fn replay(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<DeliveryId>,
) -> Result<StatusCode, Problem> {
    endpoints::replay(&app, &caller, id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Send an endpoint many deliveries once more.
///
/// Those that fit: given up ones or all, of a time, of a kind. The oldest first, at most 10,000 at once: where as many are answered, ask again,
/// with `from` moved on. Takes the scope `webhooks:write`.
#[utoipa::path(
    post, path = "/endpoints/{id}/replay", operation_id = "replayDeliveries", tag = "endpoints", request_body = Replay,
    params(("id" = EndpointId, Path, description = "The endpoint.")),
    responses(
        (status = 202, description = "They are sent in a moment.", body = Replayed),
        (status = 409, description = "The endpoint is disabled.", body = ErrorBody),
    )
)]
async fn replay_all(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<EndpointId>,
    Body(replay): Body<Replay>,
) -> Result<(StatusCode, Body<Replayed>), Problem> {
    let state = match replay.which {
        None | Some(Which::Failed) => Some(DeliveryState::Failed),
        Some(Which::All) => None,
    };
    let filter = DeliveryFilter {
        id: None,
        state,
        event_type: replay.event_type,
        order_id: replay.order_id,
        from: replay.from,
        to: replay.to,
    };
    let deliveries = endpoints::replay_all(&app, &caller, id, &filter).await?;
    Ok((StatusCode::ACCEPTED, Body(Replayed { deliveries })))
}

/// See whether an endpoint can be told anything.
///
/// Sends it `Ping`, signed like everything else, and answers with what came of it within ten seconds. It is tried once. A disabled endpoint is
/// pinged too. Takes the scope `webhooks:write`.
#[utoipa::path(
    post, path = "/endpoints/{id}/ping", operation_id = "pingEndpoint", tag = "endpoints",
    params(("id" = EndpointId, Path, description = "The endpoint.")),
    responses((status = 200, description = "What came of it.", body = PingBody))
)]
async fn ping(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<EndpointId>,
) -> Result<Body<PingBody>, Problem> {
    let pinged = endpoints::ping(&app, &caller, id).await?;
    Ok(Body(PingBody {
        id: pinged.id,
        delivered: pinged.seen.is_success(),
        status: pinged.seen.status,
        took_ms: u32::try_from(pinged.took.as_millis()).unwrap_or(u32::MAX),
        answer: pinged.seen.answer,
        error: pinged.seen.error,
    }))
}
