//! `/v1/contacts`: what people have agreed to, and what is known of them.

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, consents::NewConsent, contacts},
    domain::{Actor, Category, ConsentId, Decision, MessageChannel},
    http::{
        caller::Crew,
        extract::{Body, Path},
        problem::{ErrorBody, Problem},
        v1::notifications::NotificationBody,
    },
    store::consents::{Consent, Erased},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read, erase))
        .routes(routes!(consent))
        .routes(routes!(export))
}

/// What somebody has said of being written to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ConsentList {
    /// The first thing first: for each channel and category the last one holds.
    consents: Vec<ConsentBody>,
}

/// One entry of the ledger.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Consent)]
struct ConsentBody {
    /// Its id.
    id: ConsentId,
    /// By what they may be written to, or not.
    channel: MessageChannel,
    /// What about.
    category: Category,
    /// Whether they want it.
    decision: Decision,
    /// Where they said it.
    source: String,
    /// The words that they agreed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<String>,
    /// What it can be held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// Who wrote it down.
    actor: Actor,
    /// When they said it.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// All that is known of a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PersonBody {
    /// Their number.
    phone: String,
    /// What they have said.
    consents: Vec<ConsentBody>,
    /// What they were told, the youngest first.
    notifications: Vec<NotificationBody>,
    /// What they have ordered, the youngest first.
    #[schema(value_type = Vec<Object>)]
    orders: Vec<Value>,
}

/// What was forgotten.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ErasedBody {
    /// Entries of the ledger.
    consents: u64,
    /// Notifications.
    notifications: u64,
    /// Orders.
    orders: u64,
}

impl From<Consent> for ConsentBody {
    fn from(it: Consent) -> Self {
        Self {
            id: it.id,
            channel: it.channel,
            category: it.category,
            decision: it.decision,
            source: it.source,
            shown: it.shown,
            evidence: it.evidence,
            actor: it.actor,
            at: it.at,
        }
    }
}

impl From<Erased> for ErasedBody {
    fn from(it: Erased) -> Self {
        Self { consents: it.consents, notifications: it.notifications, orders: it.orders }
    }
}

fn list(consents: Vec<Consent>) -> Vec<ConsentBody> {
    consents.into_iter().map(ConsentBody::from).collect()
}

/// What somebody has said of being written to.
///
/// Takes a token for all stores with the scope `contacts:write`.
#[utoipa::path(
    get, path = "/contacts/{phone}", operation_id = "readContact", tag = "contacts",
    params(("phone" = String, Path, description = "Their number in E.164: `+962790000000`.")),
    responses(
        (status = 200, description = "The ledger.", body = ConsentList),
        (status = 404, description = "They have said nothing.", body = ErrorBody),
    )
)]
async fn read(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(phone): Path<String>,
) -> Result<Body<ConsentList>, Problem> {
    let consents = contacts::read(&app, &caller, &phone).await?;
    Ok(Body(ConsentList { consents: list(consents) }))
}

/// Write down what somebody has said of being written to.
///
/// Nobody is written to who has not agreed: to the channel, and to what it is about. Nothing is ever changed: what they say last holds. Takes
/// a token for all stores with the scope `contacts:write`.
#[utoipa::path(
    post, path = "/contacts/{phone}/consents", operation_id = "addConsent", tag = "contacts",
    params(("phone" = String, Path, description = "Their number in E.164: `+962790000000`.")), request_body = NewConsent,
    responses(
        (status = 200, description = "The ledger.", body = ConsentList),
        (status = 404, description = "This is no number.", body = ErrorBody),
    )
)]
async fn consent(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(phone): Path<String>,
    Body(new): Body<NewConsent>,
) -> Result<Body<ConsentList>, Problem> {
    let consents = contacts::consent(&app, &caller, &phone, &new).await?;
    Ok(Body(ConsentList { consents: list(consents) }))
}

/// All that is known of a person, to be handed to them.
///
/// Takes a token for all stores with the scope `contacts:write`.
#[utoipa::path(
    get, path = "/contacts/{phone}/export", operation_id = "exportContact", tag = "contacts",
    params(("phone" = String, Path, description = "Their number in E.164: `+962790000000`.")),
    responses(
        (status = 200, description = "All of it.", body = PersonBody),
        (status = 404, description = "Nothing is known of them.", body = ErrorBody),
    )
)]
async fn export(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(phone): Path<String>,
) -> Result<Body<PersonBody>, Problem> {
    let person = contacts::export(&app, &caller, &phone).await?;
    let orders: Result<Vec<_>, _> = person.orders.iter().map(serde_json::to_value).collect();
    Ok(Body(PersonBody {
        phone,
        consents: list(person.consents),
        notifications: person.notifications.into_iter().map(NotificationBody::from).collect(),
        orders: orders.unwrap_or_default(),
    }))
}

/// Forget a person.
///
/// Their entries in the ledger, their number in notifications, and who they are in their orders, in the log of these and in what partners have
/// told of them. What was ordered stays. Not while an order of theirs is open. Takes a token for all stores with the scope `contacts:write`.
#[utoipa::path(
    delete, path = "/contacts/{phone}", operation_id = "eraseContact", tag = "contacts",
    params(("phone" = String, Path, description = "Their number in E.164: `+962790000000`.")),
    responses(
        (status = 200, description = "What was forgotten.", body = ErasedBody),
        (status = 404, description = "Nothing is known of them.", body = ErrorBody),
        (status = 409, description = "An order of theirs is still open.", body = ErrorBody),
    )
)]
async fn erase(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(phone): Path<String>,
) -> Result<Body<ErasedBody>, Problem> {
    Ok(Body(contacts::erase(&app, &caller, &phone).await?.into()))
}
