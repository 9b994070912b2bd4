//! Opening, migrating, closing, and telling errors apart.

use std::{io, time::Duration};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::{
    base::clock::Clock,
    config,
    store::{
        Database, StoreError,
        moment::At,
        orders,
        tests::{
            Folder, Stage, on_both,
            samples::{Story, noon},
        },
        tx::on,
    },
};

on_both! {
    async fn migrating_twice_changes_nothing(stage: &Stage) {
        assert_eq!(stage.database.pending_migrations().await.unwrap(), Vec::<String>::new());
        stage.database.migrate().await.unwrap();
        stage.database.ping().await.unwrap();
    }

    async fn what_is_pending_has_a_name(stage: &Stage) {
        let mut tx = stage.begin().await;
        on!(tx, |conn| sqlx::query("DELETE FROM _sqlx_migrations WHERE version > 2")
            .execute(conn)
            .await
            .unwrap()
            .rows_affected());
        tx.commit().await.unwrap();
        let pending = stage.database.pending_migrations().await.unwrap();
        assert_eq!(pending[0], "0003_inbox");
        assert!(6 <= pending.len(), "{pending:?}");
        let mut tx = stage.begin().await;
        on!(tx, |conn| sqlx::query("DROP TABLE _sqlx_migrations")
            .execute(conn)
            .await
            .unwrap()
            .rows_affected());
        tx.commit().await.unwrap();
        assert_eq!(stage.database.pending_migrations().await.unwrap()[0], "0001_orders");
    }

    async fn a_schema_from_the_future_is_refused(stage: &Stage) {
        let mut tx = stage.begin().await;
        on!(tx, |conn| sqlx::query(
            "INSERT INTO _sqlx_migrations (
                 version, description, installed_on, success, checksum, execution_time
             )
             SELECT 99, description, installed_on, success, checksum, execution_time
             FROM _sqlx_migrations
             WHERE version = 1",
        )
        .execute(conn)
        .await
        .unwrap()
        .rows_affected());
        tx.commit().await.unwrap();
        for refused in [
            stage.database.migrate().await,
            stage.another().await.migrate().await,
            stage.database.pending_migrations().await.map(drop),
        ] {
            let Err(error @ StoreError::Schema(_)) = refused else { panic!("{refused:?}") };
            assert!(error.to_string().contains("run a newer orderwire"), "{error}");
            assert!(!error.is_retryable());
        }
    }

    async fn moments_keep_their_microseconds(stage: &Stage) {
        let moments = [
            noon(),
            Timestamp::UNIX_EPOCH,
            "1969-12-31T23:59:59.999999Z".parse().unwrap(),
            "2026-11-22T12:00:00Z".parse().unwrap(),
        ];
        let mut tx = stage.begin().await;
        for moment in moments {
            let sql = "CREATE TEMPORARY TABLE IF NOT EXISTS moment (at TIMESTAMPTZ NOT NULL)";
            on!(tx, |conn| sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
            let back: At = on!(tx, |conn| sqlx::query_scalar(
                "INSERT INTO moment (at) VALUES ($1) RETURNING at",
            )
            .bind(At(moment))
            .fetch_one(conn)
            .await
            .unwrap());
            assert_eq!(back.0, moment);
        }
    }

    async fn a_wrong_clock_is_measured_where_the_database_has_one(stage: &Stage) {
        let skew = SignedDuration::from_secs(30);
        let measured = stage.database.clock_offset(&Clock::skewed(skew)).await.unwrap();
        assert_eq!(measured.is_some(), stage.postgres.is_some());
        if let Some(measured) = measured {
            // Half a second is much even on a busy machine, and the quickest of some answers counts.
            let off = (measured.offset + skew).unsigned_abs();
            assert!(off < Duration::from_millis(500) + measured.uncertainty, "{measured:?}");
        }
    }

    async fn a_closed_database_is_unavailable(stage: &Stage) {
        let other = stage.another().await;
        other.close().await;
        let refused = other.begin().await.map(drop);
        assert!(refused.as_ref().is_err_and(StoreError::is_unavailable), "{refused:?}");
        let refused = other.ping().await;
        assert!(refused.as_ref().is_err_and(StoreError::is_unavailable), "{refused:?}");
    }
}

