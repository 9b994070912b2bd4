//! What partners prove themselves with, sealed.

use jiff::Timestamp;
use sqlx::types::Json;

use crate::{
    domain::{Actor, CredentialId},
    store::{StoreError, Tx, moment::At, row::Nullable, tx::on},
};

/// One of a partner's credentials.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose: the partner's slug.
    pub partner: String,
    /// What people call it: an account, a brand.
    pub label: String,
    /// The secret, which only its sealer opens.
    pub sealed: Vec<u8>,
    /// When it was added.
    #[sqlx(try_from = "At")]
    pub created_at: Timestamp,
    /// By whom.
    #[sqlx(json)]
    pub created_by: Actor,
    /// From when on it is worth nothing; `None` for never.
    #[sqlx(try_from = "Nullable<At>")]
    pub expires_at: Option<Timestamp>,
}

/// Adds one.
pub async fn insert(tx: &mut Tx, credential: &Credential) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO partner_credential (
             id, partner, label, sealed, created_at, created_by, expires_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(credential.id.uuid())
    .bind(&credential.partner)
    .bind(&credential.label)
    .bind(&credential.sealed)
    .bind(At(credential.created_at))
    .bind(Json(&credential.created_by))
    .bind(credential.expires_at.map(At))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// A partner's, the first one added first; at most `limit`.
pub async fn list(tx: &mut Tx, partner: &str, limit: u32) -> Result<Vec<Credential>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_as(
        "SELECT *
         FROM partner_credential
         WHERE partner = $1
         ORDER BY created_at, id
         LIMIT $2",
    )
    .bind(partner)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?))
}

/// Sets when a partner's credential ends, `None` for never; `false` when the partner has no such credential.
pub async fn expire(
    tx: &mut Tx,
    partner: &str,
    id: CredentialId,
    at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let changed = on!(tx, |conn| sqlx::query(
        "UPDATE partner_credential
         SET expires_at = $3
         WHERE id = $1
           AND partner = $2",
    )
    .bind(id.uuid())
    .bind(partner)
    .bind(at.map(At))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(changed > 0)
}

/// Takes one away; `false` when the partner has no such credential.
pub async fn remove(tx: &mut Tx, partner: &str, id: CredentialId) -> Result<bool, StoreError> {
    let removed = on!(tx, |conn| sqlx::query(
        "DELETE FROM partner_credential
         WHERE id = $1
           AND partner = $2",
    )
    .bind(id.uuid())
    .bind(partner)
    .execute(conn)
    .await?
    .rows_affected());
    Ok(removed > 0)
}
