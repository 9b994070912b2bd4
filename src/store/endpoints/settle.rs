//! What came of attempts, many in few statements.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{DeliveryId, EndpointId, Version},
    store::{StoreError, Tx, endpoints::DeliveryState, rows::Rows},
};

/// Where a delivery stands after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The delivery.
    pub id: DeliveryId,
    /// Whom it was for.
    pub endpoint_id: EndpointId,
    /// With the endpoint, its lane.
    pub partition_key: Box<str>,
    /// Its place in the lane.
    pub subject_version: Version,
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

/// Writes down what came of attempts. What somebody else has taken up meanwhile is left as it is. Later events of the same lane wait
/// with one that is to be tried again.
pub async fn settle(tx: &mut Tx, settled: &[Settled], now: Timestamp) -> Result<(), StoreError> {
    let all = || settled.iter();
    let over = |it: &Settled| (it.state != DeliveryState::Pending).then_some(now);
    let rows = Rows::default()
        .uuids(all().map(|it| it.id.uuid()))
        .numbers(all().map(|it| it.attempt.number))
        .texts(all().map(|it| it.state.as_str()))
        .moments(all().map(|it| it.next_attempt_at))
        .moments(all().map(over))
        .numbers_or_none(all().map(|it| it.attempt.status))
        .texts(all().map(|it| it.attempt.error.as_deref()));
    let head = "WITH settled (id, attempt, state, next_attempt_at, settled_at, status, note) AS (";
    let tail = ")
        UPDATE webhook_delivery
        SET state = settled.state,
            next_attempt_at = settled.next_attempt_at,
            settled_at = settled.settled_at,
            status = settled.status,
            note = settled.note
        FROM settled
        WHERE webhook_delivery.id = settled.id
          AND webhook_delivery.attempts = settled.attempt
          AND webhook_delivery.state = 'pending'";
    rows.execute(tx, head, tail).await?;
    note_attempts(tx, settled).await?;
    put_off(tx, settled).await
}

async fn note_attempts(tx: &mut Tx, settled: &[Settled]) -> Result<(), StoreError> {
    let all = || settled.iter().map(|it| &it.attempt);
    let rows = Rows::default()
        .uuids(all().map(|it| it.id))
        .uuids(settled.iter().map(|it| it.id.uuid()))
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

/// What waits for another would else be looked at by every claim.
async fn put_off(tx: &mut Tx, settled: &[Settled]) -> Result<(), StoreError> {
    let again = || settled.iter().filter(|it| it.next_attempt_at.is_some());
    let rows = Rows::default()
        .uuids(again().map(|it| it.endpoint_id.uuid()))
        .texts(again().map(|it| &*it.partition_key))
        .numbers(again().map(|it| it.subject_version))
        .moments(again().map(|it| it.next_attempt_at));
    let head = "WITH elder (endpoint_id, partition_key, subject_version, due_at) AS (";
    let tail = ")
        UPDATE webhook_delivery
        SET next_attempt_at = elder.due_at
        FROM elder
        WHERE webhook_delivery.endpoint_id = elder.endpoint_id
          AND webhook_delivery.partition_key = elder.partition_key
          AND webhook_delivery.subject_version > elder.subject_version
          AND webhook_delivery.next_attempt_at IS NOT NULL
          AND webhook_delivery.next_attempt_at < elder.due_at";
    rows.execute(tx, head, tail).await.map(drop)
}
