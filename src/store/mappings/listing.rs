//! Looking mappings up, both ways.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    domain::Actor,
    store::{
        StoreError, Tx,
        conditions::{Conditions, Value},
        mappings::{ExternalId, Mapping},
        moment::At,
        tx::on,
    },
};

/// Which mappings are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct MappingFilter {
    /// Of this other system.
    pub system: Option<String>,
    /// Of this thing of ours.
    pub local_id: Option<Uuid>,
    /// Of this id of the other system.
    pub external_id: Option<String>,
}

/// One change of a mapping.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct MappingChange {
    /// What it was bound to; `None` for nothing.
    #[sqlx(rename = "was_bound_to")]
    pub from: Option<Uuid>,
    /// What it has been bound to since; `None` for nothing.
    #[sqlx(rename = "bound_to")]
    pub to: Option<Uuid>,
    /// Who did it.
    #[sqlx(json)]
    pub actor: Actor,
    /// When.
    #[sqlx(rename = "changed_at", try_from = "At")]
    pub at: Timestamp,
}

/// A page of mappings, the youngest first.
pub async fn list(
    tx: &mut Tx,
    filter: &MappingFilter,
    page: PageRequest,
) -> Result<Page<Mapping>, StoreError> {
    let conditions = Conditions::default()
        .and("external_system =", filter.system.as_deref().map(Value::Text))
        .and("local_entity_id =", filter.local_id.map(Value::Uuid))
        .and("external_entity_id =", filter.external_id.as_deref().map(Value::Text));
    let select = ("SELECT * FROM integration_mappings", "created_at");
    let cursor = |row: &Mapping| Cursor { at: row.created_at, id: row.id };
    conditions.page(tx, select, page, cursor).await
}

/// Things of another system that have stood still.
#[derive(Clone, Copy, Debug)]
pub struct Stale<'a> {
    /// The other system.
    pub system: &'a str,
    /// What kind of things of ours.
    pub kind: &'a str,
    /// Neither changed nor synced since.
    pub before: Timestamp,
    /// They count as synced from now on.
    pub now: Timestamp,
}

/// Which mappings have stood still. From the open orders, which are few, to their mappings, of which there are ever more.
const STALE: &str = "SELECT mapping.id
    FROM orders
    CROSS JOIN integration_mappings AS mapping -- in SQLite: in this order
    WHERE orders.ended_at IS NULL
      AND orders.updated_at <= $3
      AND mapping.local_entity_type = $2
      AND mapping.local_entity_id = orders.id
      AND mapping.external_system = $1
      AND (mapping.last_synced IS NULL OR mapping.last_synced <= $3)";

/// Whether there are any mappings for [`claim_stale`].
pub async fn any_stale(tx: &mut Tx, stale: &Stale<'_>) -> Result<bool, StoreError> {
    let sql = format!("{STALE} LIMIT 1");
    let found: Option<Uuid> = on!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(stale.system)
        .bind(stale.kind)
        .bind(At(stale.before))
        .fetch_optional(conn)
        .await?);
    Ok(found.is_some())
}

/// Takes the mappings of open orders that have stood still, those first that were never synced.
pub async fn claim_stale(
    tx: &mut Tx,
    stale: &Stale<'_>,
    limit: u32,
) -> Result<Vec<Mapping>, StoreError> {
    let locking = tx.dialect("FOR UPDATE OF mapping SKIP LOCKED", "");
    let sql = format!(
        "UPDATE integration_mappings
         SET last_synced = $4
         WHERE id IN ({STALE} ORDER BY mapping.last_synced NULLS FIRST LIMIT $5 {locking})
         RETURNING *"
    );
    Ok(on!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(stale.system)
        .bind(stale.kind)
        .bind(At(stale.before))
        .bind(At(stale.now))
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?))
}

/// What an external id was bound to, the first change first.
pub async fn changes(tx: &mut Tx, id: &ExternalId) -> Result<Vec<MappingChange>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT was_bound_to, bound_to, actor, changed_at
         FROM integration_mapping_log
         WHERE external_system = $1
           AND external_entity_type = $2
           AND external_entity_id = $3
         ORDER BY changed_at, id",
    )
    .bind(&id.system)
    .bind(&id.kind)
    .bind(&id.id)
    .fetch_all(conn)
    .await?))
}
