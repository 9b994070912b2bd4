//! Wake-ups: who waits for committed rows learns of them at once, whichever process committed them.
//!
//! A signal is a hint, never the truth: it may come for nothing, and while PostgreSQL is away it does not come from
//! other processes at all. So whoever waits also looks by itself now and then.
//!
//! Between processes the hints travel by `NOTIFY`, sent *after* the commit and from a connection of its own: inside
//! the transaction it would make all commits of the database queue behind one lock, each with its disk flush.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::store::{StoreError, postgres::Postgres};

/// How long to leave PostgreSQL alone after the connection was lost.
const REST: Duration = Duration::from_millis(500);
/// How long a connection may take to be made, and a hint to leave.
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

/// Rows that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Events in the outbox, for the relay.
    Outbox,
    /// Partners' calls that came in, or became due, for the intake.
    Inbox,
    /// What partners are to be told.
    PartnerCalls,
    /// What people are to be told.
    Notifications,
    /// What the restaurant's own systems are to be told.
    Deliveries,
}

impl Work {
    const ALL: [Self; 5] =
        [Self::Outbox, Self::Inbox, Self::PartnerCalls, Self::Notifications, Self::Deliveries];

    /// The channel on which PostgreSQL carries its hints.
    const fn channel(self) -> &'static str {
        match self {
            Self::Outbox => "orderwire_outbox",
            Self::Inbox => "orderwire_inbox",
            Self::PartnerCalls => "orderwire_partner_calls",
            Self::Notifications => "orderwire_notifications",
            Self::Deliveries => "orderwire_deliveries",
        }
    }

    const fn bit(self) -> u64 {
        const { assert!(Self::ALL.len() <= u64::BITS as usize) };
        1 << self as u64
    }
}

/// Some kinds of work.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Works(u64);

impl Works {
    /// None.
    pub const NONE: Self = Self(0);

    /// One more.
    pub const fn add(&mut self, work: Work) {
        self.0 |= work.bit();
    }

    fn iter(self) -> impl Iterator<Item = Work> {
        Work::ALL.into_iter().filter(move |it| self.0 & it.bit() != 0)
    }
}

/// All wake-ups of one process.
#[derive(Debug, Default)]
pub(in crate::store) struct Signals {
    waiters: [watch::Sender<()>; Work::ALL.len()],
    /// For the other processes: bits of [`Work`].
    pending: AtomicU64,
    to_send: Notify,
}

impl Signals {
    /// Wakes everybody who waits for these, here and in other processes.
    pub fn committed(&self, works: Works) {
        for work in works.iter() {
            self.arrived(work);
        }
        if works.0 != 0 {
            self.pending.fetch_or(works.0, Ordering::AcqRel);
            self.to_send.notify_one();
        }
    }

    /// Wakes everybody here.
    fn arrived(&self, work: Work) {
        if let Some(waiters) = self.waiters.get(work as usize) {
            waiters.send_replace(());
        }
    }

    fn take_pending(&self) -> Works {
        Works(self.pending.swap(0, Ordering::AcqRel))
    }

    /// Fires when such rows were committed, in whichever process.
    pub fn signal(&self, work: Work) -> Signal {
        let waiters = self.waiters.get(work as usize).map(watch::Sender::subscribe);
        // There is one for each kind of work.
        Signal(waiters.unwrap_or_else(|| watch::channel(()).1))
    }

    /// Carries signals between the processes of a cluster until told to stop. Takes one connection beyond the pool's, and makes a new one
    /// whenever that is lost.
    pub async fn carry(&self, postgres: &Postgres, stop: CancellationToken) {
        let carry = async {
            loop {
                let error = match self.carry_over_one_connection(postgres).await {
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
    async fn carry_over_one_connection(&self, postgres: &Postgres) -> Result<(), StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TIMEOUT)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(postgres.pool.connect_options().as_ref().clone());
        postgres.reach().await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        sqlx::raw_sql(postgres.session()).execute(&mut listener).await?;
        listener.listen_all(Work::ALL.map(Work::channel)).await?;
        let own: i32 =
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut listener).await?;
        // What was committed while nobody listened.
        for work in Work::ALL {
            self.arrived(work);
        }
        loop {
            tokio::select! {
                heard = listener.try_recv() => {
                    let Some(heard) = heard? else { return Ok(()) };
                    // Our own commits have woken everybody here already.
                    if u32::try_from(own) == Ok(heard.process_id()) {
                        continue;
                    }
                    let work = Work::ALL.into_iter().find(|it| it.channel() == heard.channel());
                    if let Some(work) = work {
                        self.arrived(work);
                    }
                }
                () = self.to_send.notified() => {
                    for work in self.take_pending().iter() {
                        send(&mut listener, work.channel()).await?;
                    }
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
