//! Orders: the log of what happened to each, and where each one stands.

mod append;
mod listing;
mod person;

use std::collections::HashMap;

use sqlx::types::Json;

use crate::{
    domain::{Order, OrderId, Recorded, Version},
    store::{
        StoreError, Tx,
        moment::At,
        row::{Nullable, from_row, number},
        rows::Rows,
        tx::on,
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
    let rows = Rows::default().uuids(ids.iter().map(|it| it.uuid()));
    let head = "SELECT id, number FROM orders WHERE id IN (";
    Ok(rows.fetch(tx, head, ")").await?.into_iter().collect())
}

/// Orders as they stand, by id; nobody else changes them until this unit of work ends.
///
/// What is not there is left out. Locks are taken in the order of the ids, so that two who want the same orders
/// wait for each other in turn.
pub async fn lock(tx: &mut Tx, ids: &[OrderId]) -> Result<Vec<Order>, StoreError> {
    let tail = tx.dialect(") ORDER BY id FOR UPDATE", ") ORDER BY id");
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
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT event_id, order_id, version, recorded_at, occurred_at, actor, body, context
         FROM order_event
         WHERE order_id = $1
           AND version > $2
         ORDER BY version",
    )
    .bind(id.uuid())
    .bind(i64::from(after))
    .fetch_all(conn)
    .await?))
}

from_row!(Recorded, |row| Self {
    event_id: row.try_get("event_id")?,
    order_id: row.try_get("order_id")?,
    version: number(row.try_get("version")?)?,
    recorded_at: row.try_get::<At, _>("recorded_at")?.into(),
    occurred_at: row.try_get::<Nullable<At>, _>("occurred_at")?.into(),
    actor: row.try_get::<Json<_>, _>("actor")?.0,
    context: row.try_get::<Option<Json<_>>, _>("context")?.map(|Json(it)| it).unwrap_or_default(),
    fact: row.try_get::<Json<_>, _>("body")?.0,
});

type Body = (Json<Order>,);

fn bodies(rows: Vec<Body>) -> Vec<Order> {
    rows.into_iter().map(|(Json(order),)| order).collect()
}
