//! The restaurant's own systems, and every event on its way to them.

mod deliveries;
mod listing;
mod settle;

use jiff::Timestamp;
use sqlx::types::Json;

use crate::{
    domain::{Actor, EndpointFormat, EndpointId, EventType, StoreId, vocabulary},
    store::{
        StoreError, Tx,
        moment::At,
        row::{Nullable, from_row, number, read_words, readable},
        rows::Rows,
        tx::on,
    },
};

pub(in crate::store) use self::deliveries::QUEUE;
pub use self::{
    deliveries::{ClaimedDelivery, NewDelivery, NewEvent, bodies, claim, due, put, revive},
    listing::{
        Attempt, Delivery, DeliveryFilter, attempts, delivery, list_deliveries, purge, replay,
        unsettled,
    },
    settle::{NewAttempt, Settled, settle},
};

vocabulary! {
    /// Why an endpoint is told nothing.
    pub enum DisabledReason {
        /// Somebody said so.
        Asked = "asked",
        /// It answered 410: it is there no more.
        Gone = "gone",
        /// Nothing but failures came from it for too long.
        Failing = "failing",
        /// A delivery was given up, and no other has succeeded since that came into being.
        GivenUp = "given_up",
    }
}

vocabulary! {
    /// Where a delivery stands.
    pub enum DeliveryState {
        /// To be sent.
        Pending = "pending",
        /// The endpoint has it.
        Delivered = "delivered",
        /// Given up.
        Failed = "failed",
    }
}

read_words!(DeliveryState, DisabledReason);

/// One of the restaurant's own systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where it is told.
    pub url: String,
    /// What people call it.
    pub description: Option<String>,
    /// Of which events it is told; empty: of all.
    pub event_types: Vec<EventType>,
    /// Of which stores' events; empty: of all.
    pub stores: Vec<StoreId>,
    /// In which words.
    pub format: EndpointFormat,
    /// In which version of the events' format.
    pub version: String,
    /// The secret, which only its sealer opens.
    pub sealed: Vec<u8>,
    /// The secret before, and until when it signs too.
    pub former: Option<(Vec<u8>, Timestamp)>,
    /// Since when it is told nothing, and why.
    pub disabled: Option<(Timestamp, DisabledReason)>,
    /// Since when nothing but failures came from it.
    pub failing_since: Option<Timestamp>,
    /// When a delivery succeeded last.
    pub last_success_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: Actor,
    /// When it was last changed by somebody.
    pub updated_at: Timestamp,
}

impl Endpoint {
    /// Whether it is told of events of this type that belong to this store, or to none.
    pub fn wants(&self, event_type: EventType, store: Option<StoreId>) -> bool {
        (self.event_types.is_empty() || self.event_types.contains(&event_type))
            && (self.stores.is_empty() || store.is_some_and(|store| self.stores.contains(&store)))
    }
}