#[tokio::test]
async fn a_sqlite_file_is_opened_again() {
    let stage = Stage::sqlite().await;
    let mut story = Story::placed(0);
    let mut tx = stage.begin().await;
    story.store(&mut tx).await;
    tx.commit().await.unwrap();
    stage.database.close().await;

    let database = stage.another().await;
    assert_eq!(database.pending_migrations().await.unwrap(), Vec::<String>::new());
    database.migrate().await.unwrap();
    let mut tx = database.read().await.unwrap();
    assert_eq!(orders::load(&mut tx, story.order.id).await.unwrap(), Some(story.order));
    drop(tx);

    let url = format!("sqlite:{}", stage.folder.path().join("orderwire.db").display());
    let settings =
        config::Database { url: Some(SecretString::from(url)), ..config::Database::default() };
    let by_url = Database::connect(&settings, "elsewhere".as_ref()).await.unwrap();
    assert_eq!(by_url.pending_migrations().await.unwrap(), Vec::<String>::new());
    by_url.close().await;
    database.close().await;
}

#[tokio::test]
async fn sqlite_readers_neither_write_nor_wait() {
    let stage = Stage::sqlite().await;
    let mut writer = stage.begin().await;
    Story::placed(0).store(&mut writer).await;
    let mut reader = stage.read().await;
    let refused = orders::append(&mut reader, Story::placed(1).append()).await;
    assert!(matches!(refused, Err(StoreError::Database(_))), "{refused:?}");
    drop(reader);
    tokio::time::timeout(Duration::from_secs(20), stage.database.ping()).await.unwrap().unwrap();
    writer.commit().await.unwrap();
    stage.strike().await;
}

#[tokio::test]
async fn sqlite_flushes_every_commit() {
    let stage = Stage::sqlite().await;
    let mut tx = stage.begin().await;
    let crate::store::tx::Conn::Sqlite(session) = &mut tx.conn else { unreachable!() };
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut **session).await.unwrap();
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut **session).await.unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

#[tokio::test]
async fn senseless_settings_are_refused_without_repeating_them() {
    for url in [
        "mysql://u:secret@h/db",
        "sqlite::memory:",
        "sqlite:x?mode=memory",
        "postgres://u:secret@h:port/",
    ] {
        let settings =
            config::Database { url: Some(SecretString::from(url)), ..config::Database::default() };
        let folder = Folder::fresh();
        let refused = Database::connect(&settings, folder.path()).await.map(drop);
        let Err(error @ StoreError::Setting(_)) = refused else { panic!("{url}: {refused:?}") };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn an_absent_server_is_unavailable() {
    // Nobody listens on the discard port.
    let url = SecretString::from("postgres://orderwire@127.0.0.1:9/orderwire");
    let settings = config::Database {
        url: Some(url),
        acquire_timeout: config::Span::millis(100),
        ..config::Database::default()
    };
    let refused = Database::connect(&settings, "unused".as_ref()).await.map(drop);
    assert!(refused.as_ref().is_err_and(StoreError::is_unavailable), "{refused:?}");
}

#[tokio::test]
async fn a_cut_connection_is_unavailable_and_replaced_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let mut tx = stage.begin().await;
    let mut victim = stage.begin().await;
    let crate::store::tx::Conn::Postgres(session) = &mut tx.conn else { unreachable!() };
    sqlx::query(
        "SELECT pg_terminate_backend(pid)
         FROM pg_stat_activity
         WHERE datname = current_database()
           AND pid <> pg_backend_pid()",
    )
    .execute(&mut **session)
    .await
    .unwrap();
    let refused = orders::load(&mut victim, Story::placed(0).order.id).await;
    assert!(refused.as_ref().is_err_and(StoreError::is_unavailable), "{refused:?}");
    assert!(refused.as_ref().is_err_and(StoreError::is_retryable));
    drop(victim);
    drop(tx);
    stage.database.ping().await.unwrap();
    stage.begin().await.commit().await.unwrap();
    stage.strike().await;
}

#[test]
fn errors_say_whether_they_pass() {
    let away = StoreError::from(sqlx::Error::Io(io::ErrorKind::ConnectionRefused.into()));
    assert!(away.is_unavailable() && away.is_retryable());
    let busy = StoreError::from(sqlx::Error::PoolTimedOut);
    assert!(busy.is_unavailable());
    for lasting in [
        StoreError::Conflict,
        StoreError::Inconsistent(String::new()),
        StoreError::from(sqlx::Error::RowNotFound),
    ] {
        assert!(!lasting.is_unavailable() && !lasting.is_retryable());
        assert!(!lasting.is_transient());
    }
    assert!(away.is_transient() && busy.is_transient());
    // A connection that is out of step says nothing about the data.
    assert!(StoreError::from(sqlx::Error::Protocol("out of step".to_owned())).is_transient());
}
