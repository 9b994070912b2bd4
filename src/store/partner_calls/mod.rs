//! What partners are to be told of their orders: written down with the facts, told later, and settled.

mod listing;

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{OrderId, PartnerAction, PartnerCallId, Telling, Version, vocabulary},
    store::{
        Claim, StoreError, Tx, Work,
        conditions::{Conditions, Value},
        moment::At,
        queue::{self, Columns, Hold, Lane, Lease, Queue, Settlement},
        row::{Nullable, read_words},
        rows::Rows,
        tx::on,
    },
};

pub use self::listing::{PartnerCallFilter, due, get, give_up, list, purge, retry};

/// The queue of partner calls: of one order, one call at a time and in order.
pub(in crate::store) const QUEUE: Queue = Queue {
    table: "partner_call",
    columns: "id, partner, order_id, order_version, telling, state, attempts, claims, \
              created_at, worthless_at, next_attempt_at, settled_at, status, note, traceparent",
    work: Work::PartnerCalls,
    claimable: &["pending"],
    given_up: "failed",
    lane: Some(Lane { key: &["order_id"], order: &["order_version", "place"] }),
    hold: Hold::Lease,
    age: "created_at",
    purgeable: "next_attempt_at IS NULL",
};

vocabulary! {
    /// Where the telling of something stands.
    pub enum TellingState {
        /// To be told.
        Pending = "pending",
        /// The partner has it.
        Sent = "sent",
        /// The partner does not want to hear it.
        Skipped = "skipped",
        /// The partner refused it, or could not be told while it was worth telling.
        Failed = "failed",
    }
}

read_words!(TellingState);

/// Something that a partner is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPartnerCall {
    /// Its id.
    pub id: PartnerCallId,
    /// Who: the partner's slug.
    pub partner: String,
    /// The order that it is about.
    pub order_id: OrderId,
    /// The version that the order had by it.
    pub order_version: Version,
    /// Among those of the same version: what is told first.
    pub place: u32,
    /// What.
    pub telling: Telling,
    /// When it happened.
    pub created_at: Timestamp,
    /// From when on nobody needs to hear it.
    pub worthless_at: Timestamp,
    /// The W3C trace that it belongs to.
    pub traceparent: Option<Box<str>>,
}

/// Something that a partner is, or was, to be told.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct PartnerCall {
    /// Its id.
    pub id: PartnerCallId,
    /// Who: the partner's slug.
    pub partner: String,
    /// The order that it is about.
    pub order_id: OrderId,
    /// The version that the order had by it.
    #[sqlx(try_from = "i64")]
    pub order_version: Version,
    /// What.
    #[sqlx(json)]
    pub telling: Telling,
    /// Where it stands.
    pub state: TellingState,
    /// How often it was tried, the attempt under way included.
    #[sqlx(try_from = "i64")]
    pub attempts: u32,
    /// Its fencing token.
    #[sqlx(try_from = "i64")]
    pub claims: u32,
    /// When it happened.
    #[sqlx(try_from = "At")]
    pub created_at: Timestamp,
    /// From when on nobody needs to hear it.
    #[sqlx(try_from = "At")]
    pub worthless_at: Timestamp,
    /// When it is tried next; `None` once it is settled.
    #[sqlx(try_from = "Nullable<At>")]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was settled.
    #[sqlx(try_from = "Nullable<At>")]
    pub settled_at: Option<Timestamp>,
    /// The status of the last answer.
    #[sqlx(try_from = "Nullable<i64>")]
    pub status: Option<u16>,
    /// What came of it, in words. Nothing secret.
    pub note: Option<String>,
    /// The W3C trace that it belongs to.
    pub traceparent: Option<Box<str>>,
}

impl PartnerCall {
    /// The claim that this row was read under.
    pub const fn claim(&self) -> Claim {
        Claim { id: self.id.uuid(), number: self.claims }
    }
}

