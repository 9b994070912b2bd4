//! The right to be the one relay of a cluster, so that the events of one order leave in order.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

use crate::store::{
    Database, StoreError,
    database::{PG_SESSION, Pools},
};

/// Names the lease among the advisory locks of the database.
const RELAY: i64 = 0x6f72_6465_7277_6972; // "orderwir"
/// How long the database may take to answer for the lease.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Held by at most one process. Given back when dropped; the database takes it back when the connection dies.
#[derive(Debug)]
pub struct RelayLease {
    /// The session that holds the lock. `None` on SQLite, whose one process needs no lease.
    session: Option<PgConnection>,
}

impl RelayLease {
    /// Whether the lease still stands. Once it does not, drop it and ask for another.
    pub async fn still_held(&mut self) -> bool {
        let Some(session) = &mut self.session else { return true };
        matches!(tokio::time::timeout(TIMEOUT, session.ping()).await, Ok(Ok(())))
    }

    /// Gives the lease back at once, for the next one to take.
    pub async fn release(self) {
        if let Some(session) = self.session {
            // When this fails the connection is dead, and the lease with it.
            let _dead_either_way = tokio::time::timeout(TIMEOUT, session.close()).await;
        }
    }
}

impl Database {
    /// Asks for the lease; `None` while another process holds it.
    pub async fn relay_lease(&self) -> Result<Option<RelayLease>, StoreError> {
        let Pools::Postgres(pool) = &self.pools else {
            return Ok(Some(RelayLease { session: None }));
        };
        let asked = tokio::time::timeout(TIMEOUT, ask(pool)).await;
        let session = asked.map_err(|_| StoreError::Database(sqlx::Error::PoolTimedOut))??;
        Ok(session.map(|it| RelayLease { session: Some(it) }))
    }
}

/// A session that holds the lock, unless another one does.
async fn ask(pool: &PgPool) -> Result<Option<PgConnection>, StoreError> {
    let mut session = pool.connect_options().connect().await?;
    // With its keep-alive: else the lease of a machine that lost its power would stand for hours.
    sqlx::raw_sql(PG_SESSION).execute(&mut session).await?;
    let held: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(RELAY)
        .fetch_one(&mut session)
        .await?;
    Ok(held.then_some(session))
}
