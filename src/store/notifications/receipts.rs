//! What channels report of messages.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use crate::{
    domain::{NotificationId, NotificationState, ReceiptStatus, Trouble},
    store::{
        StoreError, Tx,
        moment::At,
        notifications::Notification,
        tx::{Conn, on},
    },
};

/// Keeps others from moving these until this unit of work ends. Locks are taken in the order of the ids.
pub async fn lock(tx: &mut Tx, ids: &[NotificationId]) -> Result<(), StoreError> {
    // On SQLite this unit of work is the only one that writes.
    if let Conn::Postgres(session) = &mut tx.conn {
        let ids: Vec<_> = ids.iter().map(|it| it.uuid()).collect();
        sqlx::query("SELECT 1 FROM notification WHERE id = ANY($1) ORDER BY id FOR UPDATE")
            .bind(ids)
            .execute(&mut **session)
            .await?;
    }
    Ok(())
}

/// The notification of this id, or else of the channel's name for the message, locked: receipts of one message may come to two at once.
pub async fn find(
    tx: &mut Tx,
    id: Option<NotificationId>,
    provider_id: &str,
) -> Result<Option<Notification>, StoreError> {
    let locking = tx.dialect(" FOR UPDATE", "");
    if let Some(id) = id {
        let sql = format!("SELECT * FROM notification WHERE id = $1{locking}");
        let found: Option<Notification> = on!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
            .bind(id.uuid())
            .fetch_optional(conn)
            .await?);
        if found.is_some() {
            return Ok(found);
        }
    }
    let sql = format!("SELECT * FROM notification WHERE provider_id = $1 LIMIT 1{locking}");
    Ok(on!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(provider_id)
        .fetch_optional(conn)
        .await?))
}

/// Writes down what a receipt says; `state` is what follows from it.
pub async fn receive(
    tx: &mut Tx,
    id: NotificationId,
    (status, state): (ReceiptStatus, NotificationState),
    provider_id: &str,
    why: Option<&Trouble>,
    (at, now): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let moment = |of: &[ReceiptStatus]| of.contains(&status).then_some(At(at));
    let arrived = [ReceiptStatus::Delivered, ReceiptStatus::Read];
    on!(tx, |conn| sqlx::query(
        "UPDATE notification
         SET state = $2,
             next_attempt_at = NULL,
             settled_at = $9,
             claims = claims + 1,
             provider_id = COALESCE(provider_id, $3),
             code = $4,
             note = $5,
             sent_at = COALESCE(sent_at, $6),
             delivered_at = COALESCE(delivered_at, $7),
             read_at = COALESCE(read_at, $8),
             updated_at = $9
         WHERE id = $1",
    )
    .bind(id.uuid())
    .bind(state.as_str())
    .bind(provider_id)
    .bind(why.map(|it| it.code.as_str()))
    .bind(why.map(|it| it.note.as_str()))
    .bind(moment(&[ReceiptStatus::Sent, ReceiptStatus::Delivered, ReceiptStatus::Read]))
    .bind(moment(&arrived))
    .bind(moment(&[ReceiptStatus::Read]))
    .bind(At(now))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}
