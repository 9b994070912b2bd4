//! How the traffic with one partner stands, both ways.

use jiff::Timestamp;

use crate::store::{
    StoreError, Tx,
    moment::At,
    row::{Nullable, number},
    tx::on,
};

/// How the traffic with one partner stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// When its last call came.
    pub last_seen_at: Option<Timestamp>,
    /// What came of its calls since then and when, and how many there were.
    pub heard: Vec<(String, u64)>,
    /// When the oldest of its calls came that is not applied yet.
    pub oldest_unapplied_at: Option<Timestamp>,
    /// Where that stands which it was to be told, by what happened since then.
    pub told: Vec<(String, u64)>,
    /// What it is still to be told.
    pub due: u64,
    /// When the oldest of that happened.
    pub oldest_due_at: Option<Timestamp>,
    /// The last that went wrong in telling it something: when, the status and the words.
    pub last_error: Option<LastError>,
}

/// Something that went wrong in telling a partner something.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LastError {
    /// When the request began.
    #[sqlx(rename = "created_at", try_from = "At")]
    pub at: Timestamp,
    /// The answer's status.
    #[sqlx(rename = "status_code", try_from = "Nullable<i64>")]
    pub status: Option<u16>,
    /// Why there was no answer.
    #[sqlx(rename = "error_message")]
    pub error: Option<String>,
}

/// How the traffic with one partner stands; outcomes and states are counted from `since` on.
pub async fn traffic(tx: &mut Tx, partner: &str, since: Timestamp) -> Result<Traffic, StoreError> {
    let last_seen: Option<(At,)> = on!(tx, |conn| sqlx::query_as(
        "SELECT received_at FROM inbox WHERE partner = $1 ORDER BY received_at DESC LIMIT 1"
    )
    .bind(partner)
    .fetch_optional(conn)
    .await?);
    let (oldest_unapplied,): (Option<At>,) = on!(tx, |conn| {
        sqlx::query_as(
        "SELECT MIN(received_at) FROM inbox WHERE state = 'pending' AND state <> 'done' AND partner = $1"
    )
    .bind(partner)
    .fetch_one(conn)
    .await?
    });
    let (due, oldest_due): (i64, Option<At>) = on!(tx, |conn| sqlx::query_as(
        "SELECT COUNT(*), MIN(created_at)
         FROM partner_call
         WHERE partner = $1
           AND next_attempt_at IS NOT NULL",
    )
    .bind(partner)
    .fetch_one(conn)
    .await?);
    let last_error: Option<LastError> = on!(tx, |conn| sqlx::query_as(
        "SELECT created_at, status_code, error_message
         FROM api_audit_logs
         WHERE service_name = $1
           AND (status_code IS NULL OR status_code NOT BETWEEN 200 AND 299)
         ORDER BY created_at DESC
         LIMIT 1",
    )
    .bind(partner)
    .fetch_optional(conn)
    .await?);
    Ok(Traffic {
        last_seen_at: last_seen.map(|(At(at),)| at),
        heard: heard(tx, partner, since).await?,
        oldest_unapplied_at: oldest_unapplied.map(|At(at)| at),
        told: told(tx, partner, since).await?,
        due: number(due)?,
        oldest_due_at: oldest_due.map(|At(at)| at),
        last_error,
    })
}

async fn heard(
    tx: &mut Tx,
    partner: &str,
    since: Timestamp,
) -> Result<Vec<(String, u64)>, StoreError> {
    counted(on!(tx, |conn| sqlx::query_as(
        "SELECT COALESCE(outcome, state) AS word, COUNT(*)
         FROM inbox
         WHERE partner = $1
           AND received_at >= $2
         GROUP BY word
         ORDER BY word",
    )
    .bind(partner)
    .bind(At(since))
    .fetch_all(conn)
    .await?))
}

async fn told(
    tx: &mut Tx,
    partner: &str,
    since: Timestamp,
) -> Result<Vec<(String, u64)>, StoreError> {
    counted(on!(tx, |conn| sqlx::query_as(
        "SELECT state, COUNT(*)
         FROM partner_call
         WHERE partner = $1
           AND created_at >= $2
         GROUP BY state
         ORDER BY state",
    )
    .bind(partner)
    .bind(At(since))
    .fetch_all(conn)
    .await?))
}

fn counted(rows: Vec<(String, i64)>) -> Result<Vec<(String, u64)>, StoreError> {
    Ok(rows
        .into_iter()
        .map(|(word, rows)| Ok((word, number(rows)?)))
        .collect::<Result<_, sqlx::Error>>()?)
}
