//! Events on their way to the bus. Written with the change that they tell of; removed after the broker's confirm.

use bytes::Bytes;
use jiff::Timestamp;
use sqlx::QueryBuilder;

use crate::{
    domain::{EventId, OrderId, Routing, StoreId},
    store::{
        StoreError, Tx, Work,
        moment::At,
        row::{Nullable, from_row, number},
        rows::Rows,
        tx::{Conn, on},
    },
};

/// An event that is to leave by the bus.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct OutboxMessage {
    /// The event's id.
    pub event_id: EventId,
    /// Where it goes.
    #[sqlx(flatten)]
    pub routing: Routing,
    /// The envelope, as it goes over the wire.
    #[sqlx(try_from = "Vec<u8>")]
    pub body: Bytes,
    /// When it happened.
    #[sqlx(try_from = "At")]
    pub created_at: Timestamp,
}

/// An event that waits to leave.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct OutboxRow {
    /// Its place in the queue.
    pub seq: i64,
    /// The event.
    #[sqlx(flatten)]
    pub message: OutboxMessage,
}

/// What waits to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Backlog {
    /// How many events.
    #[sqlx(rename = "waiting", try_from = "i64")]
    pub rows: u64,
    /// When the first of them happened.
    #[sqlx(try_from = "Nullable<At>")]
    pub oldest: Option<Timestamp>,
}

/// The columns of an [`OutboxRow`], by name: a plan that was prepared with all of them fails when a newer release adds one.
const COLUMNS: &str = "seq, event_id, event_type, subject_type, subject_id, subject_version, partition_key, order_id, store_id,
    customer_id, courier_id, traceparent, body, created_at";

/// The events behind the place `after`, in the order of their places.
pub async fn peek(tx: &mut Tx, after: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM event_outbox WHERE seq > ");
    Ok(on!(tx, |conn| {
        let mut query = QueryBuilder::new(head);
        query.push_bind(after).push(" ORDER BY seq LIMIT ").push_bind(i64::from(limit));
        query.build_query_as().fetch_all(conn).await?
    }))
}

/// The places of events behind the first place up to the second, in order. Empty on SQLite: its one writer leaves no gap that could be
/// filled later.
pub async fn places(
    tx: &mut Tx,
    (after, through): (i64, i64),
    limit: u32,
) -> Result<Vec<i64>, StoreError> {
    let Conn::Postgres(session) = &mut tx.conn else { return Ok(Vec::new()) };
    let sql = "SELECT seq FROM event_outbox WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3";
    let places = sqlx::query_scalar(sql).bind(after).bind(through).bind(i64::from(limit));
    Ok(places.fetch_all(&mut **session).await?)
}

/// The events at these places, in the order of their places.
pub async fn at(tx: &mut Tx, places: &[i64]) -> Result<Vec<OutboxRow>, StoreError> {
    let rows = Rows::default().numbers(places.iter().copied());
    let head = format!("SELECT {COLUMNS} FROM event_outbox WHERE seq IN (");
    let mut found: Vec<OutboxRow> = rows.fetch(tx, &head, ")").await?;
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
    rows.execute(tx, "DELETE FROM event_outbox WHERE seq IN (", ")").await.map(drop)
}

/// What waits behind the place `after`.
pub async fn backlog(tx: &mut Tx, after: i64) -> Result<Backlog, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest
         FROM event_outbox
         WHERE seq > $1",
    )
    .bind(after)
    .fetch_one(conn)
    .await?))
}

/// Queues events. Only for those who record the change itself.
pub(in crate::store) async fn put(
    tx: &mut Tx,
    messages: &[&OutboxMessage],
) -> Result<(), StoreError> {
    let messages = || messages.iter();
    let routes = || messages().map(|message| &message.routing);
    let rows = Rows::default()
        .uuids(messages().map(|message| message.event_id.uuid()))
        .uuids(routes().map(|routing| routing.order_id.map(OrderId::uuid)))
        .numbers(routes().map(|routing| routing.subject_version))
        .uuids(routes().map(|routing| routing.store_id.map(StoreId::uuid)))
        .texts(routes().map(|routing| &*routing.event_type))
        .blobs(messages().map(|message| &*message.body))
        .moments(messages().map(|message| message.created_at))
        .texts(routes().map(|routing| &*routing.subject_type))
        .texts(routes().map(|routing| &*routing.subject_id))
        .texts(routes().map(|routing| &*routing.partition_key))
        .texts(routes().map(|routing| routing.customer_id.as_deref()))
        .texts(routes().map(|routing| routing.courier_id.as_deref()))
        .texts(routes().map(|routing| routing.traceparent.as_deref()));
    let head = "INSERT INTO event_outbox (
            event_id, order_id, subject_version, store_id, event_type, body, created_at,
            subject_type, subject_id, partition_key, customer_id, courier_id, traceparent
        )";
    if rows.execute(tx, head, "").await? > 0 {
        tx.wrote(Work::Outbox);
    }
    Ok(())
}

from_row!(Routing, |row| Self {
    event_type: row.try_get("event_type")?,
    subject_type: row.try_get("subject_type")?,
    subject_id: row.try_get("subject_id")?,
    subject_version: number(row.try_get("subject_version")?)?,
    partition_key: row.try_get("partition_key")?,
    order_id: row.try_get("order_id")?,
    store_id: row.try_get("store_id")?,
    customer_id: row.try_get("customer_id")?,
    courier_id: row.try_get("courier_id")?,
    traceparent: row.try_get("traceparent")?,
});
