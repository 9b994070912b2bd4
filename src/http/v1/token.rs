//! `POST /v1/token/renew`

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, Failure},
    http::{
        caller::Anybody,
        extract::Body,
        problem::{ErrorBody, Problem},
    },
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(renew))
}

/// A fresh token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct FreshToken {
    /// The token.
    token: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Renew a token.
///
/// For tokens that this server made and that have not ended: a kitchen screen stays signed in. The first issue must not be longer ago
/// than `auth.renew_for`. Tracking links are not renewed.
#[utoipa::path(
    post, path = "/token/renew", operation_id = "renewToken", tag = "tokens",
    responses(
        (status = 200, description = "A token for the same caller.", body = FreshToken),
        (status = 403, description = "This token is not renewed here.", body = ErrorBody),
    )
)]
async fn renew(
    Anybody(caller): Anybody,
    State(app): State<App>,
) -> Result<Body<FreshToken>, Problem> {
    let (token, expires_at) = app.tokens.renew(&caller).map_err(Failure::from)?;
    Ok(Body(FreshToken { token, expires_at }))
}
