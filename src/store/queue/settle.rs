//! Settling claimed jobs: what an attempt came to is written down if the claim still stands.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::{
    StoreError, Tx,
    queue::{Claim, Hold, Queue, in_lane},
    rows::Rows,
    tx::Conn,
};

/// Where a claimed job goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Settlement {
    /// The claim that ends with it.
    pub claim: Claim,
    /// The state of the job from now on.
    pub state: &'static str,
    /// When it is claimable again; `None` when it is settled for good.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether the attempt counts. One that was never made does not.
    pub counts: bool,
    /// Whether the claim stands after it: the job goes on under the same claim, with a lease until `next_attempt_at`.
    pub stands: bool,
}

/// The columns that a kind writes beside the queue's own, one value for each settlement.
#[derive(Debug, Default)]
pub(in crate::store) struct Columns<'a> {
    /// The values, in the order of the settlements.
    pub rows: Rows<'a>,
    /// What the values are called in `assignments`, as columns of `settled`.
    pub names: &'static [&'static str],
    /// SQL assignments: `note = settled.note`.
    pub assignments: &'static [&'static str],
}

/// What the queue's own values are called, as columns of `settled`.
const NAMES: &[&str] =
    &["id", "claim", "state", "next_attempt_at", "settled_at", "counted", "ended"];

/// Settles jobs; answers which of them were settled. A job whose claim does not stand any more is left as it is.
///
/// Later jobs of a lane wait with one that is retried, so that no claim has to look at them meanwhile.
pub(in crate::store) async fn settle(
    tx: &mut Tx,
    queue: &Queue,
    settlements: &[Settlement],
    now: Timestamp,
    columns: Columns<'_>,
) -> Result<HashSet<Uuid>, StoreError> {
    let all = || settlements.iter();
    let settled_at = |one: &Settlement| one.next_attempt_at.is_none().then_some(now);
    let rows = Rows::default()
        .uuids(all().map(|one| one.claim.id))
        .numbers(all().map(|one| one.claim.number))
        .texts(all().map(|one| one.state))
        .moments(all().map(|one| one.next_attempt_at))
        .moments(all().map(settled_at))
        .numbers(all().map(|one| counted(queue, one)))
        .numbers(all().map(|one| i64::from(!one.stands)))
        .and(columns.rows);
    let table = queue.table;
    let names = [NAMES, columns.names].concat().join(", ");
    let assignments = columns.assignments.join(", ");
    let comma = if assignments.is_empty() { "" } else { "," };
    let head = format!("WITH settled ({names}) AS (");
    let tail = format!(
        ")
        UPDATE {table}
        SET state = settled.state,
            next_attempt_at = settled.next_attempt_at,
            settled_at = settled.settled_at,
            attempts = {table}.attempts + settled.counted,
            claims = {table}.claims + settled.ended{comma}
            {assignments}
        FROM settled
        WHERE {table}.id = settled.id
          AND {table}.claims = settled.claim
        RETURNING {table}.id AS id"
    );
    let settled: Vec<(Uuid,)> = rows.fetch(tx, &head, &tail).await?;
    let settled: HashSet<_> = settled.into_iter().map(|(id,)| id).collect();
    let is_retried = |one: &&Settlement| {
        one.next_attempt_at.is_some() && !one.stands && settled.contains(&one.claim.id)
    };
    let retried: Vec<_> = all().filter(is_retried).map(|one| one.claim.id).collect();
    if !retried.is_empty() {
        hold_lanes(tx, queue, &retried).await?;
    }
    Ok(settled)
}

/// What is added to the attempts of a job: a lease has counted one already.
const fn counted(queue: &Queue, settlement: &Settlement) -> i64 {
    match (queue.hold, settlement.counts) {
        (Hold::Lease, true) | (Hold::Transaction, false) => 0,
        (Hold::Lease, false) => -1,
        (Hold::Transaction, true) => 1,
    }
}

/// The later jobs of these jobs' lanes become due no sooner than they do.
async fn hold_lanes(tx: &mut Tx, queue: &Queue, retried: &[Uuid]) -> Result<(), StoreError> {
    let Some(lane) = &queue.lane else { return Ok(()) };
    let table = queue.table;
    // Keeps SQLite's planner at the index of the lane; the index of due times holds the whole backlog.
    let plus = if matches!(tx.conn, Conn::Sqlite(_)) { "+" } else { "" };
    let tail = format!(
        ")
        UPDATE {table} AS later
        SET next_attempt_at = earlier.next_attempt_at
        FROM retried
        JOIN {table} AS earlier ON earlier.id = retried.id
        WHERE {}
          AND later.next_attempt_at IS NOT NULL
          AND {plus}later.next_attempt_at < earlier.next_attempt_at",
        in_lane(lane, "later", ">", "earlier")
    );
    let rows = Rows::default().uuids(retried.iter().copied());
    rows.execute(tx, "WITH retried (id) AS (", &tail).await.map(drop)
}
