//! Partners' calls: stored as received, then understood, then settled.

mod listing;
mod parked;

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    domain::{InboxId, OrderId},
    store::{
        StoreError, Tx, Work,
        moment::At,
        row::{from_row, number},
        rows::Rows,
        tx::{Conn, on},
    },
};

pub use self::{
    listing::{Counts, InboxEntry, InboxFilter, counts, list, load, replay, replay_one},
    parked::{abandon, purge, unpark, unpark_all},
};

/// The headers of a call that are worth keeping. Never one that proves who called.
pub type Headers = BTreeMap<String, String>;

crate::domain::vocabulary! {
    /// Where a partner's call stands.
    pub enum CallState {
        /// To be understood.
        Pending = "pending",
        /// Waiting for the order that it is about.
        Parked = "parked",
        /// Understood, whatever came of it.
        Done = "done",
        /// Given up.
        Dead = "dead",
    }
}

/// A call that has just come in.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// Its id.
    pub id: InboxId,
    /// Who called: the partner's slug.
    pub partner: String,
    /// The partner's own id of the call, where it gives one.
    pub event_id: Option<String>,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
    /// What the caller said besides.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Bytes,
    /// When it came.
    pub received_at: Timestamp,
}

impl NewCall {
    /// What it is told apart by.
    fn names(&self) -> (&str, Option<&str>, &[u8; 32]) {
        (&self.partner, self.event_id.as_deref(), &self.body_hash)
    }
}

/// A call that is to be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: InboxId,
    /// Who called: the partner's slug.
    pub partner: String,
    /// The partner's own id of the call, where it gives one.
    pub event_id: Option<String>,
    /// What the caller said besides.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Bytes,
    /// When it came.
    pub received_at: Timestamp,
    /// How often it was tried before.
    pub attempts: u32,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The call.
    pub id: InboxId,
    /// Where it stands now.
    pub state: CallState,
    /// What came of it, in one word.
    pub outcome: Option<String>,
    /// The order that it is about.
    pub order_id: Option<OrderId>,
    /// The partner's name for that order.
    pub external_id: Option<String>,
    /// For whoever looks at it later. Nothing secret.
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
    /// When it is claimed again if nothing else happens; `None` for never.
    ///
    /// A parked call should name a moment: the order may come into being while the call is being parked, and then
    /// nobody unparks it.
    pub retry_at: Option<Timestamp>,
}

/// Stores calls. The answers come in the order of the calls; `None` for one that is stored already, be it from before
/// or from this very list.
pub async fn put(tx: &mut Tx, calls: &[NewCall]) -> Result<Vec<Option<InboxId>>, StoreError> {
    // Two who store the same calls at once must meet them in the same order, or they wait for each other for ever.
    // The sort is stable: of two equal calls the earlier one wins.
    let mut sorted: Vec<_> = calls.iter().collect();
    sorted.sort_by(|left, right| left.names().cmp(&right.names()));
    let calls_sorted = || sorted.iter();
    let rows = Rows::default()
        .uuids(calls_sorted().map(|it| it.id.uuid()))
        .texts(calls_sorted().map(|it| it.partner.as_str()))
        .texts(calls_sorted().map(|it| it.event_id.as_deref()))
        .blobs(calls_sorted().map(|it| it.body_hash.as_slice()))
        .jsons(calls_sorted().map(|it| &it.headers))?
        .blobs(calls_sorted().map(|it| &*it.body))
        .moments(calls_sorted().map(|it| it.received_at))
        .texts(calls_sorted().map(|_| CallState::Pending.as_str()))
        .moments(calls_sorted().map(|it| it.received_at));
    let head = "INSERT INTO inbox (
            id, partner, event_id, body_hash, headers, body, received_at, state, next_attempt_at
        )";
    let tail = "ON CONFLICT DO NOTHING
        RETURNING id";
    let stored: Vec<(Uuid,)> = rows.fetch(tx, head, tail).await?;
    if !stored.is_empty() {
        tx.wrote(Work::Inbox);
    }
    let mut stored: HashSet<_> = stored.into_iter().map(|(id,)| id).collect();
    Ok(calls.iter().map(|it| stored.remove(&it.id.uuid()).then_some(it.id)).collect())
}

/// Takes calls that are due, the oldest first. They are this unit of work's own until it ends.
pub async fn claim(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<Call>, StoreError> {
    macro_rules! due {
        ($locking:literal) => {
            concat!(
                "SELECT id, partner, event_id, headers, body, received_at, attempts
                 FROM inbox
                 WHERE next_attempt_at <= $1
                 ORDER BY next_attempt_at, id
                 LIMIT $2
                 ",
                $locking,
            )
        };
    }
    Ok(match &mut tx.conn {
        Conn::Postgres(session) => {
            sqlx::query_as(due!("FOR UPDATE SKIP LOCKED"))
                .bind(At(now))
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
        Conn::Sqlite(session) => {
            sqlx::query_as(due!(""))
                .bind(At(now))
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
    })
}

/// Writes down what became of calls. Each call may come once.
pub async fn settle(tx: &mut Tx, calls: &[Settled]) -> Result<(), StoreError> {
    let over = |it: &Settled| match it.state {
        CallState::Pending | CallState::Parked => None,
        CallState::Done | CallState::Dead => Some(it.at),
    };
    let rows = Rows::default()
        .uuids(calls.iter().map(|it| it.id.uuid()))
        .texts(calls.iter().map(|it| it.state.as_str()))
        .texts(calls.iter().map(|it| it.outcome.as_deref()))
        .uuids(calls.iter().map(|it| it.order_id.map(OrderId::uuid)))
        .texts(calls.iter().map(|it| it.external_id.as_deref()))
        .texts(calls.iter().map(|it| it.note.as_deref()))
        .moments(calls.iter().map(|it| it.retry_at))
        .moments(calls.iter().map(over));
    let head = "WITH settled (
            id, state, outcome, order_id, external_id, note, next_attempt_at, settled_at
        ) AS (";
    let tail = ")
        UPDATE inbox
        SET state = settled.state,
            outcome = settled.outcome,
            order_id = settled.order_id,
            external_id = settled.external_id,
            note = settled.note,
            attempts = attempts + 1,
            next_attempt_at = settled.next_attempt_at,
            settled_at = settled.settled_at
        FROM settled
        WHERE inbox.id = settled.id";
    rows.execute(tx, head, tail).await.map(drop)
}

/// Puts a call off, after a failure that may pass.
pub async fn postpone(
    tx: &mut Tx,
    id: InboxId,
    attempts: u32,
    next_attempt_at: Timestamp,
    note: &str,
) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE inbox
         SET attempts = $2,
             next_attempt_at = $3,
             note = $4
         WHERE id = $1",
    )
    .bind(id.uuid())
    .bind(i64::from(attempts))
    .bind(At(next_attempt_at))
    .bind(note)
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

from_row!(Call, |row| Self {
    id: InboxId::from_uuid(row.try_get::<Uuid, _>("id")?),
    partner: row.try_get("partner")?,
    event_id: row.try_get("event_id")?,
    headers: row.try_get::<Json<Headers>, _>("headers")?.0,
    body: Bytes::from(row.try_get::<Vec<u8>, _>("body")?),
    received_at: row.try_get::<At, _>("received_at")?.0,
    attempts: number(row.try_get("attempts")?)?,
});
