//! What partners are to be told of their orders: written down with the facts, told later, and settled.

mod listing;

use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    domain::{OrderId, PartnerAction, PartnerCallId, Telling, Version, vocabulary},
    store::{
        StoreError, Tx, Work,
        moment::At,
        row::{from_row, number, word},
        rows::Rows,
        tx::{Conn, on},
    },
};

pub use self::listing::{PartnerCallFilter, due, get, give_up, list, purge, retry};

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
}

/// Something that a partner is, or was, to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct PartnerCall {
    /// Its id.
    pub id: PartnerCallId,
    /// Who: the partner's slug.
    pub partner: String,
    /// The order that it is about.
    pub order_id: OrderId,
    /// The version that the order had by it.
    pub order_version: Version,
    /// What.
    pub telling: Telling,
    /// Where it stands.
    pub state: TellingState,
    /// How often it was tried, the attempt under way included.
    pub attempts: u32,
    /// When it happened.
    pub created_at: Timestamp,
    /// From when on nobody needs to hear it.
    pub worthless_at: Timestamp,
    /// When it is tried next; `None` once it is settled.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// What came of it, in words. Nothing secret.
    pub note: Option<String>,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Where the call stands now.
    pub state: TellingState,
    /// When it is tried next, of a pending one.
    pub next_attempt_at: Option<Timestamp>,
    /// When this was.
    pub at: Timestamp,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What came of it, in words.
    pub note: Option<String>,
    /// Whether it counts: an attempt that was never made does not.
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
        .moments(calls().map(|it| it.created_at));
    let head = "INSERT INTO partner_call (
            id, partner, order_id, order_version, place, action, telling, state,
            created_at, worthless_at, next_attempt_at
        )";
    rows.execute(tx, head, "ON CONFLICT DO NOTHING").await?;
    tx.wrote(Work::PartnerCalls);
    Ok(())
}

/// Takes calls to one partner that are due, the oldest first, for whoever asks until `leased_until`. Of one order only the first that
/// is not settled, so that they are told in order and one at a time. Each counts as tried.
pub async fn claim(
    tx: &mut Tx,
    partner: &str,
    now: Timestamp,
    leased_until: Timestamp,
    limit: u32,
) -> Result<Vec<PartnerCall>, StoreError> {
    macro_rules! claim {
        ($locking:literal) => {
            concat!(
                "UPDATE partner_call
                 SET next_attempt_at = $3,
                     attempts = attempts + 1
                 WHERE id IN (
                     SELECT id
                     FROM partner_call AS due
                     WHERE partner = $1
                       AND next_attempt_at <= $2
                       AND NOT EXISTS (
                           SELECT 1
                           FROM partner_call AS elder
                           WHERE elder.order_id = due.order_id
                             AND elder.next_attempt_at IS NOT NULL
                             AND (elder.order_version, elder.place) < (due.order_version, due.place)
                       )
                     ORDER BY next_attempt_at, id
                     LIMIT $4
                     ",
                $locking,
                ")
                 RETURNING *",
            )
        };
    }
    Ok(match &mut tx.conn {
        Conn::Postgres(session) => {
            sqlx::query_as(claim!("FOR UPDATE OF due SKIP LOCKED"))
                .bind(partner)
                .bind(At(now))
                .bind(At(leased_until))
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
        Conn::Sqlite(session) => {
            sqlx::query_as(claim!(""))
                .bind(partner)
                .bind(At(now))
                .bind(At(leased_until))
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
    })
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

/// Writes down what an attempt came to. One that somebody else has settled meanwhile is left as it is.
pub async fn note(tx: &mut Tx, id: PartnerCallId, tried: &Tried) -> Result<(), StoreError> {
    let settled_at = (tried.state != TellingState::Pending).then_some(At(tried.at));
    on!(tx, |conn| sqlx::query(
        "UPDATE partner_call
         SET state = $2,
             next_attempt_at = $3,
             settled_at = $4,
             status = COALESCE($5, status),
             note = $6,
             attempts = attempts - $7
         WHERE id = $1
           AND state = 'pending'",
    )
    .bind(id.uuid())
    .bind(tried.state.as_str())
    .bind(tried.next_attempt_at.map(At))
    .bind(settled_at)
    .bind(tried.status.map(i64::from))
    .bind(&tried.note)
    .bind(i64::from(!tried.counts))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

from_row!(PartnerCall, |row| Self {
    id: PartnerCallId::from_uuid(row.try_get::<Uuid, _>("id")?),
    partner: row.try_get("partner")?,
    order_id: OrderId::from_uuid(row.try_get::<Uuid, _>("order_id")?),
    order_version: number(row.try_get("order_version")?)?,
    telling: row.try_get::<Json<Telling>, _>("telling")?.0,
    state: word(row.try_get("state")?)?,
    attempts: number(row.try_get("attempts")?)?,
    created_at: row.try_get::<At, _>("created_at")?.0,
    worthless_at: row.try_get::<At, _>("worthless_at")?.0,
    next_attempt_at: row.try_get::<Option<At>, _>("next_attempt_at")?.map(|At(at)| at),
    settled_at: row.try_get::<Option<At>, _>("settled_at")?.map(|At(at)| at),
    status: row.try_get::<Option<i64>, _>("status")?.map(number).transpose()?,
    note: row.try_get("note")?,
});
