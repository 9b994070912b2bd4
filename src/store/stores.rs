//! The branches of the restaurant.

use jiff::Timestamp;
use sqlx::types::Json;

use crate::{
    domain::{Store, StoreId},
    store::{
        StoreError, Tx,
        moment::At,
        row::number,
        tx::{Conn, on},
    },
};

/// Adds a store. [`StoreError::Conflict`] when there is one with its id.
pub async fn insert(tx: &mut Tx, store: &Store, at: Timestamp) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO store (id, body, created_at)
         VALUES ($1, $2, $3)",
    )
    .bind(store.id.uuid())
    .bind(Json(store))
    .bind(At(at))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// One store; nothing when there is no such store.
pub async fn get(tx: &mut Tx, id: StoreId) -> Result<Option<Store>, StoreError> {
    let body: Option<Json<Store>> = on!(tx, |conn| sqlx::query_scalar(
        "SELECT body
         FROM store
         WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?);
    Ok(body.map(|Json(store)| store))
}

/// One store; nobody else changes it until this unit of work ends.
pub async fn lock(tx: &mut Tx, id: StoreId) -> Result<Option<Store>, StoreError> {
    let body: Option<Json<Store>> = match &mut tx.conn {
        Conn::Postgres(session) => {
            sqlx::query_scalar("SELECT body FROM store WHERE id = $1 FOR UPDATE")
                .bind(id.uuid())
                .fetch_optional(&mut **session)
                .await?
        }
        // The unit of work is the only one that writes.
        Conn::Sqlite(_) => return get(tx, id).await,
    };
    Ok(body.map(|Json(store)| store))
}

/// Writes a store's settings down.
pub async fn update(tx: &mut Tx, store: &Store) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE store
         SET body = $2
         WHERE id = $1",
    )
    .bind(store.id.uuid())
    .bind(Json(store))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// Every store, in the order in which they were added.
pub async fn list(tx: &mut Tx) -> Result<Vec<Store>, StoreError> {
    let bodies: Vec<Json<Store>> = on!(tx, |conn| sqlx::query_scalar(
        "SELECT body
         FROM store
         ORDER BY created_at, id",
    )
    .fetch_all(conn)
    .await?);
    Ok(bodies.into_iter().map(|Json(store)| store).collect())
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
