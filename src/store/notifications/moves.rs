//! The way of a notification: claimed, sent, written down, given up on.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{MessageChannel, NotificationId, NotificationState},
    store::{
        StoreError, Tx, Work,
        moment::At,
        notifications::Notification,
        row::from_row,
        rows::Rows,
        tx::{Conn, on},
    },
};

/// Where a notification goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which.
    pub id: NotificationId,
    /// Where to.
    pub state: NotificationState,
    /// When it is looked at next; `None` for never.
    pub next_attempt_at: Option<Timestamp>,
    /// Why, in a code.
    pub code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// What is sent.
    pub words: Option<String>,
    /// The channel's name for the message.
    pub provider_id: Option<String>,
    /// When the channel took it.
    pub sent_at: Option<Timestamp>,
    /// Tries to be added.
    pub tries: i64,
    /// Which claim this reports on.
    pub claim: u32,
}

impl Move {
    /// There, with nothing more to say.
    pub const fn to(id: NotificationId, state: NotificationState) -> Self {
        Self {
            id,
            state,
            next_attempt_at: None,
            code: None,
            note: None,
            words: None,
            provider_id: None,
            sent_at: None,
            tries: 0,
            claim: 0,
        }
    }
}

/// Takes notifications by one channel that are due, the oldest first, for whoever asks until `leased_until`. They stay queued: whoever takes them and
/// dies before they are [moved](begin) to `sending` has sent nothing.
pub async fn claim(
    tx: &mut Tx,
    channel: MessageChannel,
    (now, leased_until): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    macro_rules! claim {
        ($locking:literal) => {
            concat!(
                "UPDATE notification
                 SET next_attempt_at = $2
                 WHERE id IN (
                     SELECT id
                     FROM notification
                     WHERE channel = $4
                       AND next_attempt_at <= $1
                       AND state = 'queued'
                     ORDER BY next_attempt_at, id
                     LIMIT $3
                     ",
                $locking,
                ")
                 RETURNING *",
            )
        };
    }
    let mut claimed: Vec<Notification> = match &mut tx.conn {
        Conn::Postgres(session) => {
            sqlx::query_as(claim!("FOR UPDATE SKIP LOCKED"))
                .bind(At(now))
                .bind(At(leased_until))
                .bind(i64::from(limit))
                .bind(channel.as_str())
                .fetch_all(&mut **session)
                .await?
        }
        Conn::Sqlite(session) => {
            sqlx::query_as(claim!(""))
                .bind(At(now))
                .bind(At(leased_until))
                .bind(i64::from(limit))
                .bind(channel.as_str())
                .fetch_all(&mut **session)
                .await?
        }
    };
    claimed.sort_by_key(|it| (it.created_at, it.id));
    Ok(claimed)
}

/// Moves notifications that are queued; answers which of them were. After the commit whoever moved one to `sending` may send it, and
/// nobody else ever does.
pub async fn begin(
    tx: &mut Tx,
    moves: &[Move],
    now: Timestamp,
) -> Result<Vec<NotificationId>, StoreError> {
    let tail = ")
        UPDATE notification
        SET state = move.state,
            next_attempt_at = move.next_attempt_at,
            code = move.code,
            note = move.note,
            words = COALESCE(move.words, notification.words),
            attempts = attempts + move.tries,
            claims = claims + 1,
            updated_at = move.updated_at
        FROM move
        WHERE notification.id = move.id
          AND notification.state = 'queued'
          AND notification.claims = move.claim
        RETURNING notification.id AS id";
    let begun: Vec<Moved> = rows(moves, now).fetch(tx, HEAD, tail).await?;
    Ok(begun.into_iter().map(|Moved(id)| id).collect())
}

/// Writes down what came of sending; answers which were moved. Where a receipt was faster, that stands, and where somebody has claimed it
/// since, or this was written down before, nothing is done.
pub async fn end(
    tx: &mut Tx,
    moves: &[Move],
    now: Timestamp,
) -> Result<Vec<NotificationId>, StoreError> {
    let tail = ")
        UPDATE notification
        SET state = move.state,
            next_attempt_at = move.next_attempt_at,
            code = move.code,
            note = move.note,
            provider_id = COALESCE(notification.provider_id, move.provider_id),
            sent_at = COALESCE(notification.sent_at, move.sent_at),
            attempts = attempts + move.tries,
            updated_at = move.updated_at
        FROM move
        WHERE notification.id = move.id
          AND notification.claims = move.claim
          AND notification.state IN ('sending', 'held', 'unconfirmed')
        RETURNING notification.id AS id";
    let ended: Vec<Moved> = rows(moves, now).fetch(tx, HEAD, tail).await?;
    if ended.len() < moves.len() {
        let tail = ")
            UPDATE notification
            SET provider_id = move.provider_id
            FROM move
            WHERE notification.id = move.id
              AND notification.claims = move.claim
              AND notification.provider_id IS NULL
              AND move.provider_id IS NOT NULL";
        rows(moves, now).execute(tx, HEAD, tail).await?;
    }
    if moves.iter().any(|it| it.state == NotificationState::Queued) {
        tx.wrote(Work::Notifications);
    }
    Ok(ended.into_iter().map(|Moved(id)| id).collect())
}

struct Moved(NotificationId);

from_row!(Moved, |row| Self(NotificationId::from_uuid(row.try_get::<Uuid, _>("id")?)));

const HEAD: &str = "WITH move (
        id, state, next_attempt_at, code, note, words, provider_id, sent_at, tries, claim, updated_at
    ) AS (";

fn rows(moves: &[Move], now: Timestamp) -> Rows<'_> {
    Rows::default()
        .uuids(moves.iter().map(|it| it.id.uuid()))
        .texts(moves.iter().map(|it| it.state.as_str()))
        .moments(moves.iter().map(|it| it.next_attempt_at))
        .texts(moves.iter().map(|it| it.code.as_deref()))
        .texts(moves.iter().map(|it| it.note.as_deref()))
        .texts(moves.iter().map(|it| it.words.as_deref()))
        .texts(moves.iter().map(|it| it.provider_id.as_deref()))
        .moments(moves.iter().map(|it| it.sent_at))
        .numbers(moves.iter().map(|it| it.tries))
        .numbers(moves.iter().map(|it| it.claim))
        .moments(moves.iter().map(|_| now))
}

/// Gives up waiting: what was being sent when its sender went silent is held until `hold_until`; what was held for long enough is
/// unconfirmed. Answers how many of each.
pub async fn sweep(
    tx: &mut Tx,
    now: Timestamp,
    hold_until: Timestamp,
) -> Result<(u64, u64), StoreError> {
    let unconfirmed = on!(tx, |conn| sqlx::query(
        "UPDATE notification
         SET state = 'unconfirmed',
             next_attempt_at = NULL,
             updated_at = $1
         WHERE next_attempt_at <= $1
           AND state = 'held'",
    )
    .bind(At(now))
    .execute(conn)
    .await?
    .rows_affected());
    let held = on!(tx, |conn| sqlx::query(
        "UPDATE notification
         SET state = 'held',
             code = 'interrupted',
             note = 'whoever was sending it was interrupted',
             next_attempt_at = $2,
             updated_at = $1
         WHERE next_attempt_at <= $1
           AND state = 'sending'",
    )
    .bind(At(now))
    .bind(At(hold_until))
    .execute(conn)
    .await?
    .rows_affected());
    Ok((held, unconfirmed))
}
