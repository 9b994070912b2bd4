//! Events on their way to endpoints: put down once, claimed when they are due.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    domain::{DeliveryId, EndpointId, EventId, OrderId, Routing, Version},
    store::{
        Claim, StoreError, Tx, Work,
        conditions::{Conditions, Value},
        endpoints::{DeliveryState, Endpoint},
        moment::At,
        queue::{self, Due, Hold, Lane, Lease, Queue, Requeue},
        row::{Nullable, readable},
        rows::Rows,
        tx::on,
    },
};

/// The queue of deliveries: to one endpoint, those with the same partition key one at a time and in the order of their subject's versions.
pub(in crate::store) const QUEUE: Queue = Queue {
    table: "webhook_delivery",
    columns: "id, endpoint_id, event_id, subject_version, attempts, claims, created_at",
    work: Work::Deliveries,
    claimable: &["pending"],
    given_up: "failed",
    lane: Some(Lane { key: &["endpoint_id", "partition_key"], order: &["subject_version"] }),
    hold: Hold::Lease,
    age: "created_at",
    purgeable: "next_attempt_at IS NULL",
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
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ClaimedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Who is told.
    pub endpoint_id: EndpointId,
    /// Of what.
    pub event_id: EventId,
    /// The version of the event's subject: its place in its lane.
    #[sqlx(try_from = "i64")]
    pub subject_version: Version,
    /// Which attempt this is, from 1.
    #[sqlx(rename = "attempts", try_from = "i64")]
    pub attempt: u32,
    /// Its fencing token.
    #[sqlx(try_from = "i64")]
    pub claims: u32,
    /// When it was put down.
    #[sqlx(try_from = "At")]
    pub created_at: Timestamp,
}

impl ClaimedDelivery {
    /// The claim.
    pub const fn claim(&self) -> Claim {
        Claim { id: self.id.uuid(), number: self.claims }
    }
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
    Ok(rows.into_iter().map(|row| (row.endpoint, row.due_at)).collect())
}

/// Claims due deliveries to one endpoint until `leased_until`, the longest due first. Of one partition key only the first that is not
/// settled.
pub async fn claim(
    tx: &mut Tx,
    endpoint_id: EndpointId,
    now: Timestamp,
    leased_until: Timestamp,
    limit: u32,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let to = Conditions::default().and("endpoint_id =", Value::Uuid(endpoint_id.uuid()));
    queue::claim(tx, &QUEUE, &to, Lease { now, until: leased_until }, limit).await
}

/// What these events say, as it was published.
pub async fn bodies(
    tx: &mut Tx,
    events: &[EventId],
) -> Result<HashMap<EventId, Bytes>, StoreError> {
    let rows = Rows::default().uuids(events.iter().map(|it| it.uuid()));
    let head = "SELECT event_id, body FROM webhook_event WHERE event_id IN (";
    let found: Vec<(_, Vec<u8>)> = rows.fetch(tx, head, ")").await?;
    Ok(found.into_iter().map(|(id, body)| (id, body.into())).collect())
}

/// Makes what an endpoint is still to be sent due at once, from the start of the schedule; at most `limit`.
pub async fn revive(
    tx: &mut Tx,
    endpoint_id: EndpointId,
    now: Timestamp,
    limit: u32,
) -> Result<(), StoreError> {
    let requeue = Requeue {
        due: Due::At(now),
        also: &[],
        from: "state = 'pending'",
        conditions: Conditions::default()
            .and("endpoint_id =", Value::Uuid(endpoint_id.uuid()))
            .and("next_attempt_at >", Value::Moment(now)),
    };
    queue::requeue(tx, &QUEUE, &requeue, Some(limit)).await.map(drop)
}

#[derive(sqlx::FromRow)]
struct Waiting {
    #[sqlx(flatten)]
    endpoint: Endpoint,
    #[sqlx(try_from = "Nullable<At>")]
    due_at: Option<Timestamp>,
}
