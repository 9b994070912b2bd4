//! Messages that a consumer gave up on, kept for somebody to look at.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    store::{StoreError, Tx, conditions::Conditions, moment::At, tx::on},
};

/// A message that a consumer gave up on.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct DeadLetter {
    /// Its id.
    pub id: Uuid,
    /// The queue that it was in.
    pub queue: String,
    /// The message, byte for byte.
    #[sqlx(try_from = "Vec<u8>")]
    pub body: Bytes,
    /// Why it was given up.
    pub error: String,
    /// When.
    #[sqlx(try_from = "At")]
    pub died_at: Timestamp,
}

/// Keeps a message.
pub async fn put(tx: &mut Tx, letter: &DeadLetter) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO dead_letter (id, queue, body, error, died_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(letter.id)
    .bind(&letter.queue)
    .bind(&*letter.body)
    .bind(&letter.error)
    .bind(At(letter.died_at))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// A page of messages, the one that died last first.
pub async fn list(tx: &mut Tx, page: PageRequest) -> Result<Page<DeadLetter>, StoreError> {
    let select = ("SELECT id, queue, body, error, died_at FROM dead_letter", "died_at");
    let cursor = |row: &DeadLetter| Cursor { at: row.died_at, id: row.id };
    Conditions::default().page(tx, select, page, cursor).await
}
