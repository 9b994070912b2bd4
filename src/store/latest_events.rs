//! The newest event of each subject that has no log of its own. Orders have one.

use bytes::Bytes;
use jiff::Timestamp;

use crate::store::{
    StoreError, Tx,
    moment::At,
    outbox::{self, OutboxMessage},
    rows::Rows,
    tx::on,
};

/// Queues events about subjects that have no log, each subject's newest as the one to be found here. Only for those who record the
/// change itself.
pub(in crate::store) async fn put(
    tx: &mut Tx,
    messages: &[&OutboxMessage],
) -> Result<(), StoreError> {
    outbox::put(tx, messages).await?;
    let messages = || messages.iter();
    let rows = Rows::default()
        .texts(messages().map(|message| &*message.routing.subject_type))
        .texts(messages().map(|message| &*message.routing.subject_id))
        .numbers(messages().map(|message| message.routing.subject_version))
        .blobs(messages().map(|message| &*message.body))
        .moments(messages().map(|message| message.created_at));
    let head = "INSERT INTO latest_event (
            subject_type, subject_id, subject_version, body, recorded_at
        )";
    let tail = "ON CONFLICT (subject_type, subject_id) DO UPDATE
        SET subject_version = excluded.subject_version,
            body = excluded.body,
            recorded_at = excluded.recorded_at
        WHERE latest_event.subject_version < excluded.subject_version";
    rows.execute(tx, head, tail).await.map(drop)
}

/// The newest events of subjects that changed at or after a moment, as they were published; the oldest first.
pub async fn since(tx: &mut Tx, since: Timestamp) -> Result<Vec<Bytes>, StoreError> {
    let bodies: Vec<Vec<u8>> = on!(tx, |conn| sqlx::query_scalar(
        "SELECT body
         FROM latest_event
         WHERE recorded_at >= $1
         ORDER BY recorded_at",
    )
    .bind(At(since))
    .fetch_all(conn)
    .await?);
    Ok(bodies.into_iter().map(Bytes::from).collect())
}
