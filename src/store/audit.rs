//! The audit log: every request that we made of others, without what is secret or somebody's own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::types::Json;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    domain::{AuditId, OrderId, PartnerCallId, StoreId},
    store::{
        StoreError, Tx,
        conditions::{self, Conditions},
        moment::At,
        row::Nullable,
        tx::on,
    },
};

/// Headers that may be shown.
pub type Headers = BTreeMap<String, String>;

/// One request and its answer. Whoever writes it has taken out what may not be shown.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// Who was asked: the partner's slug.
    #[sqlx(rename = "service_name")]
    pub service: String,
    /// Where, without its query.
    #[sqlx(rename = "endpoint_url")]
    pub url: String,
    /// `PUT`, say.
    #[sqlx(rename = "http_method")]
    pub method: String,
    /// What the request said besides.
    #[sqlx(json)]
    pub request_headers: Headers,
    /// What it said.
    pub request_body: Option<Value>,
    /// What the answer said besides.
    #[sqlx(json(nullable))]
    pub response_headers: Option<Headers>,
    /// What it said.
    pub response_body: Option<Value>,
    /// The answer's status.
    #[sqlx(rename = "status_code", try_from = "Nullable<i64>")]
    pub status: Option<u16>,
    /// How long it took.
    #[sqlx(rename = "execution_time_ms", try_from = "i64")]
    pub took_ms: u32,
    /// Why there is no answer.
    #[sqlx(rename = "error_message")]
    pub error: Option<String>,
    /// When it began.
    #[sqlx(rename = "created_at", try_from = "At")]
    pub at: Timestamp,
    /// Which attempt this was.
    #[sqlx(try_from = "i64")]
    pub attempt: u32,
    /// The order's store.
    #[sqlx(rename = "branch_id")]
    pub store_id: Option<StoreId>,
    /// The order that it is about.
    pub order_id: Option<OrderId>,
    /// What was to be told.
    #[sqlx(rename = "partner_call_id")]
    pub call_id: Option<PartnerCallId>,
}

/// Which entries are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of requests to this partner.
    pub service: Option<String>,
    /// About this order.
    pub order_id: Option<OrderId>,
    /// Whether the answer was a good one.
    pub went_well: Option<bool>,
}

/// Adds an entry.
pub async fn put(tx: &mut Tx, entry: &AuditEntry) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO api_audit_logs (
             id, service_name, endpoint_url, http_method, request_headers, request_body,
             response_headers, response_body, status_code, execution_time_ms, error_message,
             branch_id, created_at, attempt, order_id, partner_call_id
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(entry.id.uuid())
    .bind(&entry.service)
    .bind(&entry.url)
    .bind(&entry.method)
    .bind(Json(&entry.request_headers))
    .bind(entry.request_body.as_ref().map(Json))
    .bind(entry.response_headers.as_ref().map(Json))
    .bind(entry.response_body.as_ref().map(Json))
    .bind(entry.status.map(i64::from))
    .bind(i64::from(entry.took_ms))
    .bind(&entry.error)
    .bind(entry.store_id.map(StoreId::uuid))
    .bind(At(entry.at))
    .bind(i64::from(entry.attempt))
    .bind(entry.order_id.map(OrderId::uuid))
    .bind(entry.call_id.map(PartnerCallId::uuid))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// A page of entries, the youngest first.
pub async fn list(
    tx: &mut Tx,
    filter: &AuditFilter,
    page: PageRequest,
) -> Result<Page<AuditEntry>, StoreError> {
    let conditions = Conditions::default()
        .and("service_name =", filter.service.as_deref().map(conditions::Value::Text))
        .and("order_id =", filter.order_id.map(|order| conditions::Value::Uuid(order.uuid())))
        .and_is(filter.went_well.map(|went_well| {
            if went_well {
                "status_code BETWEEN 200 AND 299"
            } else {
                "(status_code IS NULL OR status_code NOT BETWEEN 200 AND 299)"
            }
        }));
    let select = ("SELECT * FROM api_audit_logs", "created_at");
    let cursor = |row: &AuditEntry| Cursor { at: row.at, id: row.id.uuid() };
    conditions.page(tx, select, page, cursor).await
}

/// Throws the entries away that are older than `before`, the oldest first and at most `limit`; answers how many there were.
pub async fn purge(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    Ok(on!(tx, |conn| sqlx::query(
        "DELETE FROM api_audit_logs
         WHERE id IN (
             SELECT id
             FROM api_audit_logs
             WHERE created_at < $1
             ORDER BY created_at
             LIMIT $2
         )",
    )
    .bind(At(before))
    .bind(i64::from(limit))
    .execute(conn)
    .await?
    .rows_affected()))
}
