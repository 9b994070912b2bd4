//! The connections: to a PostgreSQL server, or to a SQLite file of our own.

use std::{path::Path, str::FromStr, sync::Arc};

use secrecy::ExposeSecret;
use sqlx::{SqlSafeStr, sqlite::SqliteConnectOptions};
use tokio_util::sync::CancellationToken;

use crate::{
    config,
    store::{
        Lease, LeaseName, Signal, StoreError, Tx, Work,
        postgres::Postgres,
        sqlite::Sqlite,
        tx::{Conn, Session, Surroundings, on},
    },
};

/// One of the two databases. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pub(in crate::store) pools: Pools,
    pub(in crate::store) surroundings: Arc<Surroundings>,
}

#[derive(Clone, Debug)]
pub(in crate::store) enum Pools {
    Postgres(Postgres),
    Sqlite(Sqlite),
}

impl Database {
    /// Opens the database that the settings name; without one, `orderwire.db` in the data folder.
    ///
    /// Brings nothing up to date: see [`Database::migrate`].
    pub async fn connect(settings: &config::Database, data_dir: &Path) -> Result<Self, StoreError> {
        let url = settings.url.as_ref().map(ExposeSecret::expose_secret);
        let pools = match url {
            Some(url) if url.starts_with("postgres:") || url.starts_with("postgresql:") => {
                Pools::Postgres(Postgres::connect(settings, url).await?)
            }
            Some(url) if url.starts_with("sqlite:") => {
                if url.contains(":memory:") || url.contains("mode=memory") {
                    let words = "a SQLite database in memory would be another one for each \
                                 connection; name a file";
                    return Err(StoreError::Setting(words.to_owned()));
                }
                let options = SqliteConnectOptions::from_str(url).map_err(StoreError::bad_url)?;
                Pools::Sqlite(Sqlite::open(settings, options).await?)
            }
            Some(_) => {
                let words = "database.url must begin with postgres:// or sqlite:";
                return Err(StoreError::Setting(words.to_owned()));
            }
            None => {
                let file = data_dir.join("orderwire.db");
                let options = SqliteConnectOptions::new().filename(file);
                Pools::Sqlite(Sqlite::open(settings, options).await?)
            }
        };
        let mut surroundings = Surroundings::default();
        if let Pools::Sqlite(sqlite) = &pools {
            surroundings.health = sqlite.health.clone();
        }
        Ok(Self { pools, surroundings: Arc::new(surroundings) })
    }

    /// Opens a unit of work that may write. On SQLite it is the only one.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let tasks = &self.surroundings.tasks;
        let conn = match &self.pools {
            Pools::Postgres(postgres) => {
                let begun = Session::begin(&postgres.pool, None, tasks).await;
                Conn::Postgres(begun.map_err(|error| postgres.explain(error))?)
            }
            Pools::Sqlite(sqlite) => {
                let statement = "BEGIN IMMEDIATE".into_sql_str();
                let begun = Session::begin(&sqlite.writer, Some(statement), tasks).await;
                Conn::Sqlite(begun.map_err(|error| {
                    let error = StoreError::from(error);
                    sqlite.health.ended(Some(&error));
                    error
                })?)
            }
        };
        Ok(Tx::new(conn, Arc::clone(&self.surroundings)))
    }

    /// Opens a unit of work that only reads. Each of its statements sees all that is committed by then.
    ///
    /// It is cheaper than [`Database::begin`], and never waits for a writer.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let conn = match &self.pools {
            Pools::Postgres(postgres) => {
                let acquired = postgres.pool.acquire().await;
                Conn::Postgres(Session::Read(acquired.map_err(|error| postgres.explain(error))?))
            }
            Pools::Sqlite(sqlite) => Conn::Sqlite(Session::Read(sqlite.readers.acquire().await?)),
        };
        Ok(Tx::new(conn, Arc::clone(&self.surroundings)))
    }

    /// Whether the database answers, and takes writes as far as anybody knows: only when the last write to a SQLite file failed is
    /// another one tried here.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut tx = self.read().await?;
        on!(tx, |conn| sqlx::query("SELECT 1").execute(conn).await?.rows_affected());
        drop(tx);
        if self.surroundings.health.is_failing() {
            self.write_nothing().await?;
        }
        Ok(())
    }

    /// Writes a page of a SQLite file anew, as it stands.
    async fn write_nothing(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if let Conn::Sqlite(session) = &mut tx.conn {
            // The number is free for our use, and unused.
            sqlx::raw_sql("PRAGMA user_version = 0").execute(&mut **session).await?;
        }
        tx.commit().await
    }

    /// Asks for the lease of this name; `None` while somebody else holds it.
    pub async fn lease(&self, name: LeaseName) -> Result<Option<Lease>, StoreError> {
        match &self.pools {
            Pools::Postgres(postgres) => Lease::of_cluster(postgres, name).await,
            Pools::Sqlite(sqlite) => Ok(sqlite.leases.take(name)),
        }
    }

    /// Fires when such rows were committed, in whichever process.
    pub fn signal(&self, work: Work) -> Signal {
        self.surroundings.signals.signal(work)
    }

    /// Carries signals between the processes of a cluster until told to stop; spawn it once in each process. On SQLite there is no
    /// other process, and it returns at once.
    pub async fn carry_signals(&self, stop: CancellationToken) {
        if let Pools::Postgres(postgres) = &self.pools {
            self.surroundings.signals.carry(postgres, stop).await;
        }
    }

    /// Waits for units of work under way, then closes every connection.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Postgres(postgres) => postgres.pool.close().await,
            Pools::Sqlite(sqlite) => {
                sqlite.readers.close().await;
                // Last, so that SQLite folds its log into the file.
                sqlite.writer.close().await;
            }
        }
    }
}
