//! Looking after notifications.

use jiff::Timestamp;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    domain::{MessageChannel, NotificationId, NotificationState, OrderId, StoreId},
    store::{
        StoreError, Tx,
        conditions::{Conditions, Value},
        moment::At,
        notifications::{Notification, QUEUE},
        queue::{self, Due, Requeue},
        row::number,
        rows::Rows,
        tx::on,
    },
};

/// Which notifications are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// About this order.
    pub order_id: Option<OrderId>,
    /// Of these stores; `None` for all, and those of none.
    pub stores: Option<Vec<StoreId>>,
    /// Standing here.
    pub state: Option<NotificationState>,
    /// By this channel.
    pub channel: Option<MessageChannel>,
}

/// One notification; nothing when there is none such.
pub async fn get(tx: &mut Tx, id: NotificationId) -> Result<Option<Notification>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as("SELECT * FROM notification WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?))
}

/// These notifications, as far as they are there.
pub async fn load_all(
    tx: &mut Tx,
    ids: &[NotificationId],
) -> Result<Vec<Notification>, StoreError> {
    let rows = Rows::default().uuids(ids.iter().map(|id| id.uuid()));
    rows.fetch(tx, "SELECT * FROM notification WHERE id IN (", ")").await
}

/// A page of notifications, the youngest first.
pub async fn list(
    tx: &mut Tx,
    filter: &NotificationFilter,
    page: PageRequest,
) -> Result<Page<Notification>, StoreError> {
    let stores = filter.stores.as_ref();
    let conditions = Conditions::default()
        .and("order_id =", filter.order_id.map(|order| Value::Uuid(order.uuid())))
        .and_one_of("store_id", stores.map(|ids| ids.iter().map(|id| Value::Uuid(id.uuid()))))
        .and("state =", filter.state.map(|state| Value::Text(state.as_str())))
        .and("channel =", filter.channel.map(|channel| Value::Text(channel.as_str())));
    let select = ("SELECT * FROM notification", "created_at");
    let cursor = |row: &Notification| Cursor { at: row.created_at, id: row.id.uuid() };
    conditions.page(tx, select, page, cursor).await
}

/// What one person was, or is to be, told; the youngest first, at most `limit`.
pub async fn of_person(
    tx: &mut Tx,
    phone: &str,
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT *
         FROM notification
         WHERE recipient = $1
         ORDER BY created_at DESC, id DESC
         LIMIT $2",
    )
    .bind(phone)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?))
}

/// How many are due to be sent, and when the oldest of what they tell happened.
pub async fn backlog(tx: &mut Tx, now: Timestamp) -> Result<(u64, Option<Timestamp>), StoreError> {
    let (due, oldest): (i64, Option<At>) = on!(tx, |conn| sqlx::query_as(
        "SELECT COUNT(*), MIN(created_at)
         FROM notification
         WHERE next_attempt_at <= $1
           AND state = 'queued'",
    )
    .bind(At(now))
    .fetch_one(conn)
    .await?);
    Ok((number(due)?, oldest.map(|At(at)| at)))
}

/// Queues one once more that was not sent, or of which nobody knows; `false` when there is none such.
pub async fn retry(
    tx: &mut Tx,
    id: NotificationId,
    now: Timestamp,
    worthless_at: Timestamp,
) -> Result<bool, StoreError> {
    let requeue = Requeue {
        due: Due::At(now),
        also: &[
            ("code =", None),
            ("note =", None),
            ("provider_id =", None),
            ("worthless_at =", Some(Value::Moment(worthless_at))),
            ("updated_at =", Some(Value::Moment(now))),
        ],
        from: "recipient IS NOT NULL AND state IN ('failed', 'unconfirmed', 'expired', 'suppressed')",
        conditions: Conditions::default().and("id =", Value::Uuid(id.uuid())),
    };
    Ok(queue::requeue(tx, &QUEUE, &requeue, None).await? > 0)
}

/// Throws away at most `limit` notifications that have not changed since; answers how many.
pub async fn purge(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    queue::purge(tx, &QUEUE, before, limit).await
}
