//! `GET /v1/orders/{id}/history`

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    app::{App, orders},
    domain::{Actor, EventId, EventType, InboxId, OrderId, Recorded, Version},
    http::{
        caller::Crew,
        extract::{Body, Path},
        problem::Problem,
    },
    store::inbox::InboxEntry,
};

/// How an order came to be what it is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HistoryBody {
    /// What was recorded, oldest first: one event for each version.
    events: Vec<HistoryEvent>,
    /// Partners' calls about this order that changed nothing, newest first.
    late: Vec<LateCall>,
}

/// One recorded event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct HistoryEvent {
    /// The order's version after it.
    version: Version,
    /// The event's id.
    event_id: EventId,
    /// What it tells of.
    event_type: EventType,
    /// By our clock.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// By the clock of whoever told us.
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    /// Who did it.
    actor: Actor,
    /// What happened, as recorded.
    #[schema(value_type = Object)]
    fact: Value,
}

/// A call that changed nothing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct LateCall {
    /// Its id in the inbox.
    id: InboxId,
    /// Who called.
    partner: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// What came of it: `late`, `not_applicable`, `unknown_status`, `ignored`.
    outcome: Option<String>,
    /// The partner's own word, where ours do not cover it.
    note: Option<String>,
}

/// How an order came to be what it is.
///
/// For staff of its store and for services.
#[utoipa::path(
    get, path = "/orders/{id}/history", operation_id = "readHistory", tag = "orders",
    params(("id" = OrderId, Path, description = "The order.")),
    responses((status = 200, description = "Everything that happened.", body = HistoryBody))
)]
pub async fn history(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<OrderId>,
) -> Result<Body<HistoryBody>, Problem> {
    let history = orders::history(&app, &caller, id).await?;
    Ok(Body(HistoryBody {
        events: history.events.into_iter().map(HistoryEvent::from).collect(),
        late: history.late.into_iter().map(LateCall::from).collect(),
    }))
}

impl From<Recorded> for HistoryEvent {
    fn from(it: Recorded) -> Self {
        Self {
            version: it.version,
            event_id: it.event_id,
            event_type: it.fact.event_type(),
            recorded_at: it.recorded_at,
            occurred_at: it.occurred_at,
            actor: it.actor,
            fact: serde_json::to_value(&it.fact).unwrap_or_default(),
        }
    }
}

impl From<InboxEntry> for LateCall {
    fn from(it: InboxEntry) -> Self {
        Self {
            id: it.id,
            partner: it.partner,
            received_at: it.received_at,
            outcome: it.outcome,
            note: it.note,
        }
    }
}
