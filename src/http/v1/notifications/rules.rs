//! `/v1/stores/{id}/notifications`: who hears of what.

use axum::{extract::State, http::StatusCode};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, notify},
    domain::{NotifyRule, NotifyRules, QuietHours, StoreId},
    http::{
        caller::Crew,
        extract::{Body, Path},
        problem::Problem,
    },
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read, put, reset))
}

/// A store's rules.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoreRules {
    /// Whether the store has rules of its own; else these are everybody's.
    is_own: bool,
    /// When nobody wants to be woken; left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet: Option<QuietHours>,
    /// The number of whoever answers for the store, in E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    store_phone: Option<String>,
    /// The rules. Of those that fit an event, the first for each audience counts.
    rules: Vec<NotifyRule>,
}

/// Who hears of what at a store.
#[utoipa::path(
    get, path = "/stores/{id}/notifications", operation_id = "readNotifyRules", tag = "notifications",
    params(("id" = StoreId, Path, description = "The store.")),
    responses((status = 200, description = "Its rules.", body = StoreRules))
)]
async fn read(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<StoreId>,
) -> Result<Body<StoreRules>, Problem> {
    let (NotifyRules { quiet, store_phone, rules }, is_own) =
        notify::rules_of(&app, &caller, id).await?;
    Ok(Body(StoreRules { is_own, quiet, store_phone, rules }))
}

/// Give a store rules of its own.
///
/// Holds for what happens from now on, and for quiet hours at once. Takes the scope `notifications:write`.
#[utoipa::path(
    put, path = "/stores/{id}/notifications", operation_id = "putNotifyRules", tag = "notifications",
    params(("id" = StoreId, Path, description = "The store.")), request_body = NotifyRules,
    responses((status = 204, description = "They hold."))
)]
async fn put(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<StoreId>,
    Body(rules): Body<NotifyRules>,
) -> Result<StatusCode, Problem> {
    notify::set_rules(&app, &caller, id, Some(rules)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a store everybody's rules again.
///
/// Takes the scope `notifications:write`.
#[utoipa::path(
    delete, path = "/stores/{id}/notifications", operation_id = "resetNotifyRules", tag = "notifications",
    params(("id" = StoreId, Path, description = "The store.")),
    responses((status = 204, description = "It has none of its own any more."))
)]
async fn reset(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<StoreId>,
) -> Result<StatusCode, Problem> {
    notify::set_rules(&app, &caller, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
