//! What partners were, or are to be, told of their orders.

use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, partner_calls},
    domain::{OrderId, PartnerAction, PartnerCallId, Reason, Version},
    http::{
        caller::Crew,
        extract::{Body, Path},
        paging::{PageParams, PageQuery, page_body},
        problem::{ErrorBody, Problem},
    },
    store::partner_calls::{PartnerCall, PartnerCallFilter, TellingState},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry))
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PartnerCallQuery {
    /// To one partner.
    partner: Option<String>,
    /// About one order.
    order_id: Option<OrderId>,
    /// In this state.
    state: Option<TellingState>,
}

page_body! {
    /// A page of calls.
    PartnerCallList { calls: PartnerCallBody }
}

/// One thing that a partner was, or is to be, told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PartnerCallBody {
    /// Its id.
    id: PartnerCallId,
    /// Who is told.
    partner: String,
    /// The order that it is about.
    order_id: OrderId,
    /// The version that the order had by it.
    order_version: Version,
    /// What is told.
    action: PartnerAction,
    /// Why, of a rejection.
    reason: Option<Reason>,
    /// By how many minutes, of a delay.
    delay_minutes: Option<u32>,
    /// Where it stands.
    state: TellingState,
    /// How often it was tried.
    attempts: u32,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From when on it is not told any more.
    #[schema(value_type = String, format = DateTime)]
    worthless_at: Timestamp,
    /// When it is tried next.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// When it was settled.
    #[schema(value_type = Option<String>, format = DateTime)]
    settled_at: Option<Timestamp>,
    /// The status of the last answer.
    status: Option<u16>,
    /// What came of it, where there is more to say.
    note: Option<String>,
}

impl From<PartnerCall> for PartnerCallBody {
    fn from(it: PartnerCall) -> Self {
        Self {
            id: it.id,
            partner: it.partner,
            order_id: it.order_id,
            order_version: it.order_version,
            action: it.telling.action,
            reason: it.telling.reason,
            delay_minutes: it.telling.delay_minutes,
            state: it.state,
            attempts: it.attempts,
            created_at: it.created_at,
            worthless_at: it.worthless_at,
            next_attempt_at: it.next_attempt_at,
            settled_at: it.settled_at,
            status: it.status,
            note: it.note,
        }
    }
}

/// What partners were, or are to be, told of their orders, newest first.
///
/// Takes a token for all stores with the scope `inbox:read`.
#[utoipa::path(
    get, path = "/partners/calls", operation_id = "listPartnerCalls", tag = "partners", params(PartnerCallQuery, PageParams),
    responses((status = 200, description = "A page of calls.", body = PartnerCallList))
)]
async fn list(
    Crew(caller): Crew,
    State(app): State<App>,
    PageQuery(query, page): PageQuery<PartnerCallQuery>,
) -> Result<Body<PartnerCallList>, Problem> {
    let filter =
        PartnerCallFilter { partner: query.partner, order_id: query.order_id, state: query.state };
    Ok(Body(partner_calls::list(&app, &caller, filter, page).await?.into()))
}

/// Tell a partner once more.
///
/// What it refused, what it did not want to hear, or what could not be told in time.
#[utoipa::path(
    post, path = "/partners/calls/{id}/retry", operation_id = "retryPartnerCall", tag = "partners",
    params(("id" = PartnerCallId, Path, description = "The call.")),
    responses(
        (status = 202, description = "It is tried in a moment."),
        (status = 409, description = "The partner has been told, or it is still being tried.", body = ErrorBody),
    )
)]
async fn retry(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<PartnerCallId>,
) -> Result<StatusCode, Problem> {
    partner_calls::retry(&app, &caller, id).await?;
    Ok(StatusCode::ACCEPTED)
}
