//! Notifications: written down once for each thing that somebody is to be told, claimed before they are sent, and moved on by receipts.

mod listing;
mod moves;
mod receipts;

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    domain::{
        Audience, Category, Language, MessageChannel, NotificationId, NotificationState,
        NotifyRule, OrderId, StoreId, Version,
    },
    store::{
        StoreError, Tx, Work,
        moment::At,
        row::{Nullable, number},
        rows::Rows,
    },
};

pub(in crate::store) use self::moves::QUEUE;
pub use self::{
    listing::{NotificationFilter, backlog, get, list, load_all, of_person, purge, retry},
    moves::{Move, advance, claim, sweep},
    receipts::{find, lock, receive},
};

/// Something that one person is to be told by one channel, and how far that has come.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
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
    #[sqlx(try_from = "i64")]
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
    #[sqlx(json)]
    pub rule: Option<NotifyRule>,
    /// What was, or is to be, sent.
    pub words: Option<String>,
    /// How far it has come.
    pub state: NotificationState,
    /// Why, in a code.
    pub code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// How often it was tried, the attempt under way included.
    #[sqlx(try_from = "i64")]
    pub attempts: u32,
    /// Its fencing token.
    #[sqlx(try_from = "i64")]
    pub claims: u32,
    /// The channel's name for the message.
    pub provider_id: Option<String>,
    /// When it happened.
    #[sqlx(try_from = "At")]
    pub created_at: Timestamp,
    /// From when on nobody needs to hear it.
    #[sqlx(try_from = "At")]
    pub worthless_at: Timestamp,
    /// When it is looked at next.
    #[sqlx(try_from = "Nullable<At>")]
    pub next_attempt_at: Option<Timestamp>,
    /// When it last changed.
    #[sqlx(try_from = "At")]
    pub updated_at: Timestamp,
    /// When the channel took it.
    #[sqlx(try_from = "Nullable<At>")]
    pub sent_at: Option<Timestamp>,
    /// When it reached the phone.
    #[sqlx(try_from = "Nullable<At>")]
    pub delivered_at: Option<Timestamp>,
    /// When it was opened.
    #[sqlx(try_from = "Nullable<At>")]
    pub read_at: Option<Timestamp>,
}

impl Notification {
    /// What it is stored once for.
    fn unique_key(&self) -> (&str, &str, &str, &str) {
        (&self.subject, &self.event, self.audience.as_str(), self.channel.as_str())
    }
}

/// Writes down what people are to be told; answers how many were new. What is written down already is left as it is.
///
/// Rows are written in the order of their unique key, so two transactions with the same notifications cannot deadlock.
pub async fn put(tx: &mut Tx, new: &[Notification]) -> Result<u64, StoreError> {
    if new.is_empty() {
        return Ok(0);
    }
    let mut new: Vec<_> = new.iter().collect();
    new.sort_by(|left, right| left.unique_key().cmp(&right.unique_key()));
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
        .texts(new.iter().map(|it| it.code.as_deref()))
        .texts(new.iter().map(|it| it.note.as_deref()))
        .moments(new.iter().map(|it| it.created_at))
        .moments(new.iter().map(|it| it.worthless_at))
        .moments(new.iter().map(|it| it.next_attempt_at))
        .moments(new.iter().map(|it| it.updated_at));
    let head = "INSERT INTO notification (
            id, subject, event, audience, channel, order_id, order_version, store_id, recipient, language, template,
            category, rule, words, state, code, note, created_at, worthless_at, next_attempt_at, updated_at
        )";
    let added = rows.execute(tx, head, "ON CONFLICT DO NOTHING").await?;
    if added > 0 {
        tx.wrote(Work::Notifications);
    }
    Ok(added)
}

/// The newest version that somebody is to be told of, by subject and audience.
pub async fn newest(
    tx: &mut Tx,
    subjects: &[&str],
) -> Result<HashMap<(String, Audience), Version>, StoreError> {
    let head = "WITH wanted (subject) AS (";
    let tail = ")
        SELECT notification.subject, audience, MAX(order_version) AS newest
        FROM wanted
        JOIN notification ON notification.subject = wanted.subject
        GROUP BY notification.subject, audience";
    let rows = Rows::default().texts(subjects.iter().copied());
    let newest: Vec<(String, Audience, i64)> = rows.fetch(tx, head, tail).await?;
    newest.into_iter().map(|(subject, of, version)| Ok(((subject, of), number(version)?))).collect()
}
