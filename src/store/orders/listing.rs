//! Finding orders: pages for people, snapshots for screens, gaps for hubs.

use jiff::Timestamp;
use sqlx::{QueryBuilder, types::Json};
use uuid::Uuid;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    domain::{Order, OrderId, OrderStatus, StoreId},
    store::{
        StoreError, Tx,
        conditions::{Conditions, Value},
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
pub async fn list(
    tx: &mut Tx,
    filter: &OrderFilter,
    page: PageRequest,
) -> Result<Page<Order>, StoreError> {
    let stores = filter.store_ids.as_ref();
    let statuses = Some(&filter.statuses).filter(|statuses| !statuses.is_empty());
    let is_open = |open| if open { "ended_at IS NULL" } else { "ended_at IS NOT NULL" };
    let conditions = Conditions::default()
        .and_one_of("store_id", stores.map(|ids| ids.iter().map(|id| Value::Uuid(id.uuid()))))
        .and("customer_id =", filter.customer.as_deref().map(Value::Text))
        .and("courier_id =", filter.courier.as_deref().map(Value::Text))
        .and_one_of("status", statuses.map(|all| all.iter().map(|one| Value::Text(one.as_str()))))
        .and_is(filter.open.map(is_open))
        .and("placed_at >=", filter.from.map(Value::Moment))
        .and("placed_at <", filter.to.map(Value::Moment));
    let select = ("SELECT body FROM orders", "placed_at");
    let cursor = |(Json(row),): &Body| Cursor { at: row.placed_at, id: row.id.uuid() };
    Ok(conditions.page(tx, select, page, cursor).await?.map(|(Json(order),)| order))
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
