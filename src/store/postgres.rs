//! PostgreSQL: the pool of sessions, and the sessions beside it.

use std::{io, str::FromStr, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{config, store::StoreError};

/// What every session of ours begins with.
///
/// The keep-alive notices within half a minute that the other end lost its power; the default is two hours, with locks
/// held. The planner settings keep to what all our statements want, a few rows by index: a plan that was made while a
/// table was empty is kept, and must not have become a scan of the whole when the table has grown.
const SESSION: &str = "SET tcp_keepalives_idle = 15;
     SET tcp_keepalives_interval = 5;
     SET tcp_keepalives_count = 3;
     SET enable_hashjoin = off;
     SET enable_mergejoin = off;
     SET max_parallel_workers_per_gather = 0;
     SET jit = off";
/// How long a connection may take to be made beside the pool.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that rested longer than this is tested before it is used.
const FRESH: Duration = Duration::from_secs(1);
/// The first PostgreSQL that ends idle sessions: 14.
const ENDS_IDLE_SESSIONS: u32 = 140_000;

/// The pool, and what sessions beside it are made with. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store) struct Postgres {
    pub pool: PgPool,
    /// What every session begins with.
    session: Arc<str>,
    /// After how long without a sign of life PostgreSQL ends the session of a lease.
    lease_timeout: Duration,
    /// Why the last attempt to reach the server failed, if it did.
    away: Arc<Mutex<Option<String>>>,
}

impl Postgres {
    /// Connects once, so that a server that is not there is an error now.
    pub async fn connect(settings: &config::Database, url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(StoreError::bad_url)?
            .application_name("orderwire");
        // A pool would only say that it timed out; a connection says why.
        let first = options.connect();
        match tokio::time::timeout(*settings.acquire_timeout, first).await {
            Ok(connected) => connected?.close().await?,
            Err(_) => return Err(sqlx::Error::PoolTimedOut.into()),
        }
        // A process that hangs within a transaction must not keep its row locks for as long as it hangs.
        let limit = settings.idle_transaction_timeout.as_millis();
        let session: Arc<str> =
            format!("{SESSION};\n SET idle_in_transaction_session_timeout = {limit}").into();
        let begin = Arc::clone(&session);
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(*settings.acquire_timeout)
            .after_connect(move |connection, _| {
                let begin = AssertSqlSafe(String::from(&*begin));
                Box::pin(async move { connection.execute(begin).await.map(drop) })
            })
            // A test costs a round trip, which a busy connection can spare.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool, session, lease_timeout: *settings.lease_timeout, away: Arc::default() })
    }

    /// What every session begins with.
    pub fn session(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(String::from(&*self.session))
    }

    /// Whether a connection can be made. A pool tries for as long as it may and then says that it timed out; this remembers why.
    pub async fn reach(&self) -> Result<(), StoreError> {
        let options = self.pool.connect_options();
        let reached = match tokio::time::timeout(TIMEOUT, options.connect()).await {
            Ok(Ok(connection)) => connection.close().await,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
        };
        let away = reached.as_ref().err().map(ToString::to_string);
        *self.away.lock() = away;
        reached.map_err(StoreError::from)
    }

    /// Puts the cause in the place of "the pool timed out", where it is known.
    pub fn explain(&self, error: sqlx::Error) -> StoreError {
        if matches!(error, sqlx::Error::PoolTimedOut)
            && let Some(why) = &*self.away.lock()
        {
            return StoreError::Unreachable(why.clone());
        }
        error.into()
    }

    /// A session beside the pool that PostgreSQL ends when nothing is heard of it for a while: its process hangs or is cut off, though
    /// the kernel of its machine may go on answering for it.
    pub async fn session_of_a_lease(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.pool.connect_options().connect().await?;
        sqlx::raw_sql(self.session()).execute(&mut connection).await?;
        if connection.server_version_num().is_some_and(|version| version >= ENDS_IDLE_SESSIONS) {
            let limit = self.lease_timeout.as_millis();
            let sql = AssertSqlSafe(format!("SET idle_session_timeout = {limit}"));
            sqlx::raw_sql(sql).execute(&mut connection).await?;
        }
        Ok(connection)
    }
}
