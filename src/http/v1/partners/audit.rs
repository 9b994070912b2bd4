//! The requests that we made of partners, and their answers.

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, partner_calls},
    domain::{AuditId, OrderId, PartnerCallId, StoreId, vocabulary},
    http::{
        caller::Crew,
        extract::Body,
        paging::{PageParams, PageQuery, page_body},
        problem::Problem,
    },
    store::audit::{AuditEntry, AuditFilter},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

vocabulary! {
    /// How a request went.
    pub enum AuditState {
        /// It was answered with 2xx.
        Done = "done",
        /// With anything else, or not at all.
        Failed = "failed",
    }
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuditQuery {
    /// Of one partner.
    partner: Option<String>,
    /// About one order.
    order_id: Option<OrderId>,
    /// That went like this.
    state: Option<AuditState>,
}

page_body! {
    /// A page of requests.
    AuditList { requests: AuditBody }
}

/// One request and its answer. `(hidden)` stands where a secret or something of a customer's own was.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditBody {
    /// Its id.
    id: AuditId,
    /// Who was asked.
    partner: String,
    /// How.
    method: String,
    /// Where, without its query.
    url: String,
    /// What the request said besides.
    request_headers: BTreeMap<String, String>,
    /// What it said.
    request_body: Option<Value>,
    /// How it went.
    state: AuditState,
    /// The answer's status.
    status: Option<u16>,
    /// What the answer said besides.
    response_headers: Option<BTreeMap<String, String>>,
    /// What it said.
    response_body: Option<Value>,
    /// Why there was no answer.
    error: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How many milliseconds it took.
    took_ms: u32,
    /// Which attempt it was.
    attempt: u32,
    /// The order's store.
    store_id: Option<StoreId>,
    /// The order that it was about.
    order_id: Option<OrderId>,
    /// What was to be told.
    call_id: Option<PartnerCallId>,
}

impl From<AuditEntry> for AuditBody {
    fn from(it: AuditEntry) -> Self {
        Self {
            id: it.id,
            partner: it.service,
            method: it.method,
            url: it.url,
            request_headers: it.request_headers,
            request_body: it.request_body,
            state: match it.status {
                Some(200..=299) => AuditState::Done,
                _ => AuditState::Failed,
            },
            status: it.status,
            response_headers: it.response_headers,
            response_body: it.response_body,
            error: it.error,
            at: it.at,
            took_ms: it.took_ms,
            attempt: it.attempt,
            store_id: it.store_id,
            order_id: it.order_id,
            call_id: it.call_id,
        }
    }
}

/// The requests that were made of partners, and their answers, newest first.
///
/// Kept for `outbound.audit_keep`. Takes a token for all stores with the scope `inbox:read`.
#[utoipa::path(
    get, path = "/partners/audit", operation_id = "listPartnerRequests", tag = "partners", params(AuditQuery, PageParams),
    responses((status = 200, description = "A page of requests.", body = AuditList))
)]
async fn list(
    Crew(caller): Crew,
    State(app): State<App>,
    PageQuery(query, page): PageQuery<AuditQuery>,
) -> Result<Body<AuditList>, Problem> {
    let filter = AuditFilter {
        service: query.partner,
        order_id: query.order_id,
        went_well: query.state.map(|it| it == AuditState::Done),
    };
    Ok(Body(partner_calls::audit(&app, &caller, filter, page).await?.into()))
}
