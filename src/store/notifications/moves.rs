//! The way of a notification: claimed, sent, written down, given up on.

use jiff::Timestamp;

use crate::{
    domain::{MessageChannel, NotificationId, NotificationState},
    store::{
        Claim, StoreError, Tx, Work,
        conditions::{Conditions, Value},
        moment::At,
        notifications::Notification,
        queue::{self, Columns, Hold, Lease, Queue, Settlement},
        rows::Rows,
        tx::on,
    },
};

/// The queue of notifications. Each is about one person and stands for itself, so there are no lanes.
pub(in crate::store) const QUEUE: Queue = Queue {
    table: "notification",
    columns: "id, subject, event, audience, channel, order_id, order_version, store_id, \
              recipient, language, template, category, rule, words, state, code, note, \
              attempts, claims, provider_id, created_at, worthless_at, next_attempt_at, \
              updated_at, sent_at, delivered_at, read_at",
    work: Work::Notifications,
    claimable: &["queued"],
    given_up: "failed",
    lane: None,
    hold: Hold::Lease,
    age: "updated_at",
    purgeable: "next_attempt_at IS NULL",
};

/// Where a claimed notification goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The claim under which it goes there.
    pub claim: Claim,
    /// Where to. In `sending` the claim stands, and nobody else claims it any more.
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
    /// Whether the attempt counts. One that was never made does not.
    pub counts: bool,
}

impl Move {
    /// There, with nothing more to say.
    pub const fn to(claim: Claim, state: NotificationState) -> Self {
        Self {
            claim,
            state,
            next_attempt_at: None,
            code: None,
            note: None,
            words: None,
            provider_id: None,
            sent_at: None,
            counts: true,
        }
    }
}

impl Notification {
    /// The claim that this row was read under.
    pub const fn claim(&self) -> Claim {
        Claim { id: self.id.uuid(), number: self.claims }
    }
}

/// Claims due notifications by one channel until `leased_until`, the oldest first. They stay queued: a worker that stops before they are
/// [moved](advance) to `sending` has sent nothing.
pub async fn claim(
    tx: &mut Tx,
    channel: MessageChannel,
    (now, leased_until): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    let by = Conditions::default().and("channel =", Value::Text(channel.as_str()));
    let lease = Lease { now, until: leased_until };
    let mut claimed: Vec<Notification> = queue::claim(tx, &QUEUE, &by, lease, limit).await?;
    claimed.sort_by_key(|row| (row.created_at, row.id));
    Ok(claimed)
}

/// Moves claimed notifications on; answers which were moved. One that was claimed again since, of which a receipt has come, or which was
/// moved by the same claim before, is left as it is.
pub async fn advance(
    tx: &mut Tx,
    moves: &[Move],
    now: Timestamp,
) -> Result<Vec<NotificationId>, StoreError> {
    let all = || moves.iter();
    let settlements: Vec<_> = all()
        .map(|one| Settlement {
            claim: one.claim,
            state: one.state.as_str(),
            next_attempt_at: one.next_attempt_at,
            counts: one.counts,
            stands: one.state == NotificationState::Sending,
        })
        .collect();
    let columns = Columns {
        rows: Rows::default()
            .texts(all().map(|one| one.code.as_deref()))
            .texts(all().map(|one| one.note.as_deref()))
            .texts(all().map(|one| one.words.as_deref()))
            .texts(all().map(|one| one.provider_id.as_deref()))
            .moments(all().map(|one| one.sent_at))
            .moments(all().map(|_| now)),
        names: &["code", "note", "words", "provider_id", "sent_at", "updated_at"],
        assignments: &[
            "code = settled.code",
            "note = settled.note",
            "words = COALESCE(settled.words, notification.words)",
            "provider_id = COALESCE(notification.provider_id, settled.provider_id)",
            "sent_at = COALESCE(notification.sent_at, settled.sent_at)",
            "updated_at = settled.updated_at",
        ],
    };
    let settled = queue::settle(tx, &QUEUE, &settlements, now, columns).await?;
    Ok(settled.into_iter().map(NotificationId::from_uuid).collect())
}

/// What was being sent when its lease ended is held until `hold_until`; what was held for long enough is unconfirmed. Answers how many of
/// each. Their claims stand: a late result of the sender is still taken.
pub async fn sweep(
    tx: &mut Tx,
    now: Timestamp,
    hold_until: Timestamp,
) -> Result<(u64, u64), StoreError> {
    let unconfirmed = on!(tx, |conn| sqlx::query(
        "UPDATE notification
         SET state = 'unconfirmed',
             next_attempt_at = NULL,
             settled_at = $1,
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
