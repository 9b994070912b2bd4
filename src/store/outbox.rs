//! Events on their way to the bus. Written with the change that they tell of; removed after the broker's confirm.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{EventId, EventType, Order, OrderId, StoreId, Version},
    store::{
        StoreError, Tx, Work,
        moment::At,
        row::{from_row, number, word},
        rows::Rows,
        tx::{Conn, on},
    },
};

/// An event that is to leave by the bus. It is about the order that it is [appended](crate::store::orders::Append) with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMessage {
    /// The event's id.
    pub event_id: EventId,
    /// The order's version after it.
    pub version: Version,
    /// What it tells of.
    pub event_type: EventType,
    /// The envelope, as it goes over the wire.
    pub body: Bytes,
}

/// An event that waits to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its place in the queue.
    pub seq: i64,
    /// The event's id.
    pub event_id: EventId,
    /// The order that it is about.
    pub order_id: OrderId,
    /// The order's version after it.
    pub version: Version,
    /// The order's store.
    pub store_id: StoreId,
    /// What it tells of.
    pub event_type: EventType,
    /// The envelope, as it goes over the wire.
    pub body: Bytes,
    /// When it happened.
    pub created_at: Timestamp,
}

/// What waits to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// How many events.
    pub rows: u64,
    /// When the first of them happened.
    pub oldest: Option<Timestamp>,
}

/// The events behind the place `after`, in the order of their places.
pub async fn peek(tx: &mut Tx, after: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT seq, event_id, order_id, version, store_id, event_type, body, created_at
         FROM outbox
         WHERE seq > $1
         ORDER BY seq
         LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?))
}

/// The events that have appeared at these places since they were seen empty, in the order of their places. On PostgreSQL a place is taken
/// before the commit. SQLite has one writer, so there nothing appears late.
pub async fn late(tx: &mut Tx, places: &[i64]) -> Result<Vec<OutboxRow>, StoreError> {
    if matches!(tx.conn, Conn::Sqlite(_)) {
        return Ok(Vec::new());
    }
    let rows = Rows::default().numbers(places.iter().copied());
    let head = "SELECT seq, event_id, order_id, version, store_id, event_type, body, created_at
        FROM outbox
        WHERE seq IN (";
    let mut found: Vec<OutboxRow> = rows.fetch(tx, head, ")").await?;
    found.sort_by_key(|row| row.seq);
    Ok(found)
}

/// Lets a removal that is committed be forgotten in a crash of PostgreSQL: its events would only be published again, which nobody
/// is shown. The relay, which does nothing else meanwhile, need not wait for the disk.
pub async fn may_come_back(tx: &mut Tx) -> Result<(), StoreError> {
    if let Conn::Postgres(session) = &mut tx.conn {
        sqlx::query("SET LOCAL synchronous_commit TO OFF").execute(&mut **session).await?;
    }
    Ok(())
}

/// Removes events that have left.
pub async fn remove(tx: &mut Tx, seqs: &[i64]) -> Result<(), StoreError> {
    let rows = Rows::default().numbers(seqs.iter().copied());
    rows.execute(tx, "DELETE FROM outbox WHERE seq IN (", ")").await.map(drop)
}

/// What waits behind the place `after`.
pub async fn backlog(tx: &mut Tx, after: i64) -> Result<Backlog, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest
         FROM outbox
         WHERE seq > $1",
    )
    .bind(after)
    .fetch_one(conn)
    .await?))
}

/// Queues events. Only for those who record the change itself.
pub(in crate::store) async fn put(
    tx: &mut Tx,
    messages: &[(&Order, &OutboxMessage)],
) -> Result<(), StoreError> {
    let orders = || messages.iter().map(|(order, _)| order);
    let messages = || messages.iter().map(|(_, message)| message);
    let rows = Rows::default()
        .uuids(messages().map(|it| it.event_id.uuid()))
        .uuids(orders().map(|it| it.id.uuid()))
        .numbers(messages().map(|it| it.version))
        .uuids(orders().map(|it| it.store_id.uuid()))
        .texts(messages().map(|it| it.event_type.as_str()))
        .blobs(messages().map(|it| &*it.body))
        .moments(orders().map(|it| it.updated_at));
    let head = "INSERT INTO outbox (
            event_id, order_id, version, store_id, event_type, body, created_at
        )";
    if rows.execute(tx, head, "").await? > 0 {
        tx.wrote(Work::Outbox);
    }
    Ok(())
}

from_row!(OutboxRow, |row| Self {
    seq: row.try_get("seq")?,
    event_id: EventId::from_uuid(row.try_get::<Uuid, _>("event_id")?),
    order_id: OrderId::from_uuid(row.try_get::<Uuid, _>("order_id")?),
    version: number(row.try_get("version")?)?,
    store_id: StoreId::from_uuid(row.try_get::<Uuid, _>("store_id")?),
    event_type: word(row.try_get("event_type")?)?,
    body: Bytes::from(row.try_get::<Vec<u8>, _>("body")?),
    created_at: row.try_get::<At, _>("created_at")?.0,
});

from_row!(Backlog, |row| Self {
    rows: number(row.try_get("waiting")?)?,
    oldest: row.try_get::<Option<At>, _>("oldest")?.map(|At(at)| at),
});
