//! Events on their way to endpoints: put down once, claimed when they are due.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{DeliveryId, EndpointId, EventId, OrderId, Routing, Version},
    store::{
        StoreError, Tx, Work,
        endpoints::{DeliveryState, Endpoint},
        moment::At,
        row::{from_row, number, readable},
        rows::Rows,
        tx::{Conn, on},
    },
};

/// What endpoints are told.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The event.
    pub id: EventId,
    /// Its envelope, as it was published.
    pub body: Bytes,
    /// When it was put down.
    pub created_at: Timestamp,
}

/// Something that one endpoint is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery<'a> {
    /// Its id.
    pub id: DeliveryId,
    /// Who is told.
    pub endpoint_id: EndpointId,
    /// Of what.
    pub event_id: EventId,
    /// What that is about, and what it must stay in order with.
    pub routing: &'a Routing,
    /// When it was put down.
    pub created_at: Timestamp,
}

/// A delivery that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its id.
    pub id: DeliveryId,
    /// Who is told.
    pub endpoint_id: EndpointId,
    /// Of what.
    pub event_id: EventId,
    /// With the endpoint, its lane: deliveries with the same one are sent in order, one at a time.
    pub partition_key: Box<str>,
    /// The version of the event's subject: its place in the lane.
    pub subject_version: Version,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When it was put down.
    pub created_at: Timestamp,
}

/// Puts events down, and who is to be told of them. What is there already is left as it is.
///
/// Rows are written in the order of their unique keys, so two transactions with the same events cannot deadlock.
pub async fn put(
    tx: &mut Tx,
    events: &[NewEvent],
    deliveries: &[NewDelivery<'_>],
) -> Result<(), StoreError> {
    let mut events: Vec<_> = events.iter().collect();
    events.sort_by_key(|event| event.id);
    let mut deliveries: Vec<_> = deliveries.iter().collect();
    deliveries.sort_by_key(|delivery| (delivery.event_id, delivery.endpoint_id));
    let rows = Rows::default()
        .uuids(events.iter().map(|it| it.id.uuid()))
        .blobs(events.iter().map(|it| &*it.body))
        .moments(events.iter().map(|it| it.created_at));
    let head = "INSERT INTO webhook_event (event_id, body, created_at)";
    rows.execute(tx, head, "ON CONFLICT DO NOTHING").await?;
    let of = || deliveries.iter();
    let routes = || of().map(|delivery| delivery.routing);
    let rows = Rows::default()
        .uuids(of().map(|it| it.id.uuid()))
        .uuids(of().map(|it| it.endpoint_id.uuid()))
        .uuids(of().map(|it| it.event_id.uuid()))
        .texts(routes().map(|routing| &*routing.event_type))
        .uuids(routes().map(|routing| routing.order_id.map(OrderId::uuid)))
        .numbers_or_none(
            routes()
                .map(|routing| Some(routing.subject_version).filter(|_| routing.is_about_order())),
        )
        .texts(routes().map(|routing| &*routing.subject_type))
        .texts(routes().map(|routing| &*routing.subject_id))
        .numbers(routes().map(|routing| routing.subject_version))
        .texts(routes().map(|routing| &*routing.partition_key))
        .texts(of().map(|_| DeliveryState::Pending.as_str()))
        .moments(of().map(|it| it.created_at))
        .moments(of().map(|it| it.created_at));
    let head = "INSERT INTO webhook_delivery (
            id, endpoint_id, event_id, event_type, order_id, order_version,
            subject_type, subject_id, subject_version, partition_key, state,
            created_at, next_attempt_at
        )";
    rows.execute(tx, head, "ON CONFLICT DO NOTHING").await?;
    tx.wrote(Work::Deliveries);
    Ok(())
}

/// Those endpoints that are told of events, each with the moment since, or from, which its first delivery is due; `None` where
/// there is nothing to deliver. One look into an index for each. One whose row cannot be read is left out.
pub async fn due(tx: &mut Tx) -> Result<Vec<(Endpoint, Option<Timestamp>)>, StoreError> {
    let rows = on!(tx, |conn| sqlx::query_as(
        "SELECT endpoint.*, (
             SELECT next_attempt_at
             FROM webhook_delivery
             WHERE endpoint_id = endpoint.id
               AND next_attempt_at IS NOT NULL
             ORDER BY next_attempt_at
             LIMIT 1
         ) AS due_at
         FROM webhook_endpoint AS endpoint
         WHERE disabled_at IS NULL
         ORDER BY id",
    )
    .fetch_all(conn)
    .await?);
    let (rows, _) = readable::<Waiting>(rows, "endpoint");
    Ok(rows.into_iter().map(|Waiting(endpoint, due_at)| (endpoint, due_at)).collect())
}

