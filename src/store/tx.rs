//! One unit of work, on whichever database is underneath.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use sqlx::{Postgres, Sqlite, Transaction, pool::PoolConnection};

use crate::store::{StoreError, signal::Signals};

/// One unit of work. Dropped without [`Tx::commit`] it leaves no trace; its locks go a moment after it.
#[derive(Debug)]
pub struct Tx {
    pub(in crate::store) conn: Conn,
    signals: Arc<Signals>,
    wrote_outbox: bool,
    wrote_inbox: bool,
    wrote_partner_calls: bool,
    wrote_notifications: bool,
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
    pub(in crate::store) const fn new(conn: Conn, signals: Arc<Signals>) -> Self {
        Self {
            conn,
            signals,
            wrote_outbox: false,
            wrote_inbox: false,
            wrote_partner_calls: false,
            wrote_notifications: false,
        }
    }

    /// Makes everything since [`Database::begin`](crate::store::Database::begin) durable, and wakes whoever waits for it.
    ///
    /// After an error that [is unavailable](StoreError::is_unavailable) nobody knows whether it became durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.conn {
            Conn::Postgres(session) => session.commit().await?,
            Conn::Sqlite(session) => session.commit().await?,
        }
        if self.wrote_outbox {
            self.signals.outbox.committed();
        }
        if self.wrote_inbox {
            self.signals.inbox.committed();
        }
        if self.wrote_partner_calls {
            self.signals.partner_calls.committed();
        }
        if self.wrote_notifications {
            self.signals.notifications.committed();
        }
        Ok(())
    }

    /// Ends it without a trace, and its locks with it: unlike a drop, before this returns. A connection that is lost has lost them.
    pub async fn roll_back(self) {
        let rolled_back = match self.conn {
            Conn::Postgres(session) => session.roll_back().await,
            Conn::Sqlite(session) => session.roll_back().await,
        };
        if let Err(error) = rolled_back {
            tracing::debug!("a unit of work ended with its connection: {error}");
        }
    }

    /// Remembers that the commit gives the relay work.
    pub(in crate::store) const fn wrote_outbox(&mut self) {
        self.wrote_outbox = true;
    }

    /// Remembers that the commit gives the intake work.
    pub(in crate::store) const fn wrote_inbox(&mut self) {
        self.wrote_inbox = true;
    }

    /// Remembers that the commit gives those work who send messages.
    pub(in crate::store) const fn wrote_notifications(&mut self) {
        self.wrote_notifications = true;
    }

    /// Remembers that the commit gives those work who tell partners.
    pub(in crate::store) const fn wrote_partner_calls(&mut self) {
        self.wrote_partner_calls = true;
    }
}

impl<DB: sqlx::Database> Session<DB> {
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
