//! Wake-ups: who waits for committed rows learns of them at once, whichever process committed them.
//!
//! A signal is a hint, never the truth: it may come for nothing, and while PostgreSQL is away it does not come from
//! other processes at all. So whoever waits also looks by itself now and then.
//!
//! Between processes the hints travel by `NOTIFY`, sent *after* the commit and from a connection of its own: inside
//! the transaction it would make all commits of the database queue behind one lock, each with its disk flush.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::store::{
    Database, StoreError,
    database::{PG_SESSION, Pools},
};

const OUTBOX: &str = "orderwire_outbox";
const INBOX: &str = "orderwire_inbox";
const PARTNER_CALLS: &str = "orderwire_partner_calls";
const NOTIFICATIONS: &str = "orderwire_notifications";
/// How long to leave PostgreSQL alone after the connection was lost.
const REST: Duration = Duration::from_millis(500);
/// How long a hint may take to leave.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Tells one waiter that there may be work.
#[derive(Debug)]
pub struct Signal(watch::Receiver<()>);

impl Signal {
    /// Resolves when something was committed since the last call, or since the signal was made.
    ///
    /// Dropping the future half-way loses nothing.
    pub async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            // The database is gone, so nothing will ever be committed.
            std::future::pending::<()>().await;
        }
    }
}

/// All wake-ups of one process.
#[derive(Debug, Default)]
pub(in crate::store) struct Signals {
    pub outbox: Wake,
    pub inbox: Wake,
    pub partner_calls: Wake,
    pub notifications: Wake,
}

/// One kind of wake-up.
#[derive(Debug, Default)]
pub(in crate::store) struct Wake {
    waiters: watch::Sender<()>,
    /// For the other processes.
    to_send: Notify,
}

impl Wake {
    /// Wakes everybody, here and in other processes.
    pub fn committed(&self) {
        self.arrived();
        self.to_send.notify_one();
    }

    /// Wakes everybody here.
    fn arrived(&self) {
        self.waiters.send_replace(());
    }
}

impl Database {
    /// Fires when events were committed to the outbox. For the relay.
    pub fn outbox_signal(&self) -> Signal {
        Signal(self.signals.outbox.waiters.subscribe())
    }

    /// Fires when partners' calls were committed to the inbox, or became due. For the intake.
    pub fn inbox_signal(&self) -> Signal {
        Signal(self.signals.inbox.waiters.subscribe())
    }

    /// Fires when something to be told to people was committed. For those who send it.
    pub fn notifications_signal(&self) -> Signal {
        Signal(self.signals.notifications.waiters.subscribe())
    }

    /// Fires when something to be told to partners was committed. For those who tell them.
    pub fn partner_calls_signal(&self) -> Signal {
        Signal(self.signals.partner_calls.waiters.subscribe())
    }

    /// Carries signals between the processes of a cluster until told to stop; spawn it once in each process.
    ///
    /// Takes one connection beyond the pool's, and makes a new one whenever that is lost. On SQLite there is nobody
    /// to talk to, and it returns at once.
    pub async fn carry_signals(&self, stop: CancellationToken) {
        let Pools::Postgres(pool) = &self.pools else { return };
        let carry = async {
            loop {
                let error = match self.carry_over_one_connection(pool).await {
                    Ok(()) => "connection lost".to_owned(),
                    Err(error) => error.to_string(),
                };
                tracing::warn!(error, "signals from other processes are interrupted");
                tokio::time::sleep(REST).await;
            }
        };
        let _stopped = stop.run_until_cancelled(carry).await;
    }

    /// Returns when the connection is lost.
    async fn carry_over_one_connection(&self, pool: &PgPool) -> Result<(), StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(pool.connect_options().as_ref().clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        sqlx::raw_sql(PG_SESSION).execute(&mut listener).await?;
        listener.listen_all([OUTBOX, INBOX, PARTNER_CALLS, NOTIFICATIONS]).await?;
        let own: i32 =
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut listener).await?;
        // What was committed while nobody listened.
        self.signals.outbox.arrived();
        self.signals.inbox.arrived();
        self.signals.partner_calls.arrived();
        self.signals.notifications.arrived();
        loop {
            tokio::select! {
                heard = listener.try_recv() => {
                    let Some(heard) = heard? else { return Ok(()) };
                    // Our own commits have woken everybody here already.
                    if u32::try_from(own) == Ok(heard.process_id()) {
                        continue;
                    }
                    match heard.channel() {
                        OUTBOX => self.signals.outbox.arrived(),
                        PARTNER_CALLS => self.signals.partner_calls.arrived(),
                        NOTIFICATIONS => self.signals.notifications.arrived(),
                        _ => self.signals.inbox.arrived(),
                    }
                }
                () = self.signals.outbox.to_send.notified() => send(&mut listener, OUTBOX).await?,
                () = self.signals.inbox.to_send.notified() => send(&mut listener, INBOX).await?,
                () = self.signals.partner_calls.to_send.notified() => {
                    send(&mut listener, PARTNER_CALLS).await?;
                }
                () = self.signals.notifications.to_send.notified() => {
                    send(&mut listener, NOTIFICATIONS).await?;
                }
            }
        }
    }
}

async fn send(listener: &mut PgListener, channel: &'static str) -> Result<(), StoreError> {
    let query = sqlx::query("SELECT pg_notify($1, '')").bind(channel).execute(listener);
    match tokio::time::timeout(TIMEOUT, query).await {
        Ok(sent) => sent.map(drop).map_err(StoreError::from),
        Err(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
    }
}