/// Takes deliveries to one endpoint that are due, the longest due first, for whoever asks until `leased_until`. Of one
/// partition key only the first that is not settled, so that they are sent in order and one at a time. Each counts as tried.
pub async fn claim(
    tx: &mut Tx,
    endpoint_id: EndpointId,
    now: Timestamp,
    leased_until: Timestamp,
    limit: u32,
) -> Result<Vec<Due>, StoreError> {
    macro_rules! claim {
        ($locking:literal) => {
            concat!(
                "UPDATE webhook_delivery
                 SET next_attempt_at = $3,
                     attempts = attempts + 1
                 WHERE id IN (
                     SELECT id
                     FROM webhook_delivery AS due
                     WHERE endpoint_id = $1
                       AND next_attempt_at <= $2
                       AND NOT EXISTS (
                           SELECT 1
                           FROM webhook_delivery AS elder
                           WHERE elder.endpoint_id = due.endpoint_id
                             AND elder.partition_key = due.partition_key
                             AND elder.next_attempt_at IS NOT NULL
                             AND elder.subject_version < due.subject_version
                       )
                     ORDER BY next_attempt_at, id
                     LIMIT $4
                     ",
                $locking,
                ")
                 RETURNING *",
            )
        };
    }
    Ok(match &mut tx.conn {
        Conn::Postgres(session) => {
            sqlx::query_as(claim!("FOR UPDATE OF due SKIP LOCKED"))
                .bind(endpoint_id.uuid())
                .bind(At(now))
                .bind(At(leased_until))
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
        Conn::Sqlite(session) => {
            sqlx::query_as(claim!(""))
                .bind(endpoint_id.uuid())
                .bind(At(now))
                .bind(At(leased_until))
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
    })
}

/// What these events say, as it was published.
pub async fn bodies(
    tx: &mut Tx,
    events: &[EventId],
) -> Result<HashMap<EventId, Bytes>, StoreError> {
    let rows = Rows::default().uuids(events.iter().map(|it| it.uuid()));
    let head = "SELECT event_id, body FROM webhook_event WHERE event_id IN (";
    let found: Vec<(Uuid, Vec<u8>)> = rows.fetch(tx, head, ")").await?;
    Ok(found.into_iter().map(|(id, body)| (EventId::from_uuid(id), body.into())).collect())
}

/// Begins what an endpoint is still to be told from the start, as it is told of events again; at most `limit`.
pub async fn revive(
    tx: &mut Tx,
    endpoint_id: EndpointId,
    now: Timestamp,
    limit: u32,
) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE webhook_delivery
         SET next_attempt_at = $2,
             attempts = 0
         WHERE id IN (
             SELECT id
             FROM webhook_delivery
             WHERE endpoint_id = $1
               AND next_attempt_at > $2
             ORDER BY next_attempt_at
             LIMIT $3
         )",
    )
    .bind(endpoint_id.uuid())
    .bind(At(now))
    .bind(i64::from(limit))
    .execute(conn)
    .await?
    .rows_affected());
    tx.wrote(Work::Deliveries);
    Ok(())
}

struct Waiting(Endpoint, Option<Timestamp>);

from_row!(Waiting, |row| Self(
    sqlx::FromRow::from_row(row)?,
    row.try_get::<Option<At>, _>("due_at")?.map(|At(at)| at),
));

from_row!(Due, |row| Self {
    id: DeliveryId::from_uuid(row.try_get::<Uuid, _>("id")?),
    endpoint_id: EndpointId::from_uuid(row.try_get::<Uuid, _>("endpoint_id")?),
    event_id: EventId::from_uuid(row.try_get::<Uuid, _>("event_id")?),
    partition_key: row.try_get::<String, _>("partition_key")?.into(),
    subject_version: number(row.try_get("subject_version")?)?,
    attempt: number(row.try_get("attempts")?)?,
    created_at: row.try_get::<At, _>("created_at")?.0,
});
