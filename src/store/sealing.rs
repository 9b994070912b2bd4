//! The check value of the sealing key, and every secret that is sealed.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{CredentialId, EndpointId},
    store::{
        StoreError, Tx,
        moment::At,
        tx::{Conn, on},
    },
};

/// A sealed secret, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// Whose.
    pub owner: SecretOwner,
    /// The secret, which only its sealer opens.
    pub sealed: Vec<u8>,
}

/// Whose secret it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOwner {
    /// An endpoint's.
    Endpoint(EndpointId),
    /// A partner's.
    Credential {
        /// The credential.
        id: CredentialId,
        /// The partner's slug.
        partner: String,
    },
}

/// Stores the check value if there is none yet; answers whether there was none.
pub async fn put_check(tx: &mut Tx, sealed: &[u8], now: Timestamp) -> Result<bool, StoreError> {
    let rows = on!(tx, |conn| sqlx::query(
        "INSERT INTO sealing_key_check (id, sealed, updated_at)
         VALUES (1, $1, $2)
         ON CONFLICT DO NOTHING",
    )
    .bind(sealed)
    .bind(At(now))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(rows > 0)
}

/// Replaces the check value.
pub async fn replace_check(tx: &mut Tx, sealed: &[u8], now: Timestamp) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "UPDATE sealing_key_check
         SET sealed = $1,
             updated_at = $2
         WHERE id = 1",
    )
    .bind(sealed)
    .bind(At(now))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// The check value, if there is one.
pub async fn check(tx: &mut Tx) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(on!(tx, |conn| sqlx::query_scalar("SELECT sealed FROM sealing_key_check")
        .fetch_optional(conn)
        .await?))
}

/// The check value, if there is one; no other server changes it until this unit of work ends.
pub async fn lock_check(tx: &mut Tx) -> Result<Option<Vec<u8>>, StoreError> {
    let Conn::Postgres(session) = &mut tx.conn else {
        // On SQLite the unit of work is the only one that writes.
        return check(tx).await;
    };
    Ok(sqlx::query_scalar("SELECT sealed FROM sealing_key_check FOR UPDATE")
        .fetch_optional(&mut **session)
        .await?)
}

/// Every sealed secret that is in use: the endpoints', also those that are being replaced, and the partners'.
pub async fn secrets(tx: &mut Tx, now: Timestamp) -> Result<Vec<SealedSecret>, StoreError> {
    let rows: Vec<(Uuid, Option<String>, Vec<u8>)> = on!(tx, |conn| sqlx::query_as(
        "SELECT id, NULL AS partner, sealed
         FROM webhook_endpoint
         UNION ALL
         SELECT id, NULL AS partner, former_sealed AS sealed
         FROM webhook_endpoint
         WHERE former_sealed IS NOT NULL
           AND former_until > $1
         UNION ALL
         SELECT id, partner, sealed
         FROM partner_credential
         WHERE expires_at IS NULL
            OR expires_at > $1",
    )
    .bind(At(now))
    .fetch_all(conn)
    .await?);
    let owner = |id, partner| match partner {
        Some(partner) => SecretOwner::Credential { id: CredentialId::from_uuid(id), partner },
        None => SecretOwner::Endpoint(EndpointId::from_uuid(id)),
    };
    let secret = |(id, partner, sealed)| SealedSecret { owner: owner(id, partner), sealed };
    Ok(rows.into_iter().map(secret).collect())
}
