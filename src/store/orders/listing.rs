//! Finding orders: pages for people, snapshots for screens, gaps for hubs.

use jiff::Timestamp;
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    base::cursor::Cursor,
    domain::{Order, OrderId, OrderStatus, StoreId},
    store::{
        StoreError, Tx,
        moment::At,
        orders::{Body, bodies},
        tx::on,
    },
};

/// Which orders are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// Of these stores. An empty list is no store at all.
    pub store_ids: Option<Vec<StoreId>>,
    /// Of this customer.
    pub customer: Option<String>,
    /// Carried by this courier.
    pub courier: Option<String>,
    /// Standing at one of these; any, when empty.
    pub statuses: Vec<OrderStatus>,
    /// Open ones only, or ended ones only.
    pub open: Option<bool>,
    /// Placed at this moment or later.
    pub from: Option<Timestamp>,
    /// Placed before this moment.
    pub to: Option<Timestamp>,
    /// The last order of the page before: its `placed_at` and id.
    pub before: Option<Cursor>,
}

/// Whose orders a screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch<'a> {
    /// One store's; it does not see orders that are not paid for.
    Store(StoreId),
    /// One customer's.
    Customer(&'a str),
    /// One courier's.
    Courier(&'a str),
    /// Everybody's.
    All,
}

/// A page of orders, the one placed last first.
pub async fn list(tx: &mut Tx, filter: &OrderFilter, limit: u32) -> Result<Vec<Order>, StoreError> {
    if filter.store_ids.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let rows: Vec<Body> = on!(tx, |conn| {
        let mut query = QueryBuilder::new("SELECT body FROM orders WHERE TRUE");
        if let Some(store_ids) = &filter.store_ids {
            let mut list = query.push(" AND store_id IN (").separated(", ");
            for id in store_ids {
                list.push_bind(id.uuid());
            }
            query.push(")");
        }
        if let Some(customer) = &filter.customer {
            query.push(" AND customer_id = ").push_bind(customer);
        }
        if let Some(courier) = &filter.courier {
            query.push(" AND courier_id = ").push_bind(courier);
        }
        if !filter.statuses.is_empty() {
            let mut list = query.push(" AND status IN (").separated(", ");
            for status in &filter.statuses {
                list.push_bind(status.as_str());
            }
            query.push(")");
        }
        if let Some(open) = filter.open {
            query.push(if open { " AND ended_at IS NULL" } else { " AND ended_at IS NOT NULL" });
        }
        if let Some(from) = filter.from {
            query.push(" AND placed_at >= ").push_bind(At(from));
        }
        if let Some(to) = filter.to {
            query.push(" AND placed_at < ").push_bind(At(to));
        }
        if let Some(before) = filter.before {
            query.push(" AND (placed_at, id) < (").push_bind(At(before.at));
            query.push(", ").push_bind(before.id).push(")");
        }
        query.push(" ORDER BY placed_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
        query.build_query_as().fetch_all(conn).await?
    });
    Ok(bodies(rows))
}

/// What a screen begins with: open orders and those that ended at `ended_since` or later, the oldest first. Of more than `limit`,
/// the newest: those that nobody ever ended must not hide what has just come in.
pub async fn active(
    tx: &mut Tx,
    watch: Watch<'_>,
    ended_since: Timestamp,
    limit: u32,
) -> Result<Vec<Order>, StoreError> {
    let rows: Vec<Body> = on!(tx, |conn| {
        // Two searches of one index; an OR would make it neither.
        let mut query = QueryBuilder::new("SELECT body FROM (");
        for lingering in [false, true] {
            let all = if lingering { " UNION ALL SELECT" } else { "SELECT" };
            query.push(all).push(" body, placed_at, id FROM orders WHERE ");
            match watch {
                Watch::Store(id) => {
                    query.push("store_id = ").push_bind(id.uuid());
                    query.push(" AND status <> 'pending_payment' AND ");
                }
                Watch::Customer(id) => {
                    query.push("customer_id = ").push_bind(id).push(" AND ");
                }
                Watch::Courier(id) => {
                    query.push("courier_id = ").push_bind(id).push(" AND ");
                }
                Watch::All => {}
            }
            if lingering {
                query.push("ended_at >= ").push_bind(At(ended_since));
            } else {
                query.push("ended_at IS NULL");
            }
        }
        query.push(") AS active ORDER BY placed_at DESC, id DESC LIMIT ");
        query.push_bind(i64::from(limit)).build_query_as().fetch_all(conn).await?
    });
    let mut orders = bodies(rows);
    orders.reverse();
    Ok(orders)
}

/// Orders that nobody answered in time, the longest overdue first.
pub async fn unanswered(
    tx: &mut Tx,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<OrderId>, StoreError> {
    let ids: Vec<Uuid> = on!(tx, |conn| sqlx::query_scalar(
        "SELECT id
         FROM orders
         WHERE answer_by <= $1
         ORDER BY answer_by
         LIMIT $2",
    )
    .bind(At(now))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?);
    Ok(ids.into_iter().map(OrderId::from_uuid).collect())
}

/// The orders that changed at `since` or later, the one that changed first first: when each last changed, and its id. `after` is the last
/// of the page before.
///
/// Moments are taken before the commit, so whoever catches up must reach back a little further than the gap.
pub async fn changed_since(
    tx: &mut Tx,
    since: Timestamp,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Vec<Cursor>, StoreError> {
    // The cursor of nothing sorts before every row of its moment.
    let after = after.filter(|cursor| since <= cursor.at);
    let comparison = if after.is_some() { ">" } else { ">=" };
    let from = after.unwrap_or(Cursor { at: since, id: Uuid::nil() });
    let rows: Vec<(At, Uuid)> =
        on!(tx, |conn| QueryBuilder::new("SELECT updated_at, id FROM orders WHERE ")
            .push("(updated_at, id) ")
            .push(comparison)
            .push(" (")
            .push_bind(At(from.at))
            .push(", ")
            .push_bind(from.id)
            .push(") ORDER BY updated_at, id LIMIT ")
            .push_bind(i64::from(limit))
            .build_query_as()
            .fetch_all(conn)
            .await?);
    Ok(rows.into_iter().map(|(At(at), id)| Cursor { at, id }).collect())
}
