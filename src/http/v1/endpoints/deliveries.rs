//! What endpoints were, or are to be, told.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, endpoints},
    domain::{DeliveryId, EndpointId, EventId, EventType, OrderId, Version},
    http::{
        caller::Crew,
        extract::{Body, Path},
        paging::{PageParams, PageQuery, page_body},
        problem::Problem,
    },
    store::endpoints::{Attempt, Delivery, DeliveryFilter, DeliveryState},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeliveryQuery {
    /// In this state.
    state: Option<DeliveryState>,
    /// Of events of this type.
    event_type: Option<EventType>,
    /// Of one order.
    order_id: Option<OrderId>,
    /// Put down at this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Put down before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

page_body! {
    /// A page of deliveries.
    DeliveryList { deliveries: DeliveryBody }
}

/// One event on its way to one endpoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndpointDelivery)]
struct DeliveryBody {
    /// Its id: the `webhook-id` of every attempt.
    id: DeliveryId,
    /// Who is told.
    endpoint_id: EndpointId,
    /// Of which event.
    event_id: EventId,
    /// Its type.
    #[schema(value_type = EventType)]
    event_type: String,
    /// What it is about.
    subject: SubjectBody,
    /// The order, of an event about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// The version that the order had by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_version: Option<Version>,
    /// Where it stands.
    state: DeliveryState,
    /// How often it was tried, since it was last begun.
    attempts: u32,
    /// When it was put down.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// When it was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    settled_at: Option<Timestamp>,
    /// The status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What an event is about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Subject)]
struct SubjectBody {
    /// Of which type it is: `order`, `store`.
    #[serde(rename = "type")]
    subject_type: String,
    /// Its id.
    id: String,
    /// Its version after the event.
    version: Version,
}

impl From<Delivery> for DeliveryBody {
    fn from(it: Delivery) -> Self {
        Self {
            id: it.id,
            endpoint_id: it.endpoint_id,
            event_id: it.event_id,
            event_type: it.event_type,
            order_version: it.order_id.is_some().then_some(it.subject_version),
            order_id: it.order_id,
            subject: SubjectBody {
                subject_type: it.subject_type,
                id: it.subject_id,
                version: it.subject_version,
            },
            state: it.state,
            attempts: it.attempts,
            created_at: it.created_at,
            next_attempt_at: it.next_attempt_at,
            settled_at: it.settled_at,
            status: it.status,
            note: it.note,
        }
    }
}

/// A delivery, and every attempt at it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveryDetail {
    /// The delivery.
    delivery: DeliveryBody,
    /// The first first.
    attempts: Vec<AttemptBody>,
}

/// One attempt.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryAttempt)]
struct AttemptBody {
    /// Which one, from 1; a replay begins anew.
    number: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How many milliseconds it took.
    took_ms: u32,
    /// The answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// How the answer begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Attempt> for AttemptBody {
    fn from(it: Attempt) -> Self {
        let Attempt { number, at, took_ms, status, answer, error } = it;
        Self { number, at, took_ms, status, answer, error }
    }
}

/// What an endpoint was, or is to be, told, newest first.
///
/// Kept for `endpoints.keep`. Takes the scope `webhooks:read`.
#[utoipa::path(
    get, path = "/endpoints/{id}/deliveries", operation_id = "listDeliveries", tag = "endpoints",
    params(("id" = EndpointId, Path, description = "The endpoint."), DeliveryQuery, PageParams),
    responses((status = 200, description = "A page of deliveries.", body = DeliveryList))
)]
async fn list(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<EndpointId>,
    PageQuery(query, page): PageQuery<DeliveryQuery>,
) -> Result<Body<DeliveryList>, Problem> {
    let filter = DeliveryFilter {
        id: None,
        state: query.state,
        event_type: query.event_type,
        order_id: query.order_id,
        from: query.from,
        to: query.to,
    };
    Ok(Body(endpoints::deliveries(&app, &caller, id, &filter, page).await?.into()))
}

/// One delivery, and every attempt at it.
///
/// Takes the scope `webhooks:read`.
#[utoipa::path(
    get, path = "/deliveries/{id}", operation_id = "getDelivery", tag = "endpoints",
    params(("id" = DeliveryId, Path, description = "The delivery.")),
    responses((status = 200, description = "The delivery and its attempts.", body = DeliveryDetail))
)]
async fn get(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<DeliveryId>,
) -> Result<Body<DeliveryDetail>, Problem> {
    let (delivery, attempts) = endpoints::delivery(&app, &caller, id).await?;
    let attempts = attempts.into_iter().map(AttemptBody::from).collect();
    Ok(Body(DeliveryDetail { delivery: delivery.into(), attempts }))
}
