//! Looking after what partners are told.

use jiff::Timestamp;
use sqlx::QueryBuilder;

use crate::{
    base::cursor::Cursor,
    domain::{OrderId, PartnerCallId},
    store::{
        StoreError, Tx, Work,
        moment::At,
        partner_calls::{PartnerCall, TellingState},
        row::number,
        tx::on,
    },
};

/// Which calls are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct PartnerCallFilter {
    /// To this partner.
    pub partner: Option<String>,
    /// About this order.
    pub order_id: Option<OrderId>,
    /// Standing here.
    pub state: Option<TellingState>,
    /// The last call of the page before: its `created_at` and id.
    pub before: Option<Cursor>,
}

/// Makes a call due once more that failed or was skipped; `false` when there is none such.
pub async fn retry(
    tx: &mut Tx,
    id: PartnerCallId,
    now: Timestamp,
    worthless_at: Timestamp,
) -> Result<bool, StoreError> {
    let retried = on!(tx, |conn| sqlx::query(
        "UPDATE partner_call
         SET state = 'pending',
             attempts = 0,
             next_attempt_at = $2,
             worthless_at = $3,
             settled_at = NULL
         WHERE id = $1
           AND state IN ('failed', 'skipped')",
    )
    .bind(id.uuid())
    .bind(At(now))
    .bind(At(worthless_at))
    .execute(conn)
    .await?
    .rows_affected());
    if retried > 0 {
        tx.wrote(Work::PartnerCalls);
    }
    Ok(retried > 0)
}

/// Gives up what nobody has told while it was worth telling, at most `limit`; answers how much that was. Whoever is told things does so
/// itself; this is for partners that cannot be reached any more.
pub async fn give_up(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
    Ok(on!(tx, |conn| sqlx::query(
        "UPDATE partner_call
         SET state = 'failed',
             next_attempt_at = NULL,
             settled_at = $1,
             note = 'could not be told in time'
         WHERE id IN (
             SELECT id
             FROM partner_call
             WHERE next_attempt_at <= $1
               AND worthless_at <= $1
             LIMIT $2
         )",
    )
    .bind(At(now))
    .bind(i64::from(limit))
    .execute(conn)
    .await?
    .rows_affected()))
}

/// Throws away what was settled and happened before `before`, the oldest first and at most `limit`; answers how much that was.
pub async fn purge(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    Ok(on!(tx, |conn| sqlx::query(
        "DELETE FROM partner_call
         WHERE id IN (
             SELECT id
             FROM partner_call
             WHERE created_at < $1
               AND next_attempt_at IS NULL
             ORDER BY created_at, id
             LIMIT $2
         )",
    )
    .bind(At(before))
    .bind(i64::from(limit))
    .execute(conn)
    .await?
    .rows_affected()))
}

/// One call; nothing when there is none such.
pub async fn get(tx: &mut Tx, id: PartnerCallId) -> Result<Option<PartnerCall>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as("SELECT * FROM partner_call WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?))
}

/// A page of calls, the youngest first.
pub async fn list(
    tx: &mut Tx,
    filter: &PartnerCallFilter,
    limit: u32,
) -> Result<Vec<PartnerCall>, StoreError> {
    Ok(on!(tx, |conn| {
        let mut query = QueryBuilder::new("SELECT * FROM partner_call WHERE TRUE");
        if let Some(partner) = &filter.partner {
            query.push(" AND partner = ").push_bind(partner);
        }
        if let Some(order_id) = filter.order_id {
            query.push(" AND order_id = ").push_bind(order_id.uuid());
        }
        if let Some(state) = filter.state {
            query.push(" AND state = ").push_bind(state.as_str());
        }
        if let Some(before) = filter.before {
            query.push(" AND (created_at, id) < (").push_bind(At(before.at));
            query.push(", ").push_bind(before.id).push(")");
        }
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
        query.build_query_as().fetch_all(conn).await?
    }))
}

/// How many calls are not settled.
pub async fn due(tx: &mut Tx) -> Result<u64, StoreError> {
    let (due,): (i64,) = on!(tx, |conn| sqlx::query_as(
        "SELECT COUNT(*) FROM partner_call WHERE next_attempt_at IS NOT NULL"
    )
    .fetch_one(conn)
    .await?);
    Ok(number(due)?)
}