/// What an attempt at a claimed call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSettlement {
    /// The claim that ends with it.
    pub claim: Claim,
    /// Where the call stands now.
    pub state: TellingState,
    /// When it is tried next, of a pending one.
    pub next_attempt_at: Option<Timestamp>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What came of it, in words.
    pub note: Option<String>,
    /// Whether the attempt counts. One that was never made does not.
    pub counts: bool,
}

/// Writes down what is to be told. What is written down already is left as it is.
pub async fn put(tx: &mut Tx, calls: &[&NewPartnerCall]) -> Result<(), StoreError> {
    if calls.is_empty() {
        return Ok(());
    }
    let calls = || calls.iter();
    let rows = Rows::default()
        .uuids(calls().map(|it| it.id.uuid()))
        .texts(calls().map(|it| it.partner.as_str()))
        .uuids(calls().map(|it| it.order_id.uuid()))
        .numbers(calls().map(|it| it.order_version))
        .numbers(calls().map(|it| it.place))
        .texts(calls().map(|it| it.telling.action.as_str()))
        .jsons(calls().map(|it| &it.telling))?
        .texts(calls().map(|_| TellingState::Pending.as_str()))
        .moments(calls().map(|it| it.created_at))
        .moments(calls().map(|it| it.worthless_at))
        .moments(calls().map(|it| it.created_at))
        .texts(calls().map(|it| it.traceparent.as_deref()));
    let head = "INSERT INTO partner_call (
            id, partner, order_id, order_version, place, action, telling, state,
            created_at, worthless_at, next_attempt_at, traceparent
        )";
    rows.execute(tx, head, "ON CONFLICT DO NOTHING").await?;
    tx.wrote(Work::PartnerCalls);
    Ok(())
}

/// Claims due calls to one partner until `leased_until`. Of one order only the first that is not settled.
pub async fn claim(
    tx: &mut Tx,
    partner: &str,
    now: Timestamp,
    leased_until: Timestamp,
    limit: u32,
) -> Result<Vec<PartnerCall>, StoreError> {
    let lease = Lease { now, until: leased_until };
    queue::claim(tx, &QUEUE, &to(partner), lease, limit).await
}

/// Whether a call to this partner is due.
pub async fn has_due(tx: &mut Tx, partner: &str, now: Timestamp) -> Result<bool, StoreError> {
    queue::has_due(tx, &QUEUE, &to(partner), now).await
}

fn to(partner: &str) -> Conditions<'_> {
    Conditions::default().and("partner =", Value::Text(partner))
}

/// Whether the partner has been told the same of the same order.
pub async fn was_told(
    tx: &mut Tx,
    order_id: OrderId,
    action: PartnerAction,
) -> Result<bool, StoreError> {
    let (told,): (i64,) = on!(tx, |conn| sqlx::query_as(
        "SELECT COUNT(*)
         FROM partner_call
         WHERE order_id = $1
           AND action = $2
           AND state = 'sent'",
    )
    .bind(order_id.uuid())
    .bind(action.as_str())
    .fetch_one(conn)
    .await?);
    Ok(told > 0)
}

/// Writes down what attempts came to; answers which calls were settled. A call that was claimed again since is left as it is.
pub async fn settle(
    tx: &mut Tx,
    settlements: &[CallSettlement],
    now: Timestamp,
) -> Result<HashSet<Uuid>, StoreError> {
    let all = || settlements.iter();
    let of_queue: Vec<_> = all()
        .map(|one| Settlement {
            claim: one.claim,
            state: one.state.as_str(),
            next_attempt_at: one.next_attempt_at,
            counts: one.counts,
            stands: false,
        })
        .collect();
    let columns = Columns {
        rows: Rows::default()
            .numbers_or_none(all().map(|one| one.status))
            .texts(all().map(|one| one.note.as_deref())),
        names: &["status", "note"],
        assignments: &[
            "status = COALESCE(settled.status, partner_call.status)",
            "note = settled.note",
        ],
    };
    queue::settle(tx, &QUEUE, &of_queue, now, columns).await
}
