//! `POST /v1/webhooks/{partner}`: verify, store raw, answer. Never interprets.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use metrics::counter;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        App,
        intake::{self, Received, Refused},
        notify::{self, Handshake},
    },
    http::{
        extract::{Path, Query, whole_body},
        layers::{REQUEST_ID, TRACEPARENT},
        problem::{ErrorBody, Problem},
    },
    messaging::whatsapp,
    partners::Call,
    store::inbox::Headers,
    telemetry::metric,
};

/// Headers that may be kept: none of them proves who called.
const KEPT: [header::HeaderName; 4] =
    [header::CONTENT_TYPE, header::USER_AGENT, REQUEST_ID, TRACEPARENT];

/// The routes of this file. Partners' bodies may be larger than others.
pub fn routes(body_limit: usize) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(webhook, handshake))
        .routes(routes!(below, update_below))
        .layer(DefaultBodyLimit::max(body_limit))
}

/// Where a partner calls that calls several paths.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
struct Below {
    /// `talabat`, `deliverect`, `foodics`…
    partner: String,
    /// The rest of the path, as the partner defines it; it may contain slashes.
    rest: String,
}

/// How a partner's call is answered, for the document.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only described; `take` makes the answers")]
enum CallResponses {
    /// Stored; the answer is empty.
    #[response(status = 200)]
    Stored,
    /// The body is not JSON.
    #[response(status = 400)]
    NotJson(ErrorBody),
    /// The signature is missing or not valid.
    #[response(status = 401)]
    NotSigned(ErrorBody),
    /// No such partner.
    #[response(status = 404)]
    NoSuchPartner(ErrorBody),
    /// It could not be stored; send it again.
    #[response(status = 503)]
    NotStored(ErrorBody),
}

/// Take a partner's call.
///
/// Partners who call several paths call below this one, with `POST` or `PUT`. 200 means that the call is stored durably, byte for byte; it is applied a moment later. A call that was stored before is answered
/// in the same way. Unknown statuses and unknown orders are no errors: they are kept, see `GET /v1/webhooks/inbox`. Each partner's
/// headers and signature are described in `docs/partners.md`.
#[utoipa::path(
    post, path = "/webhooks/{partner}", operation_id = "takeCall", tag = "webhooks", security(()),
    params(("partner" = String, Path, description = "`careem`, `talabat`, `generic`… `docs/partners.md` lists all.")),
    request_body(content = Object, description = "The partner's own format, up to 3 MB."),
    responses(CallResponses)
)]
async fn webhook(
    State(app): State<App>,
    Path(partner): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<StatusCode, Problem> {
    take(&app, partner, "", &headers, request).await
}

/// Take a call of a partner who calls several paths.
///
/// Talabat, for one, calls `…/talabat/order/{remoteId}`; the path says what the call is about. All else is as with
/// `POST /v1/webhooks/{partner}`.
#[utoipa::path(
    post, path = "/webhooks/{partner}/{*rest}", operation_id = "takeCallBelow", tag = "webhooks", security(()),
    params(Below),
    request_body(content = Object, description = "The partner's own format, up to 3 MB."),
    responses(CallResponses)
)]
async fn below(
    State(app): State<App>,
    Path(Below { partner, rest }): Path<Below>,
    headers: HeaderMap,
    request: Request,
) -> Result<StatusCode, Problem> {
    take(&app, partner, rest.trim_matches('/'), &headers, request).await
}

/// Take a call of a partner who calls several paths, and with `PUT`.
///
/// All else is as with `POST`.
#[utoipa::path(
    put, path = "/webhooks/{partner}/{*rest}", operation_id = "takeUpdateBelow", tag = "webhooks", security(()),
    params(Below),
    request_body(content = Object, description = "The partner's own format, up to 3 MB."),
    responses(CallResponses)
)]
async fn update_below(
    app: State<App>,
    path: Path<Below>,
    headers: HeaderMap,
    request: Request,
) -> Result<StatusCode, Problem> {
    below(app, path, headers, request).await
}

/// What WhatsApp says when its webhook is set up.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct HandshakeQuery {
    /// `subscribe`.
    #[serde(rename = "hub.mode", default)]
    mode: String,
    /// As set in `whatsapp.verify_token`.
    #[serde(rename = "hub.verify_token", default)]
    token: String,
    /// What is answered.
    #[serde(rename = "hub.challenge", default)]
    challenge: String,
}

/// Set up WhatsApp's webhook.
///
/// Meta asks this once, when somebody enters our address in the app's settings.
#[utoipa::path(
    get, path = "/webhooks/{partner}", operation_id = "setUpWebhook", tag = "webhooks", security(()),
    params(("partner" = String, Path, description = "`whatsapp`."), HandshakeQuery),
    responses(
        (status = 200, description = "The challenge.", body = String, content_type = "text/plain"),
        (status = 403, description = "Not the token of `whatsapp.verify_token`, or there is none.", body = ErrorBody),
        (status = 404, description = "This partner asks nothing.", body = ErrorBody),
    )
)]
async fn handshake(
    State(app): State<App>,
    Path(partner): Path<String>,
    Query(query): Query<HandshakeQuery>,
) -> Result<String, Problem> {
    if partner != whatsapp::PARTNER {
        return Err(Problem::not_found("partner"));
    }
    let HandshakeQuery { mode, token, challenge } = query;
    let said = Handshake { mode, token, challenge };
    notify::handshake(&app, said)
        .ok_or_else(|| Problem::forbidden("This is not the token of `whatsapp.verify_token`."))
}

async fn take(
    app: &App,
    partner: String,
    rest: &str,
    headers: &HeaderMap,
    request: Request,
) -> Result<StatusCode, Problem> {
    let body = whole_body(request, &()).await?;
    let received = receive(app, &partner, rest, headers, body).await;
    let answer = match &received {
        Ok(Received::Stored) => "stored",
        Ok(Received::Duplicate) => "duplicate",
        Err(Refused::UnknownPartner(_)) => "unknown_partner",
        Err(Refused::Rejected(_)) => "rejected",
        Err(Refused::NotJson(_)) => "malformed",
        Err(Refused::Sealed) => "sealed",
        Err(Refused::Failed(_)) => "failed",
    };
    // A made-up partner must not make up a label.
    let known = if answer == "unknown_partner" { "unknown".to_owned() } else { partner };
    counter!(metric::WEBHOOK_CALLS, "partner" => known, "answer" => answer).increment(1);
    received.map(|_| StatusCode::OK).map_err(Problem::from)
}

async fn receive(
    app: &App,
    partner: &str,
    rest: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Received, Refused> {
    let keep: Headers = KEPT
        .iter()
        .filter_map(|name| {
            let value = headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        })
        .collect();
    let secrets = intake::secrets(app, partner).await?;
    let verified = {
        let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
        let call = Call { header: &header, rest, body: &body };
        intake::verify(app, partner, &secrets, &call, keep, &body)
    };
    match verified {
        Ok(new) => intake::store(app, new).await,
        Err(Refused::Rejected(_)) if intake::lacks_secrets(app, partner).await? => {
            Err(Refused::Sealed)
        }
        Err(refused) => Err(refused),
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::UnknownPartner(_) => Self::not_found("partner"),
            Refused::Rejected(rejection) => Self::unauthenticated(format!("{rejection}.")),
            Refused::NotJson(_) => Self::invalid(format!("{refused}.")),
            Refused::Sealed => {
                Self::unavailable("This call cannot be verified now. Send it again.")
            }
            Refused::Failed(failure) => failure.into(),
        }
    }
}
