//! Looking after deliveries.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    domain::{DeliveryId, EndpointId, EventId, EventType, OrderId, Version},
    store::{
        StoreError, Tx,
        conditions::{Conditions, Value},
        endpoints::{DeliveryState, QUEUE},
        moment::At,
        queue::{self, Due, Requeue},
        row::Nullable,
        rows::Rows,
        tx::on,
    },
};

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Who is told.
    pub endpoint_id: EndpointId,
    /// Of what.
    pub event_id: EventId,
    /// Its type, which a newer release may have made.
    pub event_type: String,
    /// The type of what it is about.
    pub subject_type: String,
    /// The id of that.
    pub subject_id: String,
    /// The version that it had by the event.
    #[sqlx(try_from = "i64")]
    pub subject_version: Version,
    /// The order that it belongs to.
    pub order_id: Option<OrderId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried, the attempt under way included.
    #[sqlx(try_from = "i64")]
    pub attempts: u32,
    /// When it was put down.
    #[sqlx(try_from = "At")]
    pub created_at: Timestamp,
    /// When it is tried next; `None` once it is settled.
    #[sqlx(try_from = "Nullable<At>")]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was settled.
    #[sqlx(try_from = "Nullable<At>")]
    pub settled_at: Option<Timestamp>,
    /// The status of the last answer.
    #[sqlx(try_from = "Nullable<i64>")]
    pub status: Option<u16>,
    /// Why there was none.
    pub note: Option<String>,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Attempt {
    /// Which one, from 1; a replay begins anew.
    #[sqlx(rename = "attempt", try_from = "i64")]
    pub number: u32,
    /// When it began.
    #[sqlx(try_from = "At")]
    pub at: Timestamp,
    /// How long it took.
    #[sqlx(try_from = "i64")]
    pub took_ms: u32,
    /// The answer's status.
    #[sqlx(try_from = "Nullable<i64>")]
    pub status: Option<u16>,
    /// How the answer begins.
    pub answer: Option<String>,
    /// Why there was none.
    pub error: Option<String>,
}

/// Which deliveries to one endpoint are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// This one alone.
    pub id: Option<DeliveryId>,
    /// Standing here.
    pub state: Option<DeliveryState>,
    /// Of events that tell of this.
    pub event_type: Option<EventType>,
    /// Of this order.
    pub order_id: Option<OrderId>,
    /// Put down at this moment or later.
    pub from: Option<Timestamp>,
    /// Put down before this moment.
    pub to: Option<Timestamp>,
}

impl DeliveryFilter {
    /// The conditions.
    fn conditions(&self) -> Conditions<'_> {
        Conditions::default()
            .and("id =", self.id.map(|id| Value::Uuid(id.uuid())))
            .and("state =", self.state.map(|state| Value::Text(state.as_str())))
            .and("event_type =", self.event_type.map(|event_type| Value::Text(event_type.as_str())))
            .and("order_id =", self.order_id.map(|order_id| Value::Uuid(order_id.uuid())))
            .and("created_at >=", self.from.map(Value::Moment))
            .and("created_at <", self.to.map(Value::Moment))
    }
}

/// One; nothing when there is none such.
pub async fn delivery(tx: &mut Tx, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as("SELECT * FROM webhook_delivery WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?))
}

/// A page of deliveries to one endpoint, the youngest first.
pub async fn list_deliveries(
    tx: &mut Tx,
    endpoint_id: EndpointId,
    filter: &DeliveryFilter,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let conditions = filter.conditions().and("endpoint_id =", Value::Uuid(endpoint_id.uuid()));
    let select = ("SELECT * FROM webhook_delivery", "created_at");
    let cursor = |row: &Delivery| Cursor { at: row.created_at, id: row.id.uuid() };
    conditions.page(tx, select, page, cursor).await
}

/// Every attempt at a delivery, the first first.
pub async fn attempts(tx: &mut Tx, id: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT *
         FROM webhook_attempt
         WHERE delivery_id = $1
         ORDER BY at, attempt, id",
    )
    .bind(id.uuid())
    .fetch_all(conn)
    .await?))
}

/// How many deliveries are not settled.
pub async fn unsettled(tx: &mut Tx) -> Result<u64, StoreError> {
    Ok(queue::backlog(tx, &QUEUE).await?.waiting)
}

/// Sends what is settled once more, the oldest first and at most `limit`; answers how many these are.
pub async fn replay(
    tx: &mut Tx,
    endpoint_id: EndpointId,
    filter: &DeliveryFilter,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let requeue = Requeue {
        due: Due::At(now),
        also: &[],
        from: "next_attempt_at IS NULL",
        conditions: filter.conditions().and("endpoint_id =", Value::Uuid(endpoint_id.uuid())),
    };
    queue::requeue(tx, &QUEUE, &requeue, Some(limit)).await
}

/// Throws deliveries away that were put down before `before`, but for those that an endpoint is still to be told; then what nobody is
/// to be told any more. The oldest first and at most `limit` of each; answers how many there were of what there were more.
pub async fn purge(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
    let deliveries: Vec<(Uuid,)> = on!(tx, |conn| sqlx::query_as(
        "SELECT id
         FROM webhook_delivery
         WHERE created_at < $1
           AND (
               next_attempt_at IS NULL
               OR endpoint_id NOT IN (SELECT id FROM webhook_endpoint WHERE disabled_at IS NULL)
           )
         ORDER BY created_at, id
         LIMIT $2",
    )
    .bind(At(before))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?);
    let rows = Rows::default().uuids(deliveries.iter().map(|(id,)| *id));
    rows.execute(tx, "DELETE FROM webhook_attempt WHERE delivery_id IN (", ")").await?;
    rows.execute(tx, "DELETE FROM webhook_delivery WHERE id IN (", ")").await?;
    let events: Vec<(Uuid,)> = on!(tx, |conn| sqlx::query_as(
        "SELECT event_id
         FROM webhook_event AS event
         WHERE created_at < $1
           AND NOT EXISTS (
               SELECT 1
               FROM webhook_delivery
               WHERE webhook_delivery.event_id = event.event_id
           )
         ORDER BY created_at
         LIMIT $2",
    )
    .bind(At(before))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?);
    let rows = Rows::default().uuids(events.iter().map(|(id,)| *id));
    rows.execute(tx, "DELETE FROM webhook_event WHERE event_id IN (", ")").await?;
    Ok(deliveries.len().max(events.len()))
}