/// Adds one.
pub async fn insert(tx: &mut Tx, it: &Endpoint) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO webhook_endpoint (
             id, url, description, event_types, stores, format, version, sealed,
             created_at, created_by, updated_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(it.id.uuid())
    .bind(&it.url)
    .bind(&it.description)
    .bind(Json(&it.event_types))
    .bind(Json(&it.stores))
    .bind(it.format.as_str())
    .bind(&it.version)
    .bind(&it.sealed)
    .bind(At(it.created_at))
    .bind(Json(&it.created_by))
    .bind(At(it.updated_at))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// Writes down everything about one that may change.
pub async fn update(tx: &mut Tx, it: &Endpoint) -> Result<(), StoreError> {
    let former = it.former.as_ref();
    on!(tx, |conn| sqlx::query(
        "UPDATE webhook_endpoint
         SET url = $2,
             description = $3,
             event_types = $4,
             stores = $5,
             format = $6,
             version = $7,
             sealed = $8,
             former_sealed = $9,
             former_until = $10,
             disabled_at = $11,
             disabled_reason = $12,
             failing_since = $13,
             last_success_at = $14,
             updated_at = $15
         WHERE id = $1",
    )
    .bind(it.id.uuid())
    .bind(&it.url)
    .bind(&it.description)
    .bind(Json(&it.event_types))
    .bind(Json(&it.stores))
    .bind(it.format.as_str())
    .bind(&it.version)
    .bind(&it.sealed)
    .bind(former.map(|(sealed, _)| sealed))
    .bind(former.map(|(_, until)| At(*until)))
    .bind(it.disabled.map(|(at, _)| At(at)))
    .bind(it.disabled.map(|(_, reason)| reason.as_str()))
    .bind(it.failing_since.map(At))
    .bind(it.last_success_at.map(At))
    .bind(At(it.updated_at))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// Takes one away; `false` when there is none such. What it was to be told goes when it is old enough for [`purge`].
pub async fn remove(tx: &mut Tx, id: EndpointId) -> Result<bool, StoreError> {
    let removed = on!(tx, |conn| sqlx::query("DELETE FROM webhook_endpoint WHERE id = $1")
        .bind(id.uuid())
        .execute(conn)
        .await?
        .rows_affected());
    Ok(removed > 0)
}

/// One; nothing when there is none such.
pub async fn get(tx: &mut Tx, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as("SELECT * FROM webhook_endpoint WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?))
}

/// Some; nobody else changes them until this unit of work ends. What is not there is left out.
pub async fn lock(tx: &mut Tx, ids: &[EndpointId]) -> Result<Vec<Endpoint>, StoreError> {
    let tail = tx.dialect(") ORDER BY id FOR UPDATE", ") ORDER BY id");
    let rows = Rows::default().uuids(ids.iter().map(|it| it.uuid()));
    rows.fetch(tx, "SELECT * FROM webhook_endpoint WHERE id IN (", tail).await
}

/// All of them, the first one added first.
pub async fn list(tx: &mut Tx) -> Result<Vec<Endpoint>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as("SELECT * FROM webhook_endpoint ORDER BY created_at, id")
        .fetch_all(conn)
        .await?))
}

/// How many there are.
pub async fn count(tx: &mut Tx) -> Result<u32, StoreError> {
    let (count,): (i64,) = on!(tx, |conn| sqlx::query_as("SELECT COUNT(*) FROM webhook_endpoint")
        .fetch_one(conn)
        .await?);
    Ok(number(count)?)
}

/// Those that are told of events. One whose row cannot be read is left out.
pub async fn enabled(tx: &mut Tx) -> Result<Vec<Endpoint>, StoreError> {
    let rows = on!(tx, |conn| sqlx::query_as(
        "SELECT *
         FROM webhook_endpoint
         WHERE disabled_at IS NULL
         ORDER BY id"
    )
    .fetch_all(conn)
    .await?);
    Ok(readable(rows, "endpoint").0)
}

from_row!(Endpoint, |row| {
    let at = |column| row.try_get::<Nullable<At>, _>(column).map(Option::from);
    let former: Option<Vec<u8>> = row.try_get("former_sealed")?;
    let disabled: Option<Timestamp> = at("disabled_at")?;
    Self {
        id: row.try_get("id")?,
        url: row.try_get("url")?,
        description: row.try_get("description")?,
        event_types: row.try_get::<Json<_>, _>("event_types")?.0,
        stores: row.try_get::<Json<_>, _>("stores")?.0,
        format: row.try_get("format")?,
        version: row.try_get("version")?,
        sealed: row.try_get("sealed")?,
        former: former.zip(at("former_until")?),
        disabled: disabled.zip(row.try_get("disabled_reason")?),
        failing_since: at("failing_since")?,
        last_success_at: at("last_success_at")?,
        created_at: row.try_get::<At, _>("created_at")?.into(),
        created_by: row.try_get::<Json<_>, _>("created_by")?.0,
        updated_at: row.try_get::<At, _>("updated_at")?.into(),
    }
});
