//! `/v1/notifications`

use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        App,
        notify::{self, Told},
    },
    domain::{
        Audience, Category, Language, MessageChannel, NotificationId, NotificationState, OrderId,
        StoreId,
    },
    http::{
        caller::Crew,
        extract::{Body, Path},
        paging::{PageParams, PageQuery, page_body},
        problem::{ErrorBody, Problem},
    },
    store::notifications::NotificationFilter,
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(retry))
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NotificationQuery {
    /// About one order.
    order_id: Option<OrderId>,
    /// Of one store's orders.
    store_id: Option<StoreId>,
    /// That have come so far.
    state: Option<NotificationState>,
    /// By one channel.
    channel: Option<MessageChannel>,
}

page_body! {
    /// A page of notifications.
    NotificationList { notifications: NotificationBody }
}

/// One thing that one person was, or is to be, told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification)]
pub struct NotificationBody {
    /// Its id; comes back from WhatsApp as `biz_opaque_callback_data`.
    id: NotificationId,
    /// The order that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// What people call that order.
    order_number: Option<String>,
    /// The order's store.
    #[serde(skip_serializing_if = "Option::is_none")]
    store_id: Option<StoreId>,
    /// What happened: a status of the order (`ready`), or of its delivery (`delivery.at_door`).
    event: String,
    /// Who is told.
    audience: Audience,
    /// How.
    channel: MessageChannel,
    /// The last three digits of their number; left out once they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    /// In which language.
    language: Language,
    /// In which words.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    /// What it is for.
    category: Category,
    /// What was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// How far it has come.
    state: NotificationState,
    /// Why, in a code: the channel's number for it, or a word of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// How often it was tried.
    attempts: u32,
    /// The channel's name for the message: WhatsApp's `wamid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From when on it is not sent any more.
    #[schema(value_type = String, format = DateTime)]
    worthless_at: Timestamp,
    /// When it is looked at next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// When the channel took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Timestamp>,
    /// When it reached the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Timestamp>,
    /// When it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    read_at: Option<Timestamp>,
}

impl From<Told> for NotificationBody {
    fn from(Told { notification: it, order_number }: Told) -> Self {
        Self {
            order_number,
            id: it.id,
            order_id: it.order_id,
            store_id: it.store_id,
            event: it.event,
            audience: it.audience,
            channel: it.channel,
            recipient: it.recipient.map(|it| masked(&it)),
            language: it.language,
            template: it.template,
            category: it.category,
            text: it.words,
            state: it.state,
            code: it.code,
            note: it.note,
            attempts: it.attempts,
            provider_id: it.provider_id,
            created_at: it.created_at,
            worthless_at: it.worthless_at,
            next_attempt_at: it.next_attempt_at,
            updated_at: it.updated_at,
            sent_at: it.sent_at,
            delivered_at: it.delivered_at,
            read_at: it.read_at,
        }
    }
}

/// Enough to ask somebody whether it is theirs.
fn masked(phone: &str) -> String {
    let last = phone.get(phone.len().saturating_sub(3)..).unwrap_or_default();
    format!("…{last}")
}

/// What people were, or are to be, told, newest first.
///
/// Staff see their stores'; all of them take a token for all stores with the scope `notifications:write`.
#[utoipa::path(
    get, path = "/notifications", operation_id = "listNotifications", tag = "notifications", params(NotificationQuery, PageParams),
    responses((status = 200, description = "A page of notifications.", body = NotificationList))
)]
async fn list(
    Crew(caller): Crew,
    State(app): State<App>,
    PageQuery(query, page): PageQuery<NotificationQuery>,
) -> Result<Body<NotificationList>, Problem> {
    let filter = NotificationFilter {
        order_id: query.order_id,
        stores: query.store_id.map(|it| vec![it]),
        state: query.state,
        channel: query.channel,
    };
    Ok(Body(notify::list(&app, &caller, filter, page).await?.into()))
}

/// One notification.
#[utoipa::path(
    get, path = "/notifications/{id}", operation_id = "readNotification", tag = "notifications",
    params(("id" = NotificationId, Path, description = "The notification.")),
    responses((status = 200, description = "The notification.", body = NotificationBody))
)]
async fn read(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<NotificationId>,
) -> Result<Body<NotificationBody>, Problem> {
    Ok(Body(notify::read(&app, &caller, id).await?.into()))
}

/// Tell somebody once more.
///
/// Only what was not sent, or whose fate nobody knows: of an `unconfirmed` one the person may get it twice, which is yours to decide. Takes
/// the scope `notifications:write`.
#[utoipa::path(
    post, path = "/notifications/{id}/retry", operation_id = "retryNotification", tag = "notifications",
    params(("id" = NotificationId, Path, description = "The notification.")),
    responses(
        (status = 202, description = "It is sent in a moment."),
        (status = 409, description = "It was sent, is still being sent, or must not be.", body = ErrorBody),
    )
)]
async fn retry(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<NotificationId>,
) -> Result<StatusCode, Problem> {
    notify::retry(&app, &caller, id).await?;
    Ok(StatusCode::ACCEPTED)
}
