//! Jobs that are made due again, that expire, and that are deleted when they are old.

use jiff::Timestamp;
use sqlx::QueryBuilder;

use crate::store::{
    StoreError, Tx,
    conditions::{Conditions, Value},
    moment::At,
    queue::Queue,
    row::Nullable,
    tx::on,
};

/// How jobs are made due again.
#[derive(Debug)]
pub(in crate::store) struct Requeue<'a> {
    /// When they are due: a moment, or a column of theirs.
    pub due: Due,
    /// Further columns that are set: `("note =", None)` sets it to NULL.
    pub also: &'a [(&'static str, Option<Value<'a>>)],
    /// Which states they are in, as SQL: `state <> 'pending'`.
    pub from: &'static str,
    /// What else must hold of them.
    pub conditions: Conditions<'a>,
}

/// When a requeued job is due.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Due {
    /// Then.
    At(Timestamp),
    /// When this column says.
    Column(&'static str),
}

/// How jobs expire.
#[derive(Debug)]
pub(in crate::store) struct Expiry {
    /// Which jobs may expire, as SQL: `state = 'parked'`.
    pub from: &'static str,
    /// The state that they get.
    pub state: &'static str,
    /// Why, in words.
    pub note: &'static str,
}

/// How much of a queue is unsettled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub(in crate::store) struct Backlog {
    /// Jobs that are not settled.
    #[sqlx(try_from = "i64")]
    pub waiting: u64,
    /// When the first of them is, or was, due.
    #[sqlx(try_from = "Nullable<At>")]
    pub first_due_at: Option<Timestamp>,
}

/// Makes jobs due again from the start, and wakes their workers; answers how many. With a limit it takes the oldest first.
///
/// A claim that stands meanwhile does not stand any more: what its attempt comes to is not written down, and the job may be attempted
/// once more beside it.
pub(in crate::store) async fn requeue(
    tx: &mut Tx,
    queue: &Queue,
    requeue: &Requeue<'_>,
    limit: Option<u32>,
) -> Result<u64, StoreError> {
    let Queue { table, age, .. } = queue;
    let state = queue.claimable.first().copied().unwrap_or_default();
    let head = format!(
        "UPDATE {table}
         SET state = '{state}',
             attempts = 0,
             claims = claims + 1,
             settled_at = NULL,
             next_attempt_at = "
    );
    // An order by age would hide the better index from SQLite's planner.
    let which = match limit {
        Some(_) => format!(" WHERE id IN (SELECT id FROM {table} WHERE {}", requeue.from),
        None => format!(" WHERE {}", requeue.from),
    };
    let order = format!(" ORDER BY {age}, id LIMIT ");
    let locking = rechecking(tx);
    let requeued = on!(tx, |conn| {
        let mut query = QueryBuilder::new(head);
        match requeue.due {
            Due::At(at) => query.push_bind(At(at)),
            Due::Column(column) => query.push(column),
        };
        for (column, value) in requeue.also {
            query.push(", ").push(column).push(" ");
            match value {
                Some(value) => value.push(&mut query),
                None => drop(query.push("NULL")),
            }
        }
        query.push(which);
        requeue.conditions.push(&mut query);
        if let Some(limit) = limit {
            query.push(order).push_bind(i64::from(limit)).push(locking).push(")");
        }
        query.build().execute(conn).await?.rows_affected()
    });
    if requeued > 0 {
        tx.wrote(queue.work);
    }
    Ok(requeued)
}

/// Ends at most `limit` jobs of which the conditions hold; answers how many there were.
pub(in crate::store) async fn expire(
    tx: &mut Tx,
    queue: &Queue,
    expiry: &Expiry,
    conditions: &Conditions<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let Expiry { from, state, note } = expiry;
    let table = queue.table;
    let head = format!(
        "UPDATE {table}
         SET state = '{state}',
             note = '{note}',
             next_attempt_at = NULL,
             claims = claims + 1,
             settled_at = "
    );
    let which = format!(" WHERE id IN (SELECT id FROM {table} WHERE {from}");
    let locking = rechecking(tx);
    Ok(on!(tx, |conn| {
        let mut query = QueryBuilder::new(head);
        query.push_bind(At(now)).push(which);
        conditions.push(&mut query);
        query.push(" LIMIT ").push_bind(i64::from(limit)).push(locking).push(")");
        query.build().execute(conn).await?.rows_affected()
    }))
}

/// Deletes purgeable rows from before `before`, the oldest first and at most `limit`; answers how many there were.
pub(in crate::store) async fn purge(
    tx: &mut Tx,
    queue: &Queue,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let Queue { table, age, purgeable, .. } = queue;
    let head = format!(
        "DELETE FROM {table}
         WHERE id IN (
             SELECT id
             FROM {table}
             WHERE {purgeable}
               AND {age} < "
    );
    let locking = rechecking(tx);
    Ok(on!(tx, |conn| {
        let mut query = QueryBuilder::new(head);
        query.push_bind(At(before)).push(" ORDER BY ").push(age).push(", id LIMIT ");
        query.push_bind(i64::from(limit)).push(locking).push(")");
        query.build().execute(conn).await?.rows_affected()
    }))
}

/// Makes PostgreSQL test the conditions again when it had to wait for a row: a sub-select without a lock keeps its old answer. SQLite has
/// one writer.
const fn rechecking(tx: &Tx) -> &'static str {
    tx.dialect(" FOR UPDATE", "")
}

/// How much of a queue is unsettled.
pub(in crate::store) async fn backlog(tx: &mut Tx, queue: &Queue) -> Result<Backlog, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) AS waiting, MIN(next_attempt_at) AS first_due_at
         FROM {}
         WHERE next_attempt_at IS NOT NULL",
        queue.table
    );
    Ok(on!(tx, |conn| QueryBuilder::new(sql).build_query_as().fetch_one(conn).await?))
}
