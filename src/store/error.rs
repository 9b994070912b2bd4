//! What can go wrong below the domain, and which of it mends itself.

use std::{io, path::PathBuf};

use sqlx::postgres::PgDatabaseError;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was first. Read again and decide again; this unit of work is lost.
    #[error("somebody else was first")]
    Conflict,
    /// The database refused or went away.
    #[error(transparent)]
    Database(sqlx::Error),
    /// PostgreSQL took no connection for as long as one was waited for.
    #[error("PostgreSQL cannot be reached: {0}")]
    Unreachable(String),
    /// The disk under a SQLite file takes no writes.
    #[error("{}: cannot write in {}", disk_trouble(cause), folder.display())]
    Disk {
        /// Where the file is.
        folder: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// What is stored, or what was to be stored, does not fit together. Nobody can mend it but people.
    #[error("stored state does not fit together: {0}")]
    Inconsistent(String),
    /// The database setting makes no sense.
    #[error("{0}")]
    Setting(String),
    /// The schema is not the one that this program was made for.
    #[error("the database's schema is not the one this program was made for: {0}")]
    Schema(String),
}

/// SQLSTATE classes that pass: the connection, resources, the operator stepping in; a standby that takes no writes; and a
/// transaction that was ended because this process was silent for too long.
const PG_UNAVAILABLE: [&str; 5] = ["08", "53", "57P", "25006", "25P03"];
/// SQLSTATE classes of what cannot be stored, whoever tries: bad values, broken rules, too much.
const PG_VALUES: [&str; 3] = ["22", "23", "54"];
/// The same of SQLite: `SQLITE_TOOBIG`, `SQLITE_CONSTRAINT`, `SQLITE_MISMATCH`.
const SQLITE_VALUES: [u32; 3] = [18, 19, 20];
/// Two transactions were in each other's way.
const PG_RETRYABLE: [&str; 2] = ["40001", "40P01"];
/// Primary result codes of SQLite that pass: `SQLITE_FULL`, `SQLITE_IOERR`, `SQLITE_CANTOPEN`, `SQLITE_READONLY`, `SQLITE_NOMEM`,
/// `SQLITE_INTERRUPT`, `SQLITE_PROTOCOL`.
const SQLITE_UNAVAILABLE: [u32; 7] = [SQLITE_FULL, 10, 14, 8, 7, 9, 15];
const SQLITE_FULL: u32 = 13;
/// `SQLITE_BUSY`, `SQLITE_LOCKED`.
const SQLITE_RETRYABLE: [u32; 2] = [5, 6];

impl StoreError {
    /// A URL that cannot be read. The text names no part of it: it may hold a password.
    pub(in crate::store) fn bad_url(_: sqlx::Error) -> Self {
        Self::Setting("database.url is not a URL that PostgreSQL or SQLite knows".to_owned())
    }

    /// Whether the database cannot be reached or cannot work at present: answer 503, or try again later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(error) => match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => true,
                error => has_code(error, &PG_UNAVAILABLE, &SQLITE_UNAVAILABLE),
            },
            Self::Disk { .. } | Self::Unreachable(_) => true,
            Self::Conflict | Self::Inconsistent(_) | Self::Setting(_) | Self::Schema(_) => false,
        }
    }

    /// What is wrong, in a few words that give nothing away.
    pub fn trouble(&self) -> &'static str {
        let Self::Database(error @ sqlx::Error::Database(_)) = self else {
            return "cannot be reached";
        };
        if has_code(error, &[], &[SQLITE_FULL]) {
            "cannot be written: the disk is full"
        } else if has_code(error, &[], &SQLITE_UNAVAILABLE) {
            "cannot be written"
        } else {
            "cannot be reached"
        }
    }

    /// Whether to run the same unit of work again later, for as long as it takes: the database failed, not the data. It cannot work
    /// at present, was told to give up, or lacks rights or a column. `false` means that no repetition of this very work can succeed, because a
    /// stored row or a value is at fault, or because it was decided upon old state.
    ///
    /// This is the one rule for background work. What a caller is answered is another question: [`StoreError::is_retryable`].
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Conflict
            | Self::Inconsistent(_)
            | Self::Database(
                sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_) | sqlx::Error::RowNotFound,
            ) => false,
            Self::Database(error) => !has_code(error, &PG_VALUES, &SQLITE_VALUES),
            Self::Setting(_) | Self::Schema(_) | Self::Disk { .. } | Self::Unreachable(_) => true,
        }
    }

    /// Whether a caller is answered 503 with `Retry-After`: the same request may succeed when it is sent again, now or later.
    ///
    /// A [`StoreError::Conflict`] is not among these: there the caller has to decide anew.
    pub fn is_retryable(&self) -> bool {
        let collided = match self {
            Self::Database(error) => has_code(error, &PG_RETRYABLE, &SQLITE_RETRYABLE),
            Self::Disk { .. }
            | Self::Unreachable(_)
            | Self::Conflict
            | Self::Inconsistent(_)
            | Self::Setting(_)
            | Self::Schema(_) => false,
        };
        collided || self.is_unavailable()
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) if refusal.is_unique_violation() => Self::Conflict,
            sqlx::Error::Decode(cause) => Self::Inconsistent(cause.to_string()),
            error @ sqlx::Error::ColumnDecode { .. } => Self::Inconsistent(error.to_string()),
            error => Self::Database(error),
        }
    }
}

/// The system's words for a full disk say "device".
fn disk_trouble(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".to_owned(),
        _ => cause.to_string(),
    }
}

fn has_code(error: &sqlx::Error, postgres: &[&str], sqlite: &[u32]) -> bool {
    let sqlx::Error::Database(refusal) = error else { return false };
    let Some(code) = refusal.code() else { return false };
    if refusal.try_downcast_ref::<PgDatabaseError>().is_some() {
        postgres.iter().any(|it| code.starts_with(it))
    } else {
        // The low byte of SQLite's extended code is the primary one.
        code.parse::<u32>().is_ok_and(|it| sqlite.contains(&(it & 0xff)))
    }
}
