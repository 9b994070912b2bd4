//! What came of attempts, many in few statements.

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::{
    Claim, StoreError, Tx,
    endpoints::{DeliveryState, QUEUE},
    queue::{self, Columns, Settlement},
    rows::Rows,
};

/// Where a delivery stands after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The claim that ends with it.
    pub claim: Claim,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it is tried next, of a pending one.
    pub next_attempt_at: Option<Timestamp>,
    /// What was tried.
    pub attempt: NewAttempt,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// Its id.
    pub id: Uuid,
    /// Which one, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took_ms: u32,
    /// The answer's status.
    pub status: Option<u16>,
    /// How the answer begins.
    pub answer: Option<String>,
    /// Why there was none.
    pub error: Option<String>,
}

/// Writes down what attempts came to; each attempt is noted. A delivery that was claimed again or requeued since is left as it is.
pub async fn settle(tx: &mut Tx, settled: &[Settled], now: Timestamp) -> Result<(), StoreError> {
    let all = || settled.iter();
    let settlements: Vec<_> = all()
        .map(|one| Settlement {
            claim: one.claim,
            state: one.state.as_str(),
            next_attempt_at: one.next_attempt_at,
            counts: true,
            stands: false,
        })
        .collect();
    let columns = Columns {
        rows: Rows::default()
            .numbers_or_none(all().map(|one| one.attempt.status))
            .texts(all().map(|one| one.attempt.error.as_deref())),
        names: &["status", "note"],
        assignments: &["status = settled.status", "note = settled.note"],
    };
    queue::settle(tx, &QUEUE, &settlements, now, columns).await?;
    note_attempts(tx, settled).await
}

async fn note_attempts(tx: &mut Tx, settled: &[Settled]) -> Result<(), StoreError> {
    let all = || settled.iter().map(|it| &it.attempt);
    let rows = Rows::default()
        .uuids(all().map(|it| it.id))
        .uuids(settled.iter().map(|one| one.claim.id))
        .numbers(all().map(|it| it.number))
        .moments(all().map(|it| it.at))
        .numbers(all().map(|it| it.took_ms))
        .numbers_or_none(all().map(|it| it.status))
        .texts(all().map(|it| it.answer.as_deref()))
        .texts(all().map(|it| it.error.as_deref()));
    let head = "INSERT INTO webhook_attempt (
            id, delivery_id, attempt, at, took_ms, status, answer, error
        )";
    rows.execute(tx, head, "").await.map(drop)
}
