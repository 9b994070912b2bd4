//! Notifications: written down once for each thing that somebody is to be told, claimed before they are sent, and moved on by receipts.

mod listing;
mod receipts;

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    domain::{
        Audience, Category, Language, MessageChannel, NotificationId, NotificationState,
        NotifyRule, OrderId, StoreId, Version,
    },
    store::{
        StoreError, Tx,
        moment::At,
        row::{from_row, number, word},
        rows::Rows,
        tx::{Conn, on},
    },
};

pub use self::{
    listing::{NotificationFilter, backlog, get, list, of_person, purge, retry},
    receipts::{find, lock, receive},
};

/// Something that one person is to be told by one channel, and how far that has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// What it is about: the order, or the message that it answers.
    pub subject: String,
    /// What happened.
    pub event: String,
    /// Who is told.
    pub audience: Audience,
    /// How.
    pub channel: MessageChannel,
    /// The order, where it is about one.
    pub order_id: Option<OrderId>,
    /// The version that the order had by it; 0 where it is about none.
    pub order_version: Version,
    /// The store, where there is one.
    pub store_id: Option<StoreId>,
    /// Their number in E.164; `None` once they were erased.
    pub recipient: Option<String>,
    /// In which language.
    pub language: Language,
    /// In which words; `None` for plain ones.
    pub template: Option<String>,
    /// What it is for.
    pub category: Category,
    /// The rule that asked for it. Its channels are those that are left to fall back to.
    pub rule: Option<NotifyRule>,
    /// What was, or is to be, sent.
    pub words: Option<String>,
    /// How far it has come.
    pub state: NotificationState,
    /// Why, in a code.
    pub code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// The channel's name for the message.
    pub provider_id: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
    /// From when on nobody needs to hear it.
    pub worthless_at: Timestamp,
    /// When it is looked at next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the channel took it.
    pub sent_at: Option<Timestamp>,
    /// When it reached the phone.
    pub delivered_at: Option<Timestamp>,
    /// When it was opened.
    pub read_at: Option<Timestamp>,
}

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
        }
    }
}

/// Writes down what people are to be told; answers how many were new. What is written down already is left as it is.
pub async fn put(tx: &mut Tx, new: &[Notification]) -> Result<u64, StoreError> {
    if new.is_empty() {
        return Ok(0);
    }
    let rows = Rows::default()
        .uuids(new.iter().map(|it| it.id.uuid()))
        .texts(new.iter().map(|it| it.subject.as_str()))
        .texts(new.iter().map(|it| it.event.as_str()))
        .texts(new.iter().map(|it| it.audience.as_str()))
        .texts(new.iter().map(|it| it.channel.as_str()))
        .uuids(new.iter().map(|it| it.order_id.map(OrderId::uuid)))
        .numbers(new.iter().map(|it| it.order_version))
        .uuids(new.iter().map(|it| it.store_id.map(StoreId::uuid)))
        .texts(new.iter().map(|it| it.recipient.as_deref()))
        .texts(new.iter().map(|it| it.language.as_str()))
        .texts(new.iter().map(|it| it.template.as_deref()))
        .texts(new.iter().map(|it| it.category.as_str()))
        .jsons(new.iter().map(|it| &it.rule))?
        .texts(new.iter().map(|it| it.words.as_deref()))
        .texts(new.iter().map(|it| it.state.as_str()))
        .moments(new.iter().map(|it| it.created_at))
        .moments(new.iter().map(|it| it.worthless_at))
        .moments(new.iter().map(|it| it.next_attempt_at))
        .moments(new.iter().map(|it| it.updated_at));
    let head = "INSERT INTO notification (
            id, subject, event, audience, channel, order_id, order_version, store_id, recipient, language, template,
            category, rule, words, state, created_at, worthless_at, next_attempt_at, updated_at
        )";
    let added = rows.execute(tx, head, "ON CONFLICT DO NOTHING").await?;
    if added > 0 {
        tx.wrote_notifications();
    }
    Ok(added)
}

/// Takes notifications that are due, the oldest first, for whoever asks until `leased_until`. They stay queued: whoever takes them and
/// dies before they are [moved](begin) to `sending` has sent nothing.
pub async fn claim(
    tx: &mut Tx,
    now: Timestamp,
    leased_until: Timestamp,
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
                     WHERE next_attempt_at <= $1
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
                .fetch_all(&mut **session)
                .await?
        }
        Conn::Sqlite(session) => {
            sqlx::query_as(claim!(""))
                .bind(At(now))
                .bind(At(leased_until))
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
    };
    claimed.sort_by_key(|it| (it.created_at, it.id));
    Ok(claimed)
}

