//! Partners' calls: stored as received, then understood, then settled.

mod listing;
pub mod outcome;
mod parked;

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{InboxId, OrderId},
    store::{
        Claim, StoreError, Tx, Work,
        conditions::Conditions,
        moment::At,
        queue::{self, Columns, Hold, Queue, Settlement},
        row::read_words,
        rows::Rows,
    },
};

pub use self::{
    listing::{Counts, InboxEntry, InboxFilter, counts, list, load, replay, replay_one},
    parked::{abandon, purge, unpark, unpark_all},
};

/// The queue of the inbox. Calls are claimed, applied and settled in one unit of work. Parked ones are looked at now and then, too.
pub(in crate::store) const QUEUE: Queue = Queue {
    table: "inbox",
    columns: "id, partner, event_id, headers, body, received_at, state, attempts, claims",
    work: Work::Inbox,
    claimable: &["pending", "parked"],
    given_up: "dead",
    lane: None,
    hold: Hold::Transaction,
    age: "received_at",
    purgeable: "state = 'done'",
};

/// The header of a stored call that was not made by its partner: where it comes from.
pub const ORIGIN: &str = "x-orderwire-origin";

/// The value of [`ORIGIN`] for an answer of the partner to a question of ours.
pub const RECONCILIATION: &str = "reconciliation";

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

read_words!(CallState);

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
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Call {
    /// Its id.
    pub id: InboxId,
    /// Who called: the partner's slug.
    pub partner: String,
    /// The partner's own id of the call, where it gives one.
    pub event_id: Option<String>,
    /// What the caller said besides.
    #[sqlx(json)]
    pub headers: Headers,
    /// The body, byte for byte.
    #[sqlx(try_from = "Vec<u8>")]
    pub body: Bytes,
    /// When it came.
    #[sqlx(try_from = "At")]
    pub received_at: Timestamp,
    /// Where it stands.
    pub state: CallState,
    /// How often it was tried before.
    #[sqlx(try_from = "i64")]
    pub attempts: u32,
    /// Its fencing token.
    #[sqlx(try_from = "i64")]
    pub claims: u32,
}

impl Call {
    /// The claim that this row was read under.
    pub const fn claim(&self) -> Claim {
        Claim { id: self.id.uuid(), number: self.claims }
    }
}

/// What became of a call.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The claim of the call.
    pub claim: Claim,
    /// Where it stands now.
    pub state: CallState,
    /// What came of it, in one word; what is left out stays as it was, here and in the next two.
    pub outcome: Option<String>,
    /// The order that it is about.
    pub order_id: Option<OrderId>,
    /// The partner's name for that order.
    pub external_id: Option<String>,
    /// For whoever looks at it later. Nothing secret.
    pub note: Option<String>,
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

/// Claims calls that are due, the oldest first. They are this unit of work's own until it ends.
pub async fn claim(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<Call>, StoreError> {
    queue::lock(tx, &QUEUE, &Conditions::default(), now, limit).await
}

/// Writes down what became of calls. Each call may come once.
pub async fn settle(tx: &mut Tx, calls: &[Settled], now: Timestamp) -> Result<(), StoreError> {
    let all = || calls.iter();
    let settlements: Vec<_> = all()
        .map(|one| Settlement {
            claim: one.claim,
            state: one.state.as_str(),
            next_attempt_at: one.retry_at,
            counts: true,
            stands: false,
        })
        .collect();
    let columns = Columns {
        rows: Rows::default()
            .texts(all().map(|one| one.outcome.as_deref()))
            .uuids(all().map(|one| one.order_id.map(OrderId::uuid)))
            .texts(all().map(|one| one.external_id.as_deref()))
            .texts(all().map(|one| one.note.as_deref())),
        names: &["outcome", "order_id", "external_id", "note"],
        assignments: &[
            "outcome = COALESCE(settled.outcome, inbox.outcome)",
            "order_id = COALESCE(settled.order_id, inbox.order_id)",
            "external_id = COALESCE(settled.external_id, inbox.external_id)",
            "note = settled.note",
        ],
    };
    queue::settle(tx, &QUEUE, &settlements, now, columns).await.map(drop)
}
