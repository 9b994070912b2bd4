//! Looking after what partners are told.

use jiff::Timestamp;
use sqlx::QueryBuilder;

use crate::{
    base::cursor::Cursor,
    domain::{OrderId, PartnerCallId},
    store::{
        StoreError, Tx,
        conditions::{Conditions, Value},
        moment::At,
        partner_calls::{PartnerCall, QUEUE, TellingState},
        queue::{self, Due, Expiry, Requeue},
        tx::on,
    },
};

/// What nobody could tell in time has failed.
const EXPIRY: Expiry =
    Expiry { from: "state = 'pending'", state: "failed", note: "could not be told in time" };

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
    let requeue = Requeue {
        due: Due::At(now),
        also: &[("worthless_at =", Some(Value::Moment(worthless_at)))],
        from: "state IN ('failed', 'skipped')",
        conditions: Conditions::default().and("id =", Value::Uuid(id.uuid())),
    };
    Ok(queue::requeue(tx, &QUEUE, &requeue, None).await? > 0)
}

/// Gives up what nobody has told while it was worth telling, at most `limit`; answers how much that was. Whoever is told things does so
/// itself; this is for partners that cannot be reached any more.
pub async fn give_up(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
    // One that is under way has a lease.
    let conditions = Conditions::default()
        .and("next_attempt_at <=", Value::Moment(now))
        .and("worthless_at <=", Value::Moment(now));
    queue::expire(tx, &QUEUE, &EXPIRY, &conditions, now, limit).await
}

/// Throws away what was settled and happened before `before`, the oldest first and at most `limit`; answers how much that was.
pub async fn purge(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    queue::purge(tx, &QUEUE, before, limit).await
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
    Ok(queue::backlog(tx, &QUEUE).await?.waiting)
}
