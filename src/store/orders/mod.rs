//! Orders: the log of what happened to each, and where each one stands.

mod append;
mod listing;
mod person;

use std::collections::HashMap;

use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    domain::{Actor, EventId, Fact, Order, OrderId, Recorded, TraceContext, Version},
    store::{
        StoreError, Tx,
        moment::At,
        row::{from_row, number},
        rows::Rows,
        tx::{Conn, on},
    },
};

pub use self::{
    append::{Append, append, append_all},
    listing::{OrderFilter, Watch, active, changed_since, list, unanswered},
    person::{anonymise, empty_calls, hold_person, keep_people, of_person, page_of_person},
};

/// An order as it stands; nothing when there is no such order.
pub async fn load(tx: &mut Tx, id: OrderId) -> Result<Option<Order>, StoreError> {
    let body: Option<Json<Order>> = on!(tx, |conn| sqlx::query_scalar(
        "SELECT body
         FROM orders
         WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?);
    Ok(body.map(|Json(order)| order))
}

/// Orders as they stand, by id. What is not there is left out.
pub async fn load_all(tx: &mut Tx, ids: &[OrderId]) -> Result<Vec<Order>, StoreError> {
    let rows = Rows::default().uuids(ids.iter().map(|it| it.uuid()));
    Ok(bodies(rows.fetch(tx, "SELECT body FROM orders WHERE id IN (", ")").await?))
}

/// What people call these orders, by id. What is not there is left out.
pub async fn numbers(tx: &mut Tx, ids: &[OrderId]) -> Result<HashMap<OrderId, String>, StoreError> {
    struct Named(OrderId, String);
    from_row!(Named, |row| Self(
        OrderId::from_uuid(row.try_get::<Uuid, _>("id")?),
        row.try_get("number")?,
    ));
    let rows = Rows::default().uuids(ids.iter().map(|it| it.uuid()));
    let named: Vec<Named> =
        rows.fetch(tx, "SELECT id, number FROM orders WHERE id IN (", ")").await?;
    Ok(named.into_iter().map(|Named(id, number)| (id, number)).collect())
}

/// Orders as they stand, by id; nobody else changes them until this unit of work ends.
///
/// What is not there is left out. Locks are taken in the order of the ids, so that two who want the same orders
/// wait for each other in turn.
pub async fn lock(tx: &mut Tx, ids: &[OrderId]) -> Result<Vec<Order>, StoreError> {
    let tail = match tx.conn {
        Conn::Postgres(_) => ") ORDER BY id FOR UPDATE",
        // The unit of work is the only one that writes.
        Conn::Sqlite(_) => ") ORDER BY id",
    };
    let rows = Rows::default().uuids(ids.iter().map(|it| it.uuid()));
    let mut orders = bodies(rows.fetch(tx, "SELECT body FROM orders WHERE id IN (", tail).await?);
    // Very many ids are asked for in several statements.
    orders.sort_by_key(|it| it.id);
    Ok(orders)
}

/// What happened to an order after `after`, in the order in which it happened; 0 for everything.
pub async fn history(
    tx: &mut Tx,
    id: OrderId,
    after: Version,
) -> Result<Vec<Recorded>, StoreError> {
    let rows: Vec<EventRow> = on!(tx, |conn| sqlx::query_as(
        "SELECT event_id, order_id, version, recorded_at, occurred_at, actor, body, context
         FROM order_event
         WHERE order_id = $1
           AND version > $2
         ORDER BY version",
    )
    .bind(id.uuid())
    .bind(i64::from(after))
    .fetch_all(conn)
    .await?);
    Ok(rows.into_iter().map(|EventRow(recorded)| recorded).collect())
}

struct EventRow(Recorded);

from_row!(EventRow, |row| Self(Recorded {
    event_id: EventId::from_uuid(row.try_get::<Uuid, _>("event_id")?),
    order_id: OrderId::from_uuid(row.try_get::<Uuid, _>("order_id")?),
    version: number(row.try_get("version")?)?,
    recorded_at: row.try_get::<At, _>("recorded_at")?.0,
    occurred_at: row.try_get::<Option<At>, _>("occurred_at")?.map(|At(at)| at),
    actor: row.try_get::<Json<Actor>, _>("actor")?.0,
    context: row
        .try_get::<Option<Json<TraceContext>>, _>("context")?
        .map(|Json(context)| context)
        .unwrap_or_default(),
    fact: row.try_get::<Json<Fact>, _>("body")?.0,
}));

type Body = (Json<Order>,);

fn bodies(rows: Vec<Body>) -> Vec<Order> {
    rows.into_iter().map(|(Json(order),)| order).collect()
}