/// The newest version that somebody is to be told of, by subject and audience.
pub async fn newest(
    tx: &mut Tx,
    subjects: &[&str],
) -> Result<HashMap<(String, Audience), Version>, StoreError> {
    struct Newest(String, Audience, Version);
    from_row!(Newest, |row| Self(
        row.try_get("subject")?,
        word(row.try_get("audience")?)?,
        number(row.try_get("newest")?)?,
    ));
    let head = "WITH wanted (subject) AS (";
    let tail = ")
        SELECT notification.subject, audience, MAX(order_version) AS newest
        FROM wanted
        JOIN notification ON notification.subject = wanted.subject
        GROUP BY notification.subject, audience";
    let rows = Rows::default().texts(subjects.iter().copied());
    let newest: Vec<Newest> = rows.fetch(tx, head, tail).await?;
    Ok(newest.into_iter().map(|Newest(subject, audience, it)| ((subject, audience), it)).collect())
}

/// Moves notifications that are queued; answers which of them were. After the commit whoever moved one to `sending` may send it, and
/// nobody else ever does.
pub async fn begin(
    tx: &mut Tx,
    moves: &[Move],
    now: Timestamp,
) -> Result<Vec<NotificationId>, StoreError> {
    struct Moved(NotificationId);
    from_row!(Moved, |row| Self(NotificationId::from_uuid(row.try_get::<Uuid, _>("id")?)));
    let tail = ")
        UPDATE notification
        SET state = move.state,
            next_attempt_at = move.next_attempt_at,
            code = move.code,
            note = move.note,
            words = COALESCE(move.words, notification.words),
            attempts = attempts + move.tries,
            updated_at = move.updated_at
        FROM move
        WHERE notification.id = move.id
          AND notification.state = 'queued'
        RETURNING notification.id AS id";
    let moved: Vec<Moved> = rows(moves, now).fetch(tx, HEAD, tail).await?;
    Ok(moved.into_iter().map(|Moved(id)| id).collect())
}

/// Writes down what came of sending. Where a receipt was faster, that stands.
pub async fn end(tx: &mut Tx, moves: &[Move], now: Timestamp) -> Result<(), StoreError> {
    let tail = ")
        UPDATE notification
        SET state = CASE WHEN notification.state IN ('sending', 'held', 'unconfirmed')
                THEN move.state ELSE notification.state END,
            next_attempt_at = CASE WHEN notification.state IN ('sending', 'held', 'unconfirmed')
                THEN move.next_attempt_at ELSE notification.next_attempt_at END,
            code = CASE WHEN notification.state IN ('sending', 'held', 'unconfirmed')
                THEN move.code ELSE notification.code END,
            note = CASE WHEN notification.state IN ('sending', 'held', 'unconfirmed')
                THEN move.note ELSE notification.note END,
            provider_id = COALESCE(notification.provider_id, move.provider_id),
            sent_at = COALESCE(notification.sent_at, move.sent_at),
            attempts = attempts + move.tries,
            updated_at = move.updated_at
        FROM move
        WHERE notification.id = move.id";
    rows(moves, now).execute(tx, HEAD, tail).await?;
    if moves.iter().any(|it| it.state == NotificationState::Queued) {
        tx.wrote_notifications();
    }
    Ok(())
}

const HEAD: &str = "WITH move (
        id, state, next_attempt_at, code, note, words, provider_id, sent_at, tries, updated_at
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

from_row!(Notification, |row| Self {
    id: NotificationId::from_uuid(row.try_get::<Uuid, _>("id")?),
    subject: row.try_get("subject")?,
    event: row.try_get("event")?,
    audience: word(row.try_get("audience")?)?,
    channel: word(row.try_get("channel")?)?,
    order_id: row.try_get::<Option<Uuid>, _>("order_id")?.map(OrderId::from_uuid),
    order_version: number(row.try_get("order_version")?)?,
    store_id: row.try_get::<Option<Uuid>, _>("store_id")?.map(StoreId::from_uuid),
    recipient: row.try_get("recipient")?,
    language: word(row.try_get("language")?)?,
    template: row.try_get("template")?,
    category: word(row.try_get("category")?)?,
    rule: row.try_get::<Json<Option<NotifyRule>>, _>("rule")?.0,
    words: row.try_get("words")?,
    state: word(row.try_get("state")?)?,
    code: row.try_get("code")?,
    note: row.try_get("note")?,
    attempts: number(row.try_get("attempts")?)?,
    provider_id: row.try_get("provider_id")?,
    created_at: row.try_get::<At, _>("created_at")?.0,
    worthless_at: row.try_get::<At, _>("worthless_at")?.0,
    next_attempt_at: row.try_get::<Option<At>, _>("next_attempt_at")?.map(|At(at)| at),
    updated_at: row.try_get::<At, _>("updated_at")?.0,
    sent_at: row.try_get::<Option<At>, _>("sent_at")?.map(|At(at)| at),
    delivered_at: row.try_get::<Option<At>, _>("delivered_at")?.map(|At(at)| at),
    read_at: row.try_get::<Option<At>, _>("read_at")?.map(|At(at)| at),
});
