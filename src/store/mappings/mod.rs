//! What others call our things.

mod listing;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

pub use self::listing::{
    MappingChange, MappingFilter, Stale, any_stale, changes, claim_stale, list,
};
use crate::{
    domain::Actor,
    store::{StoreError, Tx, moment::At, row::Nullable, rows::Rows, tx::on},
};

/// The type of a mapping that is about an order.
pub const ORDER: &str = "order";

/// The type of a mapping that is about a store.
pub const STORE: &str = "store";

/// One of another system's things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId {
    /// The other system: the partner's slug.
    pub system: String,
    /// What kind of thing it is to the other system.
    pub kind: String,
    /// Its id there.
    pub id: String,
}

/// Another system's name for one of our things.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Mapping {
    /// Its id.
    pub id: Uuid,
    /// What kind of thing it is to us: `order`, `store`.
    pub local_entity_type: String,
    /// Our id.
    pub local_entity_id: Uuid,
    /// The other system: the partner's slug.
    pub external_system: String,
    /// Its id.
    pub external_entity_id: String,
    /// What kind of thing it is to the other system. One id may name things of several kinds.
    pub external_entity_type: String,
    /// What else the other system needs to hear.
    pub mapping_data: Option<Value>,
    /// When the other system was last asked about it.
    #[sqlx(try_from = "Nullable<At>")]
    pub last_synced: Option<Timestamp>,
    /// `active`, unless there is more to say.
    pub sync_status: String,
    /// When it was bound.
    #[sqlx(try_from = "At")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[sqlx(try_from = "At")]
    pub updated_at: Timestamp,
}

impl Mapping {
    /// The other system's side of it.
    pub fn external_id(&self) -> ExternalId {
        ExternalId {
            system: self.external_system.clone(),
            kind: self.external_entity_type.clone(),
            id: self.external_entity_id.clone(),
        }
    }
}

/// Binds an external id to a thing of ours, or brings what is known of the bond up to date.
///
/// [`StoreError::Conflict`] when it is bound to another thing; then nothing has changed.
pub async fn bind(tx: &mut Tx, mapping: &Mapping) -> Result<(), StoreError> {
    let bound = on!(tx, |conn| sqlx::query(
        "INSERT INTO integration_mappings AS known (
             id, local_entity_type, local_entity_id,
             external_system, external_entity_id, external_entity_type,
             mapping_data, last_synced, sync_status, created_at, updated_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (external_system, external_entity_type, external_entity_id) DO UPDATE
         SET mapping_data = excluded.mapping_data,
             last_synced = excluded.last_synced,
             sync_status = excluded.sync_status,
             updated_at = excluded.updated_at
         WHERE known.local_entity_type = excluded.local_entity_type
           AND known.local_entity_id = excluded.local_entity_id",
    )
    .bind(mapping.id)
    .bind(&mapping.local_entity_type)
    .bind(mapping.local_entity_id)
    .bind(&mapping.external_system)
    .bind(&mapping.external_entity_id)
    .bind(&mapping.external_entity_type)
    .bind(mapping.mapping_data.as_ref().map(Json))
    .bind(mapping.last_synced.map(At))
    .bind(&mapping.sync_status)
    .bind(At(mapping.created_at))
    .bind(At(mapping.updated_at))
    .execute(conn)
    .await?
    .rows_affected());
    if bound == 0 { Err(StoreError::Conflict) } else { Ok(()) }
}

/// Binds an external id to a thing of ours whatever it was bound to before: who says so last is right. The log keeps who did it.
pub async fn rebind(tx: &mut Tx, mapping: &Mapping, actor: &Actor) -> Result<(), StoreError> {
    let id = mapping.external_id();
    let before = get(tx, &id).await?.map(|it| it.local_entity_id);
    if before.is_some_and(|it| it != mapping.local_entity_id) {
        remove(tx, &id).await?;
    }
    bind(tx, mapping).await?;
    if before != Some(mapping.local_entity_id) {
        let to = Some(mapping.local_entity_id);
        log(tx, mapping.id, &id, (before, to), actor, mapping.updated_at).await?;
    }
    Ok(())
}

/// Notes when both sides were last known to agree, `None` for no news of that, and how the bond stands.
pub async fn synced(
    tx: &mut Tx,
    id: &ExternalId,
    at: Option<Timestamp>,
    status: &str,
) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE integration_mappings
         SET last_synced = COALESCE($4, last_synced),
             sync_status = $5
         WHERE external_system = $1
           AND external_entity_type = $2
           AND external_entity_id = $3",
    )
    .bind(&id.system)
    .bind(&id.kind)
    .bind(&id.id)
    .bind(at.map(At))
    .bind(status)
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// One mapping; nothing when the external id is bound to nothing.
pub async fn get(tx: &mut Tx, id: &ExternalId) -> Result<Option<Mapping>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT *
         FROM integration_mappings
         WHERE external_system = $1
           AND external_entity_type = $2
           AND external_entity_id = $3",
    )
    .bind(&id.system)
    .bind(&id.kind)
    .bind(&id.id)
    .fetch_optional(conn)
    .await?))
}

/// Binds an external id to nothing any more; `false` when it was bound to nothing. `entry` is the id of the log's entry.
pub async fn unbind(
    tx: &mut Tx,
    id: &ExternalId,
    actor: &Actor,
    (entry, at): (Uuid, Timestamp),
) -> Result<bool, StoreError> {
    let Some(before) = get(tx, id).await? else { return Ok(false) };
    remove(tx, id).await?;
    log(tx, entry, id, (Some(before.local_entity_id), None), actor, at).await?;
    Ok(true)
}

async fn remove(tx: &mut Tx, id: &ExternalId) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "DELETE FROM integration_mappings
         WHERE external_system = $1
           AND external_entity_type = $2
           AND external_entity_id = $3",
    )
    .bind(&id.system)
    .bind(&id.kind)
    .bind(&id.id)
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

async fn log(
    tx: &mut Tx,
    entry: Uuid,
    id: &ExternalId,
    (from, to): (Option<Uuid>, Option<Uuid>),
    actor: &Actor,
    at: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO integration_mapping_log (
             id, external_system, external_entity_type, external_entity_id,
             was_bound_to, bound_to, actor, changed_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(entry)
    .bind(&id.system)
    .bind(&id.kind)
    .bind(&id.id)
    .bind(from)
    .bind(to)
    .bind(Json(actor))
    .bind(At(at))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// Our ids behind external ones, in no order; what is not bound is left out.
pub async fn resolve(
    tx: &mut Tx,
    system: &str,
    entity_type: &str,
    external_ids: &[&str],
) -> Result<Vec<(String, Uuid)>, StoreError> {
    // Whose they are travels with each, so that the statement is the same for all dialects and numbers.
    let rows = Rows::default()
        .texts(external_ids.iter().map(|_| system))
        .texts(external_ids.iter().map(|_| entity_type))
        .texts(external_ids.iter().copied());
    let head = "SELECT external_entity_id, local_entity_id
        FROM integration_mappings
        WHERE (external_system, external_entity_type, external_entity_id) IN (";
    rows.fetch(tx, head, ")").await
}
