//! Settling claimed jobs: what an attempt came to is written down if the claim still stands.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::{
    StoreError, Tx,
    queue::{Claim, Queue, in_lane},
    rows::Rows,
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
}

/// The columns that a kind writes beside the queue's own, one value for each settlement.
#[derive(Debug)]
pub(in crate::store) struct Columns<'a> {
    /// The values, in the order of the settlements.
    pub rows: Rows<'a>,
    /// What the values are called in `assignments`, as columns of `settled`.
    pub names: &'static [&'static str],
    /// SQL assignments: `note = settled.note`.
    pub assignments: &'static [&'static str],
}

impl Columns<'_> {
    /// Nothing beside the queue's own.
    pub fn none() -> Self {
        Self { rows: Rows::default(), names: &[], assignments: &[] }
    }
}

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
        .numbers(all().map(|one| i64::from(!one.counts)))
        .and(columns.rows);
    let names: String = columns.names.iter().map(|name| format!(", {name}")).collect();
    let assignments: String =
        columns.assignments.iter().map(|assignment| format!(", {assignment}")).collect();
    let table = queue.table;
    let head = format!(
        "WITH settled (id, claim, state, next_attempt_at, settled_at, uncounted{names}) AS ("
    );
    let tail = format!(
        ")
        UPDATE {table}
        SET state = settled.state,
            next_attempt_at = settled.next_attempt_at,
            settled_at = settled.settled_at,
            attempts = {table}.attempts - settled.uncounted,
            claims = {table}.claims + 1
            {assignments}
        FROM settled
        WHERE {table}.id = settled.id
          AND {table}.claims = settled.claim
        RETURNING {table}.id AS id"
    );
    let settled: Vec<(Uuid,)> = rows.fetch(tx, &head, &tail).await?;
    let settled: HashSet<_> = settled.into_iter().map(|(id,)| id).collect();
    let is_retried =
        |one: &&Settlement| one.next_attempt_at.is_some() && settled.contains(&one.claim.id);
    let retried: Vec<_> = all().filter(is_retried).map(|one| one.claim.id).collect();
    if !retried.is_empty() {
        hold_lanes(tx, queue, &retried).await?;
    }
    Ok(settled)
}

/// The later jobs of these jobs' lanes become due no sooner than they do.
async fn hold_lanes(tx: &mut Tx, queue: &Queue, retried: &[Uuid]) -> Result<(), StoreError> {
    let Some(lane) = &queue.lane else { return Ok(()) };
    let table = queue.table;
    let tail = format!(
        ")
        UPDATE {table} AS later
        SET next_attempt_at = earlier.next_attempt_at
        FROM retried
        JOIN {table} AS earlier ON earlier.id = retried.id
        WHERE {}
          AND later.next_attempt_at IS NOT NULL
          AND later.next_attempt_at < earlier.next_attempt_at",
        in_lane(lane, "later", ">", "earlier")
    );
    let rows = Rows::default().uuids(retried.iter().copied());
    rows.execute(tx, "WITH retried (id) AS (", &tail).await.map(drop)
}
