//! The rules of stores that have their own, and templates that cannot be used at present.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::types::Json;

use crate::{
    domain::{Actor, NotifyRules, StoreId},
    store::{StoreError, Tx, moment::At, tx::on},
};

/// A store's own rules; nothing where it has none.
pub async fn get(tx: &mut Tx, store: StoreId) -> Result<Option<NotifyRules>, StoreError> {
    let found: Option<(Json<NotifyRules>,)> =
        on!(tx, |conn| sqlx::query_as("SELECT body FROM notify_rules WHERE store_id = $1")
            .bind(store.uuid())
            .fetch_optional(conn)
            .await?);
    Ok(found.map(|(Json(rules),)| rules))
}

/// Gives a store rules of its own.
pub async fn put(
    tx: &mut Tx,
    store: StoreId,
    rules: &NotifyRules,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO notify_rules (store_id, body, actor, updated_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (store_id) DO UPDATE
         SET body = excluded.body,
             actor = excluded.actor,
             updated_at = excluded.updated_at",
    )
    .bind(store.uuid())
    .bind(Json(rules))
    .bind(Json(actor))
    .bind(At(now))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// Takes a store's own rules away; `false` where it has none.
pub async fn remove(tx: &mut Tx, store: StoreId) -> Result<bool, StoreError> {
    let removed = on!(tx, |conn| sqlx::query("DELETE FROM notify_rules WHERE store_id = $1")
        .bind(store.uuid())
        .execute(conn)
        .await?
        .rows_affected());
    Ok(removed > 0)
}

/// From now on a template cannot be used in this language.
pub async fn stop_template(
    tx: &mut Tx,
    (name, language): (&str, &str),
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO template_stop (name, language, reason, at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (name, language) DO UPDATE
         SET reason = excluded.reason,
             at = excluded.at",
    )
    .bind(name)
    .bind(language)
    .bind(reason)
    .bind(At(now))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// A template can be used again.
pub async fn release_template(tx: &mut Tx, name: &str, language: &str) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query("DELETE FROM template_stop WHERE name = $1 AND language = $2")
        .bind(name)
        .bind(language)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(())
}

/// The templates that cannot be used: name, language in the channel's words, why, since when.
pub async fn stopped(tx: &mut Tx) -> Result<Vec<(String, String, String, Timestamp)>, StoreError> {
    let rows: Vec<(String, String, String, At)> = on!(tx, |conn| sqlx::query_as(
        "SELECT name, language, reason, at FROM template_stop ORDER BY name, language"
    )
    .fetch_all(conn)
    .await?);
    Ok(rows
        .into_iter()
        .map(|(name, language, reason, At(at))| (name, language, reason, at))
        .collect())
}

/// Their names and languages.
pub async fn stopped_names(tx: &mut Tx) -> Result<HashSet<(String, String)>, StoreError> {
    Ok(stopped(tx).await?.into_iter().map(|(name, language, ..)| (name, language)).collect())
}
