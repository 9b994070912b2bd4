//! The schema: bringing it up to date, and refusing one from the future.

use std::borrow::Cow;

use sqlx::{
    ConnectOptions, Connection, SqlSafeStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::store::{
    Database, StoreError,
    database::Pools,
    tx::{Conn, on},
};

/// One step of the schema, in both dialects.
struct Step {
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
}

macro_rules! steps {
    ($($name:literal),+ $(,)?) => {
        &[$(Step {
            name: $name,
            postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/", $name, ".sql")),
            sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/", $name, ".sql")),
        }),+]
    };
}

/// In order: the first is version 1. Steps that were released never change; new ones are added at the end.
const STEPS: &[Step] = steps![
    "0001_orders",
    "0002_outbox",
    "0003_inbox",
    "0004_idempotency_key",
    "0005_integration_mappings",
    "0006_store",
    "0007_dead_letter",
    "0008_partner_orders",
    "0009_partner_calls",
    "0010_partner_credential",
    "0011_endpoints",
    "0012_notifications",
    "0013_event_subject",
    "0014_work_queue",
    "0015_sealing_key_check",
];

impl Database {
    /// Brings the schema up to date. Processes that start together wait for each other.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Postgres(postgres) => {
                let migrator = migrator(|it| it.postgres);
                // A connection of its own: after a failure the migrator leaves its lock to the session. It has none of the limits of ours,
                // for a step may take long and waits for the steps of others.
                let mut session = postgres.pool.connect_options().connect().await?;
                let done = migrator.run_direct(None, &mut session, false).await;
                session.close().await?;
                done.map_err(refused)
            }
            Pools::Sqlite(sqlite) => {
                let migrator = migrator(|it| it.sqlite);
                let mut session = sqlite.writer.acquire().await?;
                let done = migrator.run_direct(None, &mut *session, false).await;
                done.map_err(|error| sqlite.disk_fault(refused(error)))
            }
        }
    }

    /// The names of the steps that [`Database::migrate`] would take. Changes nothing.
    ///
    /// Like it, refuses a schema that is newer than this program.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let mut tx = self.read().await?;
        let begun: bool =
            match &mut tx.conn {
                Conn::Postgres(session) => {
                    sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
                        .fetch_one(&mut **session)
                        .await?
                }
                Conn::Sqlite(session) => sqlx::query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')",
                )
                .fetch_one(&mut **session)
                .await?,
            };
        let mut applied: Vec<i64> = Vec::new();
        if begun {
            applied = on!(tx, |conn| sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
                .fetch_all(conn)
                .await?);
        }
        if let Some(newer) = applied.iter().find(|it| !numbered().any(|(number, _)| number == **it))
        {
            return Err(refused(MigrateError::VersionMissing(*newer)));
        }
        Ok(numbered()
            .filter(|(number, _)| !applied.contains(number))
            .map(|(_, step)| step.name.to_owned())
            .collect())
    }
}

fn numbered() -> impl Iterator<Item = (i64, &'static Step)> {
    (1..).zip(STEPS)
}

fn migrator(dialect: fn(&Step) -> &'static str) -> Migrator {
    let migrations = numbered()
        .map(|(number, step)| {
            let sql = dialect(step).into_sql_str();
            Migration::new(number, Cow::Borrowed(step.name), MigrationType::Simple, sql, false)
        })
        .collect();
    Migrator::with_migrations(migrations)
}

fn refused(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        MigrateError::VersionMissing(version) => StoreError::Schema(format!(
            "it is at step {version}, and this program knows {} steps; run a newer orderwire",
            STEPS.len(),
        )),
        error => StoreError::Schema(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps that were released without a line about their locks. They are never edited.
    const WITHOUT_LOCKS: usize = 12;

    #[test]
    fn every_step_says_what_it_locks() {
        let operating = include_str!("../../docs/operating.md");
        for step in STEPS {
            let row = format!("\n| `{}` |", step.name);
            assert!(operating.contains(&row), "docs/operating.md has no row for {}", step.name);
        }
        // On SQLite there is nothing to say: a migration is the only writer.
        for step in STEPS.iter().skip(WITHOUT_LOCKS) {
            let says = step.postgres.lines().any(|line| line.starts_with("-- locks: "));
            assert!(says, "migrations/postgres/{}.sql has no line `-- locks: …`", step.name);
        }
    }
}
