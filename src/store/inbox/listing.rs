//! Looking at partners' calls, for the people who run the place.

use jiff::Timestamp;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    domain::{InboxId, OrderId},
    store::{
        StoreError, Tx,
        conditions::{Conditions, Value},
        inbox::{Call, CallState, QUEUE},
        moment::At,
        queue::{self, Due, Requeue},
        row::{Nullable, number},
        tx::on,
    },
};

/// Which calls are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct InboxFilter {
    /// Of this partner.
    pub partner: Option<String>,
    /// Of which this came.
    pub outcome: Option<String>,
    /// Standing here.
    pub state: Option<CallState>,
    /// About this order.
    pub order_id: Option<OrderId>,
    /// Received at this moment or later.
    pub from: Option<Timestamp>,
    /// Received before this moment.
    pub to: Option<Timestamp>,
}

impl InboxFilter {
    /// The conditions.
    fn conditions(&self) -> Conditions<'_> {
        Conditions::default()
            .and("partner =", self.partner.as_deref().map(Value::Text))
            .and("outcome =", self.outcome.as_deref().map(Value::Text))
            .and("state =", self.state.map(|state| Value::Text(state.as_str())))
            .and("order_id =", self.order_id.map(|order| Value::Uuid(order.uuid())))
            .and("received_at >=", self.from.map(Value::Moment))
            .and("received_at <", self.to.map(Value::Moment))
    }
}

/// A call in a list: all but its headers and its body, which [`load`] gives.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct InboxEntry {
    /// Its id.
    pub id: InboxId,
    /// Who called: the partner's slug.
    pub partner: String,
    /// The partner's own id of the call, where it gives one.
    pub event_id: Option<String>,
    /// When it came.
    #[sqlx(try_from = "At")]
    pub received_at: Timestamp,
    /// Where it stands.
    pub state: CallState,
    /// What came of it, in one word.
    pub outcome: Option<String>,
    /// The order that it is about.
    pub order_id: Option<OrderId>,
    /// The partner's name for that order.
    pub external_id: Option<String>,
    /// What whoever tried it wrote down.
    pub note: Option<String>,
    /// How often it was tried.
    #[sqlx(try_from = "i64")]
    pub attempts: u32,
    /// When it is tried next.
    #[sqlx(try_from = "Nullable<At>")]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was over.
    #[sqlx(try_from = "Nullable<At>")]
    pub settled_at: Option<Timestamp>,
}

/// How many calls stand where. Those that are done are not counted: they are all the others, and many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// To be understood.
    pub pending: u64,
    /// Waiting for the order that they are about.
    pub parked: u64,
    /// Given up.
    pub dead: u64,
}

/// A page of calls, the one that came last first.
pub async fn list(
    tx: &mut Tx,
    filter: &InboxFilter,
    page: PageRequest,
) -> Result<Page<InboxEntry>, StoreError> {
    let select = "SELECT id, partner, event_id, received_at, state, outcome, order_id, external_id,
                note, attempts, next_attempt_at, settled_at
         FROM inbox";
    let cursor = |row: &InboxEntry| Cursor { at: row.received_at, id: row.id.uuid() };
    filter.conditions().page(tx, (select, "received_at"), page, cursor).await
}

/// Makes calls due once more, the oldest first and at most `limit`; answers how many. Applying a call twice is applying it once, so
/// whatever came of it before may be replayed. Calls that are due anyway are left as they are.
pub async fn replay(
    tx: &mut Tx,
    filter: &InboxFilter,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let requeue = Requeue {
        due: Due::At(now),
        also: &[("note =", None)],
        from: "state <> 'pending'",
        conditions: filter.conditions(),
    };
    queue::requeue(tx, &QUEUE, &requeue, Some(limit)).await
}

/// Makes one call due once more; `false` when there is no such call.
pub async fn replay_one(tx: &mut Tx, id: InboxId, now: Timestamp) -> Result<bool, StoreError> {
    let requeue = Requeue {
        due: Due::At(now),
        also: &[("note =", None)],
        from: "TRUE",
        conditions: Conditions::default().and("id =", Value::Uuid(id.uuid())),
    };
    Ok(queue::requeue(tx, &QUEUE, &requeue, None).await? > 0)
}

/// One call with its headers and its body; nothing when there is no such call.
pub async fn load(tx: &mut Tx, id: InboxId) -> Result<Option<Call>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as("SELECT * FROM inbox WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?))
}

/// How many calls are not done, by where they stand.
pub async fn counts(tx: &mut Tx) -> Result<Counts, StoreError> {
    let rows: Vec<(CallState, i64)> = on!(tx, |conn| sqlx::query_as(
        "SELECT state, COUNT(*)
         FROM inbox
         WHERE state <> 'done'
         GROUP BY state",
    )
    .fetch_all(conn)
    .await?);
    let mut counts = Counts::default();
    for (state, calls) in rows {
        let calls = number(calls)?;
        match state {
            CallState::Pending => counts.pending = calls,
            CallState::Parked => counts.parked = calls,
            CallState::Dead => counts.dead = calls,
            CallState::Done => {}
        }
    }
    Ok(counts)
}
