//! Claiming jobs that are due.

use jiff::Timestamp;
use sqlx::QueryBuilder;

use crate::store::{
    StoreError, Tx,
    conditions::Conditions,
    moment::At,
    queue::{Queue, in_lane},
    row::{Lenient, Readable, readable},
    tx::{Conn, on},
};

/// How long claimed jobs belong to whoever claims them.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Lease {
    /// The moment of the claim: jobs that are due by then are claimable.
    pub now: Timestamp,
    /// When the jobs become claimable again, unless they are settled before.
    pub until: Timestamp,
}

/// Claims due jobs of which the conditions hold, the longest due first and at most `limit`. Each counts as attempted.
///
/// Workers that claim at the same time pass over each other's rows and do not wait.
pub(in crate::store) async fn claim<T: Readable>(
    tx: &mut Tx,
    queue: &Queue,
    conditions: &Conditions<'_>,
    lease: Lease,
    limit: u32,
) -> Result<Vec<T>, StoreError> {
    let table = queue.table;
    let head = format!(
        "UPDATE {table}
         SET attempts = attempts + 1,
             claims = claims + 1,
             next_attempt_at = "
    );
    let due = format!(
        " WHERE id IN (
             SELECT id
             FROM {table} AS due
             WHERE {}
               AND next_attempt_at <= ",
        is_claimable(tx, queue)
    );
    let first_of_lane = first_of_lane(queue);
    let locking = tx.dialect(" FOR UPDATE OF due SKIP LOCKED", "");
    let rows: Vec<Lenient<T>> = on!(tx, |conn| {
        let mut query = QueryBuilder::new(head);
        query.push_bind(At(lease.until)).push(due).push_bind(At(lease.now)).push(first_of_lane);
        conditions.push(&mut query);
        query.push(" ORDER BY next_attempt_at, id LIMIT ").push_bind(i64::from(limit));
        query.push(locking).push(") RETURNING ").push(queue.columns);
        query.build_query_as().fetch_all(conn).await?
    });
    set_aside(tx, queue, rows, lease.now).await
}

/// Locks due jobs of which the conditions hold, the longest due first and at most `limit`. They belong to this unit of
/// work until it ends, and are as they were when it does not settle them.
pub(in crate::store) async fn lock<T: Readable>(
    tx: &mut Tx,
    queue: &Queue,
    conditions: &Conditions<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<T>, StoreError> {
    let head = format!(
        "SELECT {} FROM {} AS due WHERE {} AND next_attempt_at <= ",
        queue.columns,
        queue.table,
        is_claimable(tx, queue)
    );
    let first_of_lane = first_of_lane(queue);
    let locking = tx.dialect(" FOR UPDATE OF due SKIP LOCKED", "");
    let rows: Vec<Lenient<T>> = on!(tx, |conn| {
        let mut query = QueryBuilder::new(head);
        query.push_bind(At(now)).push(first_of_lane);
        conditions.push(&mut query);
        query.push(" ORDER BY next_attempt_at, id LIMIT ").push_bind(i64::from(limit));
        query.push(locking).build_query_as().fetch_all(conn).await?
    });
    set_aside(tx, queue, rows, now).await
}

/// The jobs that can be read. One whose row cannot be read is given up, so that it blocks neither its lane nor its queue.
async fn set_aside<T>(
    tx: &mut Tx,
    queue: &Queue,
    rows: Vec<Lenient<T>>,
    now: Timestamp,
) -> Result<Vec<T>, StoreError> {
    let (jobs, unreadable) = readable(rows, queue.table);
    let head = format!(
        "UPDATE {}
         SET state = '{}',
             note = 'its row cannot be read',
             next_attempt_at = NULL,
             claims = claims + 1,
             settled_at = ",
        queue.table, queue.given_up
    );
    for id in unreadable {
        on!(tx, |conn| {
            let mut query = QueryBuilder::new(&head);
            query.push_bind(At(now)).push(" WHERE id = ").push_bind(id);
            query.build().execute(conn).await?.rows_affected()
        });
    }
    Ok(jobs)
}

/// Whether a job of which the conditions hold is due. Cheaper than a claim that finds nothing: it takes no write lock.
pub(in crate::store) async fn has_due(
    tx: &mut Tx,
    queue: &Queue,
    conditions: &Conditions<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let head = format!("SELECT 1 FROM {} WHERE next_attempt_at <= ", queue.table);
    let found: Option<(i32,)> = on!(tx, |conn| {
        let mut query = QueryBuilder::new(head);
        query.push_bind(At(now));
        conditions.push(&mut query);
        query.push(" LIMIT 1").build_query_as().fetch_optional(conn).await?
    });
    Ok(found.is_some())
}

/// The condition that no earlier job of the same lane is unsettled.
fn first_of_lane(queue: &Queue) -> String {
    let Some(lane) = &queue.lane else { return String::new() };
    format!(
        " AND NOT EXISTS (
             SELECT 1
             FROM {} AS earlier
             WHERE earlier.next_attempt_at IS NOT NULL
               AND {}
         )",
        queue.table,
        in_lane(lane, "earlier", "<", "due")
    )
}

/// The condition that a job is in a claimable state. It is written so that the planner neither takes another index for it than that of the
/// due times, nor expects that it leaves few rows: either way each claim would read and sort the whole backlog.
fn is_claimable(tx: &Tx, queue: &Queue) -> String {
    let words: Vec<_> = queue.claimable.iter().map(|word| format!("'{word}'")).collect();
    let words = words.join(", ");
    match tx.conn {
        Conn::Postgres(_) => format!("array_position(ARRAY[{words}], state) > 0"),
        Conn::Sqlite(_) => format!("+state IN ({words})"),
    }
}
