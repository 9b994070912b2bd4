//! The connections: to a PostgreSQL server, or to a SQLite file of our own.

use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Connection, Executor, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    base::folder,
    config,
    store::{
        StoreError, Tx,
        signal::Signals,
        tx::{Conn, Session, on},
    },
};

/// What every session of ours begins with.
///
/// The keep-alive notices within half a minute that the other end lost its power; the default is two hours, with locks
/// held. The planner settings keep to what all our statements want, a few rows by index: a plan that was made while a
/// table was empty is kept, and must not have become a scan of the whole when the table has grown.
pub(in crate::store) const PG_SESSION: &str = "SET tcp_keepalives_idle = 15;
     SET tcp_keepalives_interval = 5;
     SET tcp_keepalives_count = 3;
     SET enable_hashjoin = off;
     SET enable_mergejoin = off;
     SET max_parallel_workers_per_gather = 0;
     SET jit = off";
/// A connection that rested longer than this is tested before it is used.
const FRESH: Duration = Duration::from_secs(1);
/// How long a writer waits for another process on the same file.
const BUSY: Duration = Duration::from_secs(5);
/// What SQLite leaves of its log after a checkpoint, in bytes.
const WAL_LIMIT: &str = "67108864";

/// One of the two databases. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pub(in crate::store) pools: Pools,
    pub(in crate::store) signals: Arc<Signals>,
}

#[derive(Clone, Debug)]
pub(in crate::store) enum Pools {
    Postgres(PgPool),
    /// One writer at a time is all that SQLite allows, so there is one connection for it, and writers queue in the
    /// pool rather than run into `SQLITE_BUSY`.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
}

impl Database {
    /// Opens the database that the settings name; without one, `orderwire.db` in the data folder.
    ///
    /// Brings nothing up to date: see [`Database::migrate`].
    pub async fn connect(settings: &config::Database, data_dir: &Path) -> Result<Self, StoreError> {
        let url = settings.url.as_ref().map(ExposeSecret::expose_secret);
        let pools = match url {
            Some(url) if url.starts_with("postgres:") || url.starts_with("postgresql:") => {
                Pools::Postgres(postgres(settings, url).await?)
            }
            Some(url) if url.starts_with("sqlite:") => {
                if url.contains(":memory:") || url.contains("mode=memory") {
                    let words = "a SQLite database in memory would be another one for each \
                                 connection; name a file";
                    return Err(StoreError::Setting(words.to_owned()));
                }
                let options = SqliteConnectOptions::from_str(url).map_err(misspelt)?;
                sqlite(settings, options).await?
            }
            Some(_) => {
                let words = "database.url must begin with postgres:// or sqlite:";
                return Err(StoreError::Setting(words.to_owned()));
            }
            None => {
                let file = data_dir.join("orderwire.db");
                sqlite(settings, SqliteConnectOptions::new().filename(file)).await?
            }
        };
        Ok(Self { pools, signals: Arc::default() })
    }

    /// Opens a unit of work that may write. On SQLite it is the only one.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let conn = match &self.pools {
            Pools::Postgres(pool) => Conn::Postgres(Session::Write(pool.begin().await?)),
            Pools::Sqlite { writer, .. } => {
                Conn::Sqlite(Session::Write(writer.begin_with("BEGIN IMMEDIATE").await?))
            }
        };
        Ok(Tx::new(conn, Arc::clone(&self.signals)))
    }

    /// Opens a unit of work that only reads. Each of its statements sees all that is committed by then.
    ///
    /// It is cheaper than [`Database::begin`], and never waits for a writer.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let conn = match &self.pools {
            Pools::Postgres(pool) => Conn::Postgres(Session::Read(pool.acquire().await?)),
            Pools::Sqlite { readers, .. } => Conn::Sqlite(Session::Read(readers.acquire().await?)),
        };
        Ok(Tx::new(conn, Arc::clone(&self.signals)))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut tx = self.read().await?;
        on!(tx, |conn| sqlx::query("SELECT 1").execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Waits for units of work under way, then closes every connection.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Postgres(pool) => pool.close().await,
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                // Last, so that SQLite folds its log into the file.
                writer.close().await;
            }
        }
    }
}

async fn postgres(settings: &config::Database, url: &str) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(misspelt)?.application_name("orderwire");
    // A pool would only say that it timed out; a connection says why.
    let first = options.connect();
    match tokio::time::timeout(*settings.acquire_timeout, first).await {
        Ok(connected) => connected?.close().await?,
        Err(_) => return Err(sqlx::Error::PoolTimedOut.into()),
    }
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(*settings.acquire_timeout)
        .after_connect(|conn, _| {
            Box::pin(async move { conn.execute(PG_SESSION).await.map(drop) })
        })
        // A test costs a round trip, which a busy connection can spare.
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                if FRESH < meta.idle_for {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

async fn sqlite(
    settings: &config::Database,
    options: SqliteConnectOptions,
) -> Result<Pools, StoreError> {
    if let Some(parent) = options.get_filename().parent() {
        folder::make_private(parent).map_err(sqlx::Error::Io)?;
    }
    let options = options.busy_timeout(BUSY);
    let lasting = || {
        SqlitePoolOptions::new()
            .acquire_timeout(*settings.acquire_timeout)
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None)
    };
    // The writer comes first: it makes the file and its log, which readers cannot.
    let writer = lasting()
        .max_connections(1)
        .connect_with(
            options
                .clone()
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // What was accepted survives a power cut: the log is flushed at every commit.
                .synchronous(SqliteSynchronous::Full)
                .pragma("journal_size_limit", WAL_LIMIT),
        )
        .await?;
    let readers = lasting()
        .max_connections(settings.max_connections)
        .connect_with(options.create_if_missing(false).read_only(true))
        .await?;
    Ok(Pools::Sqlite { writer, readers })
}

/// A URL that cannot be read. The text of the error names no part of it: it may hold a password.
fn misspelt(_: sqlx::Error) -> StoreError {
    StoreError::Setting("database.url is not a URL that PostgreSQL or SQLite knows".to_owned())
}
