//! The consent ledger: what people have said of being written to, with the proof of it.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::types::Json;

use crate::{
    domain::{Actor, Category, ConsentId, Decision, MessageChannel},
    store::{StoreError, Tx, moment::At, rows::Rows, tx::on},
};

/// One thing that somebody has said.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// Who, in E.164.
    pub phone: String,
    /// By what they may be written to, or not.
    pub channel: MessageChannel,
    /// What about.
    pub category: Category,
    /// Whether they want it.
    pub decision: Decision,
    /// Where they said it.
    pub source: String,
    /// The words that they agreed to.
    pub shown: Option<String>,
    /// What it can be held against: an order, a message.
    pub evidence: Option<String>,
    /// Who wrote it down.
    #[sqlx(json)]
    pub actor: Actor,
    /// When they said it.
    #[sqlx(try_from = "At")]
    pub at: Timestamp,
}

/// Whom, by what, and what about.
pub type Wish = (String, MessageChannel, Category);

/// Adds to the ledger.
pub async fn put(tx: &mut Tx, consents: &[Consent]) -> Result<(), StoreError> {
    let rows = Rows::default()
        .uuids(consents.iter().map(|it| it.id.uuid()))
        .texts(consents.iter().map(|it| it.phone.as_str()))
        .texts(consents.iter().map(|it| it.channel.as_str()))
        .texts(consents.iter().map(|it| it.category.as_str()))
        .texts(consents.iter().map(|it| it.decision.as_str()))
        .texts(consents.iter().map(|it| it.source.as_str()))
        .texts(consents.iter().map(|it| it.shown.as_deref()))
        .texts(consents.iter().map(|it| it.evidence.as_deref()))
        .jsons(consents.iter().map(|it| &it.actor))?
        .moments(consents.iter().map(|it| it.at));
    let head = "INSERT INTO consent (
            id, phone, channel, category, decision, source, shown, evidence, actor, at
        )";
    rows.execute(tx, head, "ON CONFLICT DO NOTHING").await.map(drop)
}

/// What these people have said last; who has said nothing is not there.
pub async fn standing(tx: &mut Tx, phones: &[&str]) -> Result<HashMap<Wish, Decision>, StoreError> {
    let head = "WITH wanted (phone) AS (";
    let tail = ")
        SELECT phone, channel, category, decision
        FROM (
            SELECT consent.phone, channel, category, decision,
                ROW_NUMBER() OVER (
                    PARTITION BY consent.phone, channel, category ORDER BY at DESC, id DESC
                ) AS place
            FROM wanted
            JOIN consent ON consent.phone = wanted.phone
        ) AS said
        WHERE place = 1";
    let rows = Rows::default().texts(phones.iter().copied());
    let last: Vec<(_, _, _, _)> = rows.fetch(tx, head, tail).await?;
    Ok(last.into_iter().map(|(who, by, on, decision)| ((who, by, on), decision)).collect())
}

/// All that one person has said, the first thing first.
pub async fn of_person(tx: &mut Tx, phone: &str) -> Result<Vec<Consent>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT *
         FROM consent
         WHERE phone = $1
         ORDER BY at, id",
    )
    .bind(phone)
    .fetch_all(conn)
    .await?))
}

/// What was forgotten of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Entries of the ledger.
    pub consents: u64,
    /// Notifications.
    pub notifications: u64,
    /// Orders.
    pub orders: u64,
}

/// Forgets a person in the ledger and in notifications. What is still to be sent them is not; what was sent stays as a figure.
pub async fn forget(tx: &mut Tx, phone: &str, now: Timestamp) -> Result<Erased, StoreError> {
    let consents = on!(tx, |conn| sqlx::query("DELETE FROM consent WHERE phone = $1")
        .bind(phone)
        .execute(conn)
        .await?
        .rows_affected());
    // Answers to what they wrote have the name of their message in their key, and their number in that.
    let answers = on!(tx, |conn| sqlx::query(
        "DELETE FROM notification WHERE recipient = $1 AND order_id IS NULL"
    )
    .bind(phone)
    .execute(conn)
    .await?
    .rows_affected());
    let notifications = on!(tx, |conn| sqlx::query(
        "UPDATE notification
         SET recipient = NULL,
             words = NULL,
             provider_id = NULL,
             note = NULL,
             code = CASE WHEN state = 'queued' THEN 'erased' ELSE code END,
             state = CASE WHEN state = 'queued' THEN 'no_consent' ELSE state END,
             next_attempt_at = CASE WHEN state = 'queued' THEN NULL ELSE next_attempt_at END,
             settled_at = CASE WHEN state = 'queued' THEN $2 ELSE settled_at END,
             claims = claims + 1,
             updated_at = $2
         WHERE recipient = $1",
    )
    .bind(phone)
    .bind(At(now))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(Erased { consents, notifications: notifications + answers, orders: 0 })
}

/// Writes down that somebody was erased, without saying whom.
pub async fn note_erasure(
    tx: &mut Tx,
    id: ConsentId,
    actor: &Actor,
    erased: Erased,
    at: Timestamp,
) -> Result<(), StoreError> {
    let count = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    on!(tx, |conn| sqlx::query(
        "INSERT INTO erasure (id, actor, consents, notifications, orders, at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id.uuid())
    .bind(Json(actor))
    .bind(count(erased.consents))
    .bind(count(erased.notifications))
    .bind(count(erased.orders))
    .bind(At(at))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}
