//! Looking after notifications.

use jiff::Timestamp;
use sqlx::QueryBuilder;

use crate::{
    base::cursor::Cursor,
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
    /// The last one of the page before: its `created_at` and id.
    pub before: Option<Cursor>,
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
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    Ok(on!(tx, |conn| {
        let mut query = QueryBuilder::new("SELECT * FROM notification WHERE TRUE");
        if let Some(order_id) = filter.order_id {
            query.push(" AND order_id = ").push_bind(order_id.uuid());
        }
        if let Some(stores) = &filter.stores {
            query.push(" AND store_id IN (NULL");
            for store in stores {
                query.push(", ").push_bind(store.uuid());
            }
            query.push(")");
        }
        if let Some(state) = filter.state {
            query.push(" AND state = ").push_bind(state.as_str());
        }
        if let Some(channel) = filter.channel {
            query.push(" AND channel = ").push_bind(channel.as_str());
        }
        if let Some(before) = filter.before {
            query.push(" AND (created_at, id) < (").push_bind(At(before.at));
            query.push(", ").push_bind(before.id).push(")");
        }
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
        query.build_query_as().fetch_all(conn).await?
    }))
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
