//! Leases: what at most one process of a cluster does at a time, by name.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sqlx::{Connection, PgConnection};

use crate::store::{StoreError, postgres::Postgres};

/// How long the database may take to answer for a lease.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a lease in use is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// What a lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseName {
    name: &'static str,
    /// Its number among the advisory locks of PostgreSQL. Nodes of different releases must agree on it.
    key: i64,
}

impl LeaseName {
    /// Publishing the outbox. Its key is older than the names: a rolling upgrade must not have two relays.
    pub const RELAY: Self = Self { name: "relay", key: 0x6f72_6465_7277_6972 };

    /// A lease of this name. The key is a hash of it (FNV-1a), so a name never changes.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "there is one lease so far, and it has a key of its own")
    )]
    pub const fn new(name: &'static str) -> Self {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut rest = name.as_bytes();
        while let [byte, others @ ..] = rest {
            hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
            rest = others;
        }
        Self { name, key: hash.cast_signed() }
    }
}

/// Held by at most one process. It ends when it is dropped, when its connection is lost, and on PostgreSQL when it was not renewed for
/// `database.lease_timeout`: a process that hangs loses it, and learns of that at the next renewal.
#[derive(Debug)]
pub struct Lease(Holding);

#[derive(Debug)]
enum Holding {
    /// The session that holds an advisory lock.
    Session(PgConnection),
    /// A name that is taken in this process, which is the only one on its SQLite.
    Name(#[expect(dead_code, reason = "its drop gives the name back")] TakenName),
}

impl Lease {
    /// Asks PostgreSQL for it; `None` while another process holds it.
    pub(in crate::store) async fn of_cluster(
        postgres: &Postgres,
        name: LeaseName,
    ) -> Result<Option<Self>, StoreError> {
        let asked = tokio::time::timeout(TIMEOUT, ask(postgres, name)).await;
        let session = asked.map_err(|_| StoreError::Database(sqlx::Error::PoolTimedOut))??;
        Ok(session.map(|session| Self(Holding::Session(session))))
    }

    /// Renews the lease; answers whether it still stands. Once it does not, drop it and ask for another.
    pub async fn renew(&mut self) -> bool {
        match &mut self.0 {
            Holding::Session(session) => {
                matches!(tokio::time::timeout(TIMEOUT, session.ping()).await, Ok(Ok(())))
            }
            Holding::Name(_) => true,
        }
    }

    /// Renews the lease again and again; resolves when it is lost. May be dropped at any time.
    pub async fn until_lost(&mut self) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            if !self.renew().await {
                return;
            }
        }
    }

    /// Renews the lease while this work is under way. The work goes on to its end also when the lease is lost meanwhile.
    pub async fn renewed_during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = self.until_lost() => {}
        }
        work.await
    }

    /// Gives the lease back at once, for the next one to take.
    pub async fn release(self) {
        if let Holding::Session(session) = self.0 {
            // When this fails the connection is lost, and the lease with it.
            let _lost_either_way = tokio::time::timeout(TIMEOUT, session.close()).await;
        }
    }
}

/// A session that holds the lock, unless another one does.
async fn ask(postgres: &Postgres, name: LeaseName) -> Result<Option<PgConnection>, StoreError> {
    let mut session = postgres.session_of_a_lease().await?;
    let held: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(name.key)
        .fetch_one(&mut session)
        .await?;
    Ok(held.then_some(session))
}

/// The leases of a process that shares its database with no other.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Leases(Arc<Mutex<HashSet<LeaseName>>>);

impl Leases {
    /// Takes one; `None` while it is taken.
    pub fn take(&self, name: LeaseName) -> Option<Lease> {
        let is_free = self.0.lock().insert(name);
        is_free.then(|| Lease(Holding::Name(TakenName { name, leases: self.clone() })))
    }
}

/// A name that is free again when this is dropped.
#[derive(Debug)]
struct TakenName {
    name: LeaseName,
    leases: Leases,
}

impl Drop for TakenName {
    fn drop(&mut self) {
        self.leases.0.lock().remove(&self.name);
    }
}
