//! Looking after what partners are told.

use jiff::Timestamp;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    domain::{OrderId, PartnerCallId},
    store::{
        StoreError, Tx,
        conditions::{Conditions, Value},
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
    page: PageRequest,
) -> Result<Page<PartnerCall>, StoreError> {
    let conditions = Conditions::default()
        .and("partner =", filter.partner.as_deref().map(Value::Text))
        .and("order_id =", filter.order_id.map(|order| Value::Uuid(order.uuid())))
        .and("state =", filter.state.map(|state| Value::Text(state.as_str())));
    let select = ("SELECT * FROM partner_call", "created_at");
    let cursor = |row: &PartnerCall| Cursor { at: row.created_at, id: row.id.uuid() };
    conditions.page(tx, select, page, cursor).await
}

/// How many calls are not settled.
pub async fn due(tx: &mut Tx) -> Result<u64, StoreError> {
    Ok(queue::backlog(tx, &QUEUE).await?.waiting)
}
