//! `/v1/partners/{partner}/credentials`

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        App,
        credentials::{self, NewCredential},
    },
    domain::{Actor, CredentialId},
    http::{
        caller::Crew,
        extract::{Body, Path},
        problem::{ErrorBody, Problem},
    },
    store::credentials::Credential,
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(expire, remove))
}

/// A partner's credentials.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CredentialList {
    /// The first one added first. Those of the settings are not among them.
    credentials: Vec<CredentialBody>,
}

/// One credential. Its secret is never shown again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Credential)]
struct CredentialBody {
    /// Its id.
    id: CredentialId,
    /// What people call it.
    label: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// By whom.
    created_by: Actor,
    /// From when on it is worth nothing; left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The secret, in the answer that made it and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    secret: Option<String>,
}

/// When a credential is to end.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expiry {
    /// From then on it is worth nothing; `null`: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Which credential of which partner.
#[derive(Debug, Deserialize)]
struct Which {
    partner: String,
    id: CredentialId,
}

impl From<Credential> for CredentialBody {
    fn from(it: Credential) -> Self {
        Self {
            id: it.id,
            label: it.label,
            created_at: it.created_at,
            created_by: it.created_by,
            expires_at: it.expires_at,
            secret: None,
        }
    }
}

/// What a partner proves itself with.
///
/// Takes a token for all stores with the scope `partners:write`.
#[utoipa::path(
    get, path = "/partners/{partner}/credentials", operation_id = "listCredentials", tag = "partners",
    params(("partner" = String, Path, description = "The partner's slug.")),
    responses((status = 200, description = "The credentials, without their secrets.", body = CredentialList))
)]
async fn list(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(partner): Path<String>,
) -> Result<Body<CredentialList>, Problem> {
    let credentials = credentials::list(&app, &caller, &partner).await?;
    let credentials = credentials.into_iter().map(CredentialBody::from).collect();
    Ok(Body(CredentialList { credentials }))
}

/// Give a partner another secret.
///
/// The others stay active: to rotate one, add the new one, give it to the partner, then let the old one end. Secrets are kept sealed, and never
/// shown again. Other nodes take a new one within five seconds.
#[utoipa::path(
    post, path = "/partners/{partner}/credentials", operation_id = "addCredential", tag = "partners", request_body = NewCredential,
    params(("partner" = String, Path, description = "The partner's slug.")),
    responses(
        (status = 201, description = "The credential; with its secret if that was made here.", body = CredentialBody),
        (status = 409, description = "It has too many, or there is no key to seal it with.", body = ErrorBody),
    )
)]
async fn add(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(partner): Path<String>,
    Body(new): Body<NewCredential>,
) -> Result<Response, Problem> {
    let (credential, secret) = credentials::add(&app, &caller, &partner, new).await?;
    let secret = secret.map(|it| it.expose_secret().to_owned());
    let body = Body(CredentialBody { secret, ..credential.into() });
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], body).into_response())
}

/// Let a credential end at a moment, or never.
#[utoipa::path(
    patch, path = "/partners/{partner}/credentials/{id}", operation_id = "expireCredential", tag = "partners", request_body = Expiry,
    params(
        ("partner" = String, Path, description = "The partner's slug."),
        ("id" = CredentialId, Path, description = "The credential."),
    ),
    responses((status = 204, description = "It ends then."))
)]
async fn expire(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(which): Path<Which>,
    Body(expiry): Body<Expiry>,
) -> Result<StatusCode, Problem> {
    credentials::expire(&app, &caller, &which.partner, which.id, expiry.expires_at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a credential away at once.
#[utoipa::path(
    delete, path = "/partners/{partner}/credentials/{id}", operation_id = "removeCredential", tag = "partners",
    params(
        ("partner" = String, Path, description = "The partner's slug."),
        ("id" = CredentialId, Path, description = "The credential."),
    ),
    responses((status = 204, description = "It is worth nothing now."))
)]
async fn remove(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(which): Path<Which>,
) -> Result<StatusCode, Problem> {
    credentials::remove(&app, &caller, &which.partner, which.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
