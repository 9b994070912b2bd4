//! One unit of work, on whichever database is underneath.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use sqlx::{Pool, Postgres, SqlStr, Sqlite, Transaction, pool::PoolConnection};

use crate::{
    base::tasks::Tasks,
    store::{
        StoreError,
        signal::{Signals, Work, Works},
        sqlite::WriteHealth,
        uninterrupted::Uninterrupted,
    },
};

/// One unit of work. Dropped without [`Tx::commit`] it leaves no trace; its locks go a moment after it.
#[derive(Debug)]
pub struct Tx {
    pub(in crate::store) conn: Conn,
    surroundings: Arc<Surroundings>,
    wrote: Works,
}

/// What a unit of work needs of its database.
#[derive(Debug, Default)]
pub(in crate::store) struct Surroundings {
    /// Who waits for what is committed.
    pub signals: Signals,
    /// Where statements go on whose caller is gone.
    pub tasks: Tasks,
    /// How the writes of SQLite end.
    pub health: WriteHealth,
}

/// The connection, by dialect.
#[derive(Debug)]
pub(in crate::store) enum Conn {
    Postgres(Session<Postgres>),
    Sqlite(Session<Sqlite>),
}

/// A connection that writes in a transaction, or one that reads and needs none.
#[derive(Debug)]
pub(in crate::store) enum Session<DB: sqlx::Database> {
    Write(Transaction<'static, DB>),
    Read(PoolConnection<DB>),
}

/// Runs one body against whichever database is underneath.
macro_rules! on {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match &mut $tx.conn {
            $crate::store::tx::Conn::Postgres(session) => {
                let $conn = &mut **session;
                $body
            }
            $crate::store::tx::Conn::Sqlite(session) => {
                let $conn = &mut **session;
                $body
            }
        }
    };
}

pub(in crate::store) use on;

impl Tx {
    pub(in crate::store) const fn new(conn: Conn, surroundings: Arc<Surroundings>) -> Self {
        Self { conn, surroundings, wrote: Works::NONE }
    }

    /// Makes everything since [`Database::begin`](crate::store::Database::begin) durable, and wakes whoever waits for it. It goes on to
    /// its end when the future is dropped.
    ///
    /// After an error that [is unavailable](StoreError::is_unavailable) nobody knows whether it became durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        let surroundings = Arc::clone(&self.surroundings);
        let commit = async move {
            let Surroundings { signals, health, .. } = &*self.surroundings;
            match self.conn {
                Conn::Postgres(session) => session.commit().await?,
                Conn::Sqlite(session) => {
                    let committed = session.commit().await.map_err(StoreError::from);
                    health.ended(committed.as_ref().err());
                    committed?;
                }
            }
            signals.committed(self.wrote);
            Ok(())
        };
        Uninterrupted::new(Box::pin(commit), &surroundings.tasks).await
    }

    /// Ends it without a trace, and its locks with it: unlike a drop, before this returns. A connection that is lost has lost them.
    pub async fn roll_back(self) {
        let roll_back = async move {
            match self.conn {
                Conn::Postgres(session) => session.roll_back().await,
                Conn::Sqlite(session) => session.roll_back().await,
            }
        };
        if let Err(error) = Uninterrupted::new(Box::pin(roll_back), &self.surroundings.tasks).await
        {
            tracing::debug!("a unit of work ended with its connection: {error}");
        }
    }

    /// The part of a statement in which the databases differ. Row locks need no counterpart on SQLite: whoever writes there is alone.
    pub(in crate::store) const fn dialect(
        &self,
        postgres: &'static str,
        sqlite: &'static str,
    ) -> &'static str {
        match self.conn {
            Conn::Postgres(_) => postgres,
            Conn::Sqlite(_) => sqlite,
        }
    }

    /// Remembers that the commit gives somebody work.
    pub(in crate::store) const fn wrote(&mut self, work: Work) {
        self.wrote.add(work);
    }
}

impl<DB: sqlx::Database> Session<DB> {
    /// One of the pool's, in a transaction that this statement begins (`BEGIN` when left out).
    pub async fn begin(
        pool: &Pool<DB>,
        statement: Option<SqlStr>,
        tasks: &Tasks,
    ) -> Result<Self, sqlx::Error> {
        // To give up waiting for a connection does no harm, and a connection that is not used need not be waited for.
        let connection = pool.acquire().await?;
        let begin = Transaction::begin(connection, statement);
        Ok(Self::Write(Uninterrupted::new(begin, tasks).await?))
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Write(transaction) => transaction.commit().await,
            Self::Read(_) => Ok(()),
        }
    }

    async fn roll_back(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Write(transaction) => transaction.rollback().await,
            Self::Read(_) => Ok(()),
        }
    }
}

impl<DB: sqlx::Database> Deref for Session<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Self::Write(transaction) => transaction,
            Self::Read(connection) => connection,
        }
    }
}

impl<DB: sqlx::Database> DerefMut for Session<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Write(transaction) => transaction,
            Self::Read(connection) => connection,
        }
    }
}
