//! The contract: every function of the store, on both dialects.

mod connections;
mod endpoints;
mod event_subject;
mod inbox;
mod leases;
mod listing;
mod notifications;
mod orders;
mod outbox;
mod partner_calls;
mod requests;
pub mod samples;
mod sealing;
mod sessions;
mod stores;

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::{
    base::{clock::Clock, mint::Mint},
    config,
    store::{Database, Tx},
};

/// Makes two tests of each function: one on each dialect, each on a fresh database.
macro_rules! on_both {
    ($(async fn $name:ident($stage:ident: &Stage) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn play($stage: &Stage) $body

            #[tokio::test]
            async fn on_sqlite() {
                let stage = Stage::sqlite().await;
                play(&stage).await;
                stage.strike().await;
            }

            #[tokio::test]
            async fn on_postgres() {
                let Some(stage) = Stage::postgres().await else { return };
                play(&stage).await;
                stage.strike().await;
            }
        }
    )+};
}

pub(in crate::store) use on_both;

/// A fresh database, brought up to date.
pub struct Stage {
    database: Database,
    settings: config::Database,
    folder: Folder,
    /// Where to drop the database again, and its name.
    postgres: Option<(String, String)>,
}

impl Stage {
    pub async fn sqlite() -> Self {
        Self::open(config::Database::default(), Folder::fresh(), None).await
    }

    /// `None` on a machine without PostgreSQL, unless the run promises one.
    pub async fn postgres() -> Option<Self> {
        let server = postgres_url()?;
        let name = format!("orderwire_test_{}", fresh().simple());
        let mut admin = PgConnection::connect(&server).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = SecretString::from(format!("{base}/{name}"));
        let settings = config::Database { url: Some(url), ..config::Database::default() };
        Some(Self::open(settings, Folder::fresh(), Some((server, name))).await)
    }

    async fn open(
        settings: config::Database,
        folder: Folder,
        postgres: Option<(String, String)>,
    ) -> Self {
        let database = Database::connect(&settings, folder.path()).await.unwrap();
        database.migrate().await.unwrap();
        Self { database, settings, folder, postgres }
    }

    /// The same database as another process sees it.
    pub async fn another(&self) -> Database {
        Database::connect(&self.settings, self.folder.path()).await.unwrap()
    }

    pub async fn begin(&self) -> Tx {
        self.database.begin().await.unwrap()
    }

    pub async fn read(&self) -> Tx {
        self.database.read().await.unwrap()
    }

    pub async fn strike(self) {
        self.database.close().await;
        if let Some((server, name)) = self.postgres {
            let mut admin = PgConnection::connect(&server).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
                .execute(&mut admin)
                .await
                .unwrap();
        }
    }
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn fresh() -> Self {
        Self(std::env::temp_dir().join(format!("orderwire-store-{}", fresh())))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _never_made = std::fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "tests find their services in the environment")]
pub fn postgres_url() -> Option<String> {
    let url = std::env::var("TEST_DATABASE_URL").ok();
    let promised = std::env::var("STACK").is_ok_and(|it| it == "real");
    assert!(url.is_some() || !promised, "STACK=real, and TEST_DATABASE_URL is not set");
    url
}

fn fresh() -> Uuid {
    Mint::system().uuid(Clock::System.now())
}
