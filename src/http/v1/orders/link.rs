//! `POST /v1/orders/{id}/tracking-link`

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    app::{App, tracking},
    domain::OrderId,
    http::{
        caller::Party,
        extract::{Body, Path},
        problem::{ErrorBody, Problem},
    },
};

/// A link to share.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrackingLink {
    /// The tracking page of this order.
    url: String,
    /// The token in it, for an app that opens its own socket.
    token: String,
    /// Until when it works.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Make a tracking link.
///
/// Whoever holds it sees this one order, without personal data, until `auth.tracking_ttl` has passed.
#[utoipa::path(
    post, path = "/orders/{id}/tracking-link", operation_id = "makeTrackingLink", tag = "orders",
    params(("id" = OrderId, Path, description = "The order.")),
    responses(
        (status = 200, description = "The link.", body = TrackingLink),
        (status = 403, description = "Tracking links do not make further ones.", body = ErrorBody),
    )
)]
pub async fn tracking_link(
    Party(caller): Party,
    State(app): State<App>,
    Path(id): Path<OrderId>,
) -> Result<Body<TrackingLink>, Problem> {
    let link = tracking::link(&app, &caller, id).await?;
    Ok(Body(TrackingLink { url: link.url, token: link.token, expires_at: link.expires_at }))
}
