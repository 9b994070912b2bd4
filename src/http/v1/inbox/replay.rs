//! Applying stored calls once more.

use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, inbox},
    domain::{InboxId, OrderId},
    http::{
        caller::Crew,
        extract::{Body, Path},
        problem::{ErrorBody, Problem},
    },
    store::inbox::{CallState, InboxFilter},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(replay)).routes(routes!(replay_all))
}

/// Which calls are to be applied once more; what is left out does not matter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Replay {
    /// Of one partner.
    #[serde(default)]
    partner: Option<String>,
    /// With this outcome.
    #[serde(default)]
    outcome: Option<String>,
    /// In this state.
    #[serde(default)]
    state: Option<CallState>,
    /// About one order.
    #[serde(default)]
    order_id: Option<OrderId>,
    /// Received at this moment or later.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Received before this moment.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// What is applied once more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Replayed {
    /// How many calls.
    calls: u64,
}

/// Apply one stored call once more.
///
/// Whatever came of it before: applying a call twice is applying it once.
#[utoipa::path(
    post, path = "/webhooks/inbox/{id}/replay", operation_id = "replayCall", tag = "webhooks",
    params(("id" = InboxId, Path, description = "The call.")),
    responses((status = 202, description = "It is applied in a moment."))
)]
async fn replay(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<InboxId>,
) -> Result<StatusCode, Problem> {
    inbox::replay(&app, &caller, id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Apply many stored calls once more.
///
/// Those that fit: of a partner, of a time, with an outcome. The oldest first, at most 10,000 at once: where as many are answered, ask again.
#[utoipa::path(
    post, path = "/webhooks/inbox/replay", operation_id = "replayCalls", tag = "webhooks", request_body = Replay,
    responses(
        (status = 202, description = "They are applied in a moment.", body = Replayed),
        (status = 400, description = "The body cannot be understood, or names nothing.", body = ErrorBody),
    )
)]
async fn replay_all(
    Crew(caller): Crew,
    State(app): State<App>,
    Body(replay): Body<Replay>,
) -> Result<(StatusCode, Body<Replayed>), Problem> {
    let filter = InboxFilter {
        partner: replay.partner,
        outcome: replay.outcome,
        state: replay.state,
        order_id: replay.order_id,
        from: replay.from,
        to: replay.to,
    };
    let calls = inbox::replay_all(&app, &caller, filter).await?;
    Ok((StatusCode::ACCEPTED, Body(Replayed { calls })))
}
