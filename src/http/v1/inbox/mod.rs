//! `/v1/webhooks/inbox`

mod replay;

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, inbox},
    domain::{InboxId, OrderId},
    http::{
        caller::Crew,
        extract::{Body, Path},
        paging::{PageParams, PageQuery, page_body},
        problem::Problem,
    },
    store::inbox::{CallState, InboxEntry, InboxFilter},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(body))
        .merge(replay::routes())
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InboxQuery {
    /// Of one partner.
    partner: Option<String>,
    /// With this outcome: `applied`, `begun`, `late`, `unknown_status`, `unknown_order`, `unknown_store`, `not_applicable`, `ignored`,
    /// `test_order`, `unusable_order`, `unreadable`, `failed`.
    outcome: Option<String>,
    /// In this state.
    state: Option<CallState>,
    /// About one order.
    order_id: Option<OrderId>,
    /// Received at this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Received before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// One stored call with all that is kept of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct WholeCall {
    /// Its id.
    id: InboxId,
    /// Who called.
    partner: String,
    /// The partner's own id of the call.
    event_id: Option<String>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// The headers that are kept: none of them proves who called. `x-request-id` is that of the answer and of the log.
    headers: BTreeMap<String, String>,
    /// The length of the body.
    bytes: usize,
    /// The body, where it is text; byte for byte at `…/body`.
    text: Option<String>,
}

page_body! {
    /// A page of calls.
    InboxList { calls: CallBody }
}

/// One stored call.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CallBody {
    /// Its id.
    id: InboxId,
    /// Who called.
    partner: String,
    /// The partner's own id of the call.
    event_id: Option<String>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// Where it stands.
    state: CallState,
    /// What came of it.
    outcome: Option<String>,
    /// The order that it is about.
    order_id: Option<OrderId>,
    /// The partner's name for that order.
    external_id: Option<String>,
    /// The partner's own word, or why it failed.
    note: Option<String>,
    /// How often it was tried.
    attempts: u32,
}

impl From<InboxEntry> for CallBody {
    fn from(it: InboxEntry) -> Self {
        Self {
            id: it.id,
            partner: it.partner,
            event_id: it.event_id,
            received_at: it.received_at,
            state: it.state,
            outcome: it.outcome,
            order_id: it.order_id,
            external_id: it.external_id,
            note: it.note,
            attempts: it.attempts,
        }
    }
}

/// The stored calls of partners, newest first.
///
/// Nothing that a partner sent is ever dropped: unknown statuses and unknown orders stand here. Takes a token for all stores with the
/// scope `inbox:read`.
#[utoipa::path(
    get, path = "/webhooks/inbox", operation_id = "listCalls", tag = "webhooks", params(InboxQuery, PageParams),
    responses((status = 200, description = "A page of calls.", body = InboxList))
)]
async fn list(
    Crew(caller): Crew,
    State(app): State<App>,
    PageQuery(query, page): PageQuery<InboxQuery>,
) -> Result<Body<InboxList>, Problem> {
    let filter = InboxFilter {
        partner: query.partner,
        outcome: query.outcome,
        state: query.state,
        order_id: query.order_id,
        from: query.from,
        to: query.to,
    };
    Ok(Body(inbox::list(&app, &caller, filter, page).await?.into()))
}

/// One stored call, and what was said beside its body.
#[utoipa::path(
    get, path = "/webhooks/inbox/{id}", operation_id = "inspectCall", tag = "webhooks",
    params(("id" = InboxId, Path, description = "The call.")),
    responses((status = 200, description = "The call.", body = WholeCall))
)]
async fn read(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<InboxId>,
) -> Result<Body<WholeCall>, Problem> {
    let call = inbox::read(&app, &caller, id).await?;
    Ok(Body(WholeCall {
        id: call.id,
        partner: call.partner,
        event_id: call.event_id,
        received_at: call.received_at,
        headers: call.headers,
        bytes: call.body.len(),
        text: String::from_utf8(call.body.into()).ok(),
    }))
}

/// One stored call's body.
///
/// Byte for byte as the partner sent it.
#[utoipa::path(
    get, path = "/webhooks/inbox/{id}/body", operation_id = "readCall", tag = "webhooks",
    params(("id" = InboxId, Path, description = "The call.")),
    responses((status = 200, description = "The body.", body = Vec<u8>, content_type = "application/octet-stream"))
)]
async fn body(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<InboxId>,
) -> Result<Response, Problem> {
    let body = inbox::read(&app, &caller, id).await?.body;
    // Whatever it is, a browser is not to show it.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
    ];
    Ok((headers, body).into_response())
}
