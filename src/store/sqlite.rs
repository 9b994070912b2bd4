//! A SQLite file of our own: one connection that writes, and some that read.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Connection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    base::folder,
    config,
    store::{StoreError, lease::Leases},
};

/// How long a writer waits for another process on the same file.
const BUSY: Duration = Duration::from_secs(5);
/// What SQLite leaves of its log after a checkpoint, in bytes.
const WAL_LIMIT: &str = "67108864";

/// Both pools of one file. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store) struct Sqlite {
    /// One writer at a time is all that SQLite allows, so there is one connection for it, and writers queue in the
    /// pool rather than run into `SQLITE_BUSY`.
    pub writer: SqlitePool,
    pub readers: SqlitePool,
    pub leases: Leases,
    pub health: WriteHealth,
    folder: Option<PathBuf>,
}

/// Whether the last write that ended found a disk that takes writes.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct WriteHealth(Arc<AtomicBool>);

impl WriteHealth {
    /// Notes how a write ended.
    pub fn ended(&self, fault: Option<&StoreError>) {
        match fault {
            None => self.0.store(false, Ordering::Relaxed),
            // That the writers queue for long says nothing about the disk.
            Some(StoreError::Database(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)) => {}
            Some(error) if error.is_unavailable() => self.failed(),
            Some(_) => {}
        }
    }

    /// Notes that one has failed.
    fn failed(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether they fail.
    pub fn is_failing(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Sqlite {
    /// Opens the file, or makes it. A disk that takes no writes is named with its folder.
    pub async fn open(
        settings: &config::Database,
        options: SqliteConnectOptions,
    ) -> Result<Self, StoreError> {
        let folder = options.get_filename().parent().map(Path::to_owned);
        if let Some(folder) = &folder {
            folder::make_private(folder).map_err(sqlx::Error::Io)?;
        }
        let health = WriteHealth::default();
        let opened = pools(settings, options, health.clone()).await;
        let (writer, readers) =
            opened.map_err(|error| disk_fault(folder.as_deref(), error.into()))?;
        Ok(Self { writer, readers, leases: Leases::default(), health, folder })
    }

    /// What SQLite says of a disk without space is seldom more than "disk I/O error": the system says more.
    pub fn disk_fault(&self, error: StoreError) -> StoreError {
        disk_fault(self.folder.as_deref(), error)
    }
}

fn disk_fault(folder: Option<&Path>, error: StoreError) -> StoreError {
    let Some(folder) = folder.filter(|_| error.is_unavailable()) else { return error };
    match folder::check_writable(folder) {
        Ok(()) => error,
        Err(cause) => StoreError::Disk { folder: folder.to_owned(), cause },
    }
}

async fn pools(
    settings: &config::Database,
    options: SqliteConnectOptions,
    health: WriteHealth,
) -> Result<(SqlitePool, SqlitePool), sqlx::Error> {
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
        // SQLite rolls a transaction back by itself on some errors: a full disk, I/O, memory. sqlx then takes the connection for one within
        // a transaction for ever, and could begin no other. It is closed, and the pool opens a new one.
        .before_acquire(move |connection, _| {
            let in_order = !connection.is_in_transaction();
            if !in_order {
                health.failed();
            }
            Box::pin(async move { Ok(in_order) })
        })
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
    Ok((writer, readers))
}
