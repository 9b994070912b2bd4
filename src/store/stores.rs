//! The branches of the restaurant.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, types::Json};

use crate::{
    domain::{Store, StoreId},
    store::{
        StoreError, Tx, latest_events, moment::At, outbox::OutboxMessage, row::number, tx::on,
    },
};

/// Adds a store, and the event that says so. [`StoreError::Conflict`] when there is one with its id.
pub async fn insert(
    tx: &mut Tx,
    store: &Store,
    message: &OutboxMessage,
    at: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO store (id, version, body, created_at)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(store.id.uuid())
    .bind(i64::from(store.version))
    .bind(Json(store))
    .bind(At(at))
    .execute(conn)
    .await?
    .rows_affected());
    latest_events::put(tx, &[message]).await
}

/// One store; nothing when there is no such store.
pub async fn get(tx: &mut Tx, id: StoreId) -> Result<Option<Store>, StoreError> {
    let row: Option<(i64, Json<Store>)> = on!(tx, |conn| sqlx::query_as(
        "SELECT version, body
         FROM store
         WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?);
    row.map(store).transpose()
}

/// One store; nobody else changes it until this unit of work ends.
pub async fn lock(tx: &mut Tx, id: StoreId) -> Result<Option<Store>, StoreError> {
    let locking = tx.dialect(" FOR UPDATE", "");
    let sql = format!("SELECT version, body FROM store WHERE id = $1{locking}");
    let row = on!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?);
    row.map(store).transpose()
}

/// Writes down a store's changed settings, and the event that says so. [`StoreError::Conflict`] when it is not at the version before.
pub async fn update(tx: &mut Tx, store: &Store, message: &OutboxMessage) -> Result<(), StoreError> {
    let updated = on!(tx, |conn| sqlx::query(
        "UPDATE store
         SET version = $2,
             body = $3
         WHERE id = $1
           AND version = $2 - 1",
    )
    .bind(store.id.uuid())
    .bind(i64::from(store.version))
    .bind(Json(store))
    .execute(conn)
    .await?
    .rows_affected());
    if updated == 0 {
        return Err(StoreError::Conflict);
    }
    latest_events::put(tx, &[message]).await
}

/// Every store, in the order in which they were added.
pub async fn list(tx: &mut Tx) -> Result<Vec<Store>, StoreError> {
    let rows: Vec<(i64, Json<Store>)> = on!(tx, |conn| sqlx::query_as(
        "SELECT version, body
         FROM store
         ORDER BY created_at, id",
    )
    .fetch_all(conn)
    .await?);
    rows.into_iter().map(store).collect()
}

/// The number that people call a store's next order by: 1 to 999, then 1 again.
///
/// Whoever wants another one of the same store waits until this unit of work ends.
pub async fn next_number(tx: &mut Tx, id: StoreId) -> Result<u32, StoreError> {
    let next: Option<i64> = on!(tx, |conn| sqlx::query_scalar(
        "UPDATE store
         SET last_number = last_number % 999 + 1
         WHERE id = $1
         RETURNING last_number",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?);
    match next {
        Some(next) => Ok(number(next)?),
        None => Err(StoreError::Inconsistent(format!("there is no store {id}"))),
    }
}

fn store((version, Json(store)): (i64, Json<Store>)) -> Result<Store, StoreError> {
    // A node of the release before this one writes the body without the version.
    Ok(Store { version: number(version)?, ..store })
}
