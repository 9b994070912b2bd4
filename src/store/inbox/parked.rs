//! Calls that wait for something to be there.

use jiff::Timestamp;

use crate::store::{StoreError, Tx, Work, moment::At, tx::on};

/// Makes a partner's parked calls due in which one column has this value.
macro_rules! parked {
    ($column:literal) => {
        concat!(
            "UPDATE inbox
             SET state = 'pending',
                 attempts = 0,
                 next_attempt_at = received_at
             WHERE state = 'parked'
               AND state <> 'done' -- for SQLite, which else does not see that the index holds them all
               AND partner = $1
               AND ",
            $column,
            " = $2",
        )
    };
}

/// Makes the calls due that wait for an order which now is there; answers how many.
pub async fn unpark(tx: &mut Tx, partner: &str, external_id: &str) -> Result<u64, StoreError> {
    wake(tx, parked!("external_id"), partner, external_id).await
}

/// Makes the calls due that wait for a store of a partner to be named; answers how many.
pub async fn unpark_all(tx: &mut Tx, partner: &str, outcome: &str) -> Result<u64, StoreError> {
    wake(tx, parked!("outcome"), partner, outcome).await
}

async fn wake(
    tx: &mut Tx,
    statement: &'static str,
    partner: &str,
    value: &str,
) -> Result<u64, StoreError> {
    let unparked = on!(tx, |conn| sqlx::query(statement)
        .bind(partner)
        .bind(value)
        .execute(conn)
        .await?
        .rows_affected());
    if unparked > 0 {
        tx.wrote(Work::Inbox);
    }
    Ok(unparked)
}

/// Sets calls aside that came before `before` and are parked still, at most `limit`; answers how many. What they waited for stays their
/// outcome.
pub async fn abandon(
    tx: &mut Tx,
    before: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    Ok(on!(tx, |conn| sqlx::query(
        "UPDATE inbox
         SET state = 'dead',
             next_attempt_at = NULL,
             settled_at = $2,
             note = 'what it waits for did not come in time'
         WHERE id IN (
             SELECT id
             FROM inbox
             WHERE state = 'parked'
               AND state <> 'done' -- for SQLite, as above
               AND received_at < $1
             LIMIT $3
         )
           AND state = 'parked'",
    )
    .bind(At(before))
    .bind(At(now))
    .bind(i64::from(limit))
    .execute(conn)
    .await?
    .rows_affected()))
}

/// Throws away at most `limit` calls that came before and are done with; answers how many. Nobody repeats a call after so long.
pub async fn purge(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    Ok(on!(tx, |conn| sqlx::query(
        "DELETE FROM inbox
         WHERE id IN (
             SELECT id
             FROM inbox
             WHERE received_at < $1
               AND state = 'done'
             ORDER BY received_at, id
             LIMIT $2
         )",
    )
    .bind(At(before))
    .bind(i64::from(limit))
    .execute(conn)
    .await?
    .rows_affected()))
}
