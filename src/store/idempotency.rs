//! Answers already given: a request that is repeated with its key gets the same one.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    base::mac::sha256,
    store::{
        StoreError, Tx,
        moment::At,
        row::number,
        tx::{Conn, on},
    },
};

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: carry the request out, then [`save`] the answer in the same unit of work.
    Fresh,
    /// Another process is carrying the same request out right now.
    ///
    /// Only seen on PostgreSQL. On SQLite there is one unit of work at a time, and the second begins when the first
    /// has ended.
    Running,
    /// It was answered.
    Replay(Saved),
    /// The key was used for another request.
    Mismatch,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its HTTP status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Who asked. Keys of different callers have nothing to do with each other.
    pub caller: &'a str,
    /// The key.
    pub key: &'a str,
    /// Tells requests apart that have the same key.
    pub fingerprint: &'a [u8; 32],
    /// The answer's HTTP status.
    pub status: u16,
    /// The answer's body.
    pub body: &'a [u8],
    /// When it was given.
    pub created_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// Looks a key up and claims it until this unit of work ends.
pub async fn begin(
    tx: &mut Tx,
    caller: &str,
    key: &str,
    fingerprint: &[u8; 32],
    now: Timestamp,
) -> Result<Claim, StoreError> {
    if let Conn::Postgres(session) = &mut tx.conn {
        let claimed: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
            .bind(lock_of(caller, key))
            .fetch_one(&mut **session)
            .await?;
        if !claimed {
            return Ok(Claim::Running);
        }
    }
    // A statement of its own, so that it sees what the one before us committed.
    let known: Option<(Vec<u8>, i64, Vec<u8>)> = on!(tx, |conn| sqlx::query_as(
        "SELECT fingerprint, status, body
         FROM idempotency_key
         WHERE caller = $1
           AND key = $2
           AND expires_at > $3",
    )
    .bind(caller)
    .bind(key)
    .bind(At(now))
    .fetch_optional(conn)
    .await?);
    Ok(match known {
        None => Claim::Fresh,
        Some((known, ..)) if known != fingerprint => Claim::Mismatch,
        Some((_, status, body)) => {
            Claim::Replay(Saved { status: number(status)?, body: body.into() })
        }
    })
}

/// Keeps an answer for those who repeat the request.
pub async fn save(tx: &mut Tx, answer: Answer<'_>) -> Result<(), StoreError> {
    // The key may be there still, expired.
    on!(tx, |conn| sqlx::query(
        "INSERT INTO idempotency_key (
             caller, key, fingerprint, status, body, created_at, expires_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (caller, key) DO UPDATE
         SET fingerprint = excluded.fingerprint,
             status = excluded.status,
             body = excluded.body,
             created_at = excluded.created_at,
             expires_at = excluded.expires_at",
    )
    .bind(answer.caller)
    .bind(answer.key)
    .bind(answer.fingerprint.as_slice())
    .bind(i64::from(answer.status))
    .bind(answer.body)
    .bind(At(answer.created_at))
    .bind(At(answer.expires_at))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// Removes what has expired; answers how much that was.
pub async fn purge(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    Ok(on!(tx, |conn| sqlx::query(
        "DELETE FROM idempotency_key
         WHERE expires_at <= $1",
    )
    .bind(At(now))
    .execute(conn)
    .await?
    .rows_affected()))
}

/// The advisory lock of a key. Two keys may share one; then one of two unrelated requests is asked to come again.
fn lock_of(caller: &str, key: &str) -> i64 {
    let hash = sha256(&[caller.as_bytes(), &[0], key.as_bytes()].concat());
    hash.first_chunk().map_or(0, |it| i64::from_be_bytes(*it))
}
