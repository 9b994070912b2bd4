//! Calls that wait for something to be there.

use jiff::Timestamp;

use crate::store::{
    StoreError, Tx,
    conditions::{Conditions, Value},
    inbox::QUEUE,
    queue::{self, Due, Expiry, Requeue},
};

/// Parked calls. The second half is for SQLite, which does not see otherwise that the index of open calls holds them all.
const PARKED: &str = "state = 'parked' AND state <> 'done'";

/// What a parked call waits for did not come in time.
const EXPIRY: Expiry =
    Expiry { from: PARKED, state: "dead", note: "what it waits for did not come in time" };

/// Makes the calls due that wait for an order which now is there; answers how many.
pub async fn unpark(tx: &mut Tx, partner: &str, external_id: &str) -> Result<u64, StoreError> {
    let conditions = Conditions::default().and("external_id =", Value::Text(external_id));
    wake(tx, partner, conditions).await
}

/// Makes the calls due that wait for a store of a partner to be named; answers how many.
pub async fn unpark_all(tx: &mut Tx, partner: &str, outcome: &str) -> Result<u64, StoreError> {
    wake(tx, partner, Conditions::default().and("outcome =", Value::Text(outcome))).await
}

async fn wake(tx: &mut Tx, partner: &str, conditions: Conditions<'_>) -> Result<u64, StoreError> {
    let requeue = Requeue {
        // In the order in which they came.
        due: Due::Column("received_at"),
        also: &[],
        from: PARKED,
        conditions: conditions.and("partner =", Value::Text(partner)),
    };
    queue::requeue(tx, &QUEUE, &requeue, None).await
}

/// Sets calls aside that came before `before` and are parked still, at most `limit`; answers how many. What they waited for stays their
/// outcome.
pub async fn abandon(
    tx: &mut Tx,
    before: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let conditions = Conditions::default().and("received_at <", Value::Moment(before));
    queue::expire(tx, &QUEUE, &EXPIRY, &conditions, now, limit).await
}

/// Deletes at most `limit` calls that came before and are done with; answers how many.
pub async fn purge(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    queue::purge(tx, &QUEUE, before, limit).await
}
