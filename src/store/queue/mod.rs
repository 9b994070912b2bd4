//! The durable work queue: one mechanism for every kind of job that is retried until it is settled.
//!
//! Each kind keeps a table of its own, with the columns that its listings need, and describes it by a [`Queue`]. The
//! queue reads and writes these columns of it:
//!
//! | column | meaning |
//! | --- | --- |
//! | `id` | uuid, the primary key |
//! | `state` | a word of the kind; jobs are claimed in the states that [`Queue::claimable`] lists |
//! | `claims` | the fencing token: raised by every claim, every settlement and every change from outside |
//! | `attempts` | attempts that count, the one under way included; 0 again when the job is requeued |
//! | `next_attempt_at` | when the job may be claimed; of a claimed job the end of its lease; NULL once it is settled |
//! | `settled_at` | when it was settled |
//! | `note` | what came of it, in words |
//!
//! Rules, the same for every kind:
//!
//! - **Lease.** [`claim`] moves `next_attempt_at` to the end of the lease. A worker that stops before it settles its
//!   job leaves a row that becomes claimable when the lease ends. Leases are written and read by one clock.
//! - **Fencing.** [`settle`] names the claim that it settles and moves nothing when the row's `claims` has changed
//!   since: a late result never overwrites a newer attempt, a requeued job or its own first settlement.
//! - **Lanes.** Of the jobs that share a lane only the first unsettled one is claimable, so they are attempted in
//!   order and one at a time. While the first waits for its retry, the later ones wait until the same moment.
//! - **Point of no return.** A job that must not be repeated moves, before it is attempted, to a state that is not
//!   claimable, while its claim stands ([`Settlement::stands`]). What becomes of it when that lease ends is for its kind
//!   to say.
//! - **Attempts.** A claim counts as an attempt, also when its worker stops before it settles. A settlement can take
//!   that back when no attempt was made.

mod claim;
mod retain;
mod settle;

use uuid::Uuid;

use crate::store::Work;

pub(in crate::store) use self::{
    claim::{Lease, claim, has_due, lock},
    retain::{Due, Expiry, Requeue, backlog, expire, purge, requeue},
    settle::{Columns, Settlement, settle},
};

/// One kind of job: its table, and how its rows are claimed.
#[derive(Debug)]
pub struct Queue {
    /// The table.
    pub table: &'static str,
    /// The columns of a claimed row, by name: a plan that was prepared with all of them fails when a newer release adds one.
    pub columns: &'static str,
    /// The signal that wakes its workers.
    pub work: Work,
    /// The states in which a job waits to be claimed. A requeued job gets the first of them.
    pub claimable: &'static [&'static str],
    /// The state of a job that is given up without an attempt, because its row cannot be read.
    pub given_up: &'static str,
    /// Which jobs are attempted one after the other.
    pub lane: Option<Lane>,
    /// How a worker holds what it claims.
    pub hold: Hold,
    /// The column that says how old a job is.
    pub age: &'static str,
    /// The condition on which an old row may be deleted.
    pub purgeable: &'static str,
}

/// Which jobs are attempted one after the other, and in which order.
#[derive(Debug)]
pub struct Lane {
    /// Columns whose values the jobs of one lane share.
    pub key: &'static [&'static str],
    /// Columns that order them.
    pub order: &'static [&'static str],
}

/// How a worker holds what it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// By a lease: the claim is committed before the attempt, which may take long ([`claim`]).
    Lease,
    /// By the locks of one unit of work, in which jobs are claimed, attempted and settled ([`lock`]). It saves a commit
    /// where an attempt only writes to the same database.
    Transaction,
}

/// Proof that a job was claimed: the job, and the number that its row had after the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The job.
    pub id: Uuid,
    /// The fencing token.
    pub number: u32,
}

/// The condition of the rows of one lane that stand before, or behind, another.
fn in_lane(lane: &Lane, one: &str, relation: &str, other: &str) -> String {
    let mut condition: Vec<_> =
        lane.key.iter().map(|column| format!("{one}.{column} = {other}.{column}")).collect();
    let order = |table: &str| {
        let columns: Vec<_> = lane.order.iter().map(|column| format!("{table}.{column}")).collect();
        format!("({})", columns.join(", "))
    };
    condition.push(format!("{} {relation} {}", order(one), order(other)));
    condition.join(" AND ")
}

#[cfg(test)]
pub mod tests;
