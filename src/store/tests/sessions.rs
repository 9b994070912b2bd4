//! What becomes of a session whose transaction does not end in order.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::{
    base::proxy::{Proxy, Way},
    config,
    store::{
        Database, StoreError, Tx, Work,
        tests::{Stage, samples::Story},
        tx::Conn,
    },
};

/// How long a caller waits before it gives up, as a request does at its time-out.
const SHORT: Duration = Duration::from_millis(200);
const SOON: Duration = Duration::from_secs(10);
const SESSIONS: u32 = 4;

/// PostgreSQL behind a proxy, and a way to look at its sessions past the proxy.
struct Stalled {
    stage: Stage,
    proxy: Proxy,
    database: Database,
    admin: PgConnection,
}

impl Stalled {
    /// With all sessions of the pool open and fresh: none is tested before its next use.
    async fn warm() -> Option<Self> {
        let stage = Stage::postgres().await?;
        let url = stage.settings.url.as_ref().unwrap().expose_secret().to_owned();
        let admin = PgConnection::connect(&url).await.unwrap();
        let (start, rest) = url.split_once("://").unwrap();
        let (user, rest) = rest.split_once('@').unwrap_or(("", rest));
        let (address, name) = rest.split_once('/').unwrap();
        let proxy = Proxy::start(address.to_owned(), Way::Open).await;
        let at = if user.is_empty() { "" } else { "@" };
        let url = format!("{start}://{user}{at}{}/{name}", proxy.address);
        let settings = config::Database {
            url: Some(SecretString::from(url)),
            max_connections: SESSIONS,
            acquire_timeout: config::Span::secs(2),
            ..config::Database::default()
        };
        let database = Database::connect(&settings, "unused".as_ref()).await.unwrap();
        let stalled = Self { stage, proxy, database, admin };
        stalled.transactions().await;
        Some(stalled)
    }

    /// A transaction on each session of the pool, committed.
    async fn transactions(&self) {
        let begun = (0..SESSIONS).map(|_| async { self.database.begin().await.unwrap() });
        for tx in futures_util::future::join_all(begun).await {
            tx.commit().await.unwrap();
        }
    }

    /// Waits until every session of the pool has ended its transaction.
    async fn until_all_are_idle(&mut self) {
        let wait = async {
            loop {
                let open: i64 = sqlx::query_scalar(
                    "SELECT COUNT(*)
                     FROM pg_stat_activity
                     WHERE datname = current_database()
                       AND application_name = 'orderwire'
                       AND (state <> 'idle' OR query = 'BEGIN')",
                )
                .fetch_one(&mut self.admin)
                .await
                .unwrap();
                if open == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("a session is left in a transaction");
    }

    async fn strike(self) {
        self.database.close().await;
        self.stage.strike().await;
    }
}

#[tokio::test]
async fn a_cancelled_begin_leaves_no_session_in_a_transaction() {
    let Some(mut stalled) = Stalled::warm().await else { return };
    stalled.proxy.set(Way::Frozen);
    let given_up = (0..SESSIONS).map(|_| tokio::time::timeout(SHORT, stalled.database.begin()));
    for begun in futures_util::future::join_all(given_up).await {
        begun.unwrap_err();
    }
    stalled.proxy.set(Way::Open);
    stalled.until_all_are_idle().await;
    stalled.transactions().await;
    stalled.strike().await;
}

#[tokio::test]
async fn a_cancelled_statement_leaves_no_session_in_a_transaction() {
    let Some(mut stalled) = Stalled::warm().await else { return };
    let mut tx = stalled.database.begin().await.unwrap();
    stalled.proxy.set(Way::Frozen);
    let mut story = Story::placed(0);
    tokio::time::timeout(SHORT, story.store(&mut tx)).await.unwrap_err();
    drop(tx);
    stalled.proxy.set(Way::Open);
    stalled.until_all_are_idle().await;
    stalled.transactions().await;
    assert_eq!(events(&mut stalled.admin).await, 0);
    stalled.strike().await;
}

#[tokio::test]
async fn a_cancelled_commit_runs_to_its_end_and_wakes_those_who_wait() {
    let Some(mut stalled) = Stalled::warm().await else { return };
    let mut signal = stalled.database.signal(Work::Outbox);
    let mut tx = stalled.database.begin().await.unwrap();
    Story::placed(0).store(&mut tx).await;
    stalled.proxy.set(Way::Frozen);
    tokio::time::timeout(SHORT, tx.commit()).await.map(drop).unwrap_err();
    stalled.proxy.set(Way::Open);
    tokio::time::timeout(SOON, signal.wait()).await.expect("the commit woke nobody");
    assert_eq!(events(&mut stalled.admin).await, 1);
    stalled.until_all_are_idle().await;
    stalled.strike().await;
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_named_as_the_cause() {
    let Some(stalled) = Stalled::warm().await else { return };
    let Stalled { stage, proxy, database, admin } = stalled;
    let stop = CancellationToken::new();
    let play = async {
        proxy.close().await;
        let wait = async {
            loop {
                let error = database.begin().await.map(drop).unwrap_err();
                assert!(error.is_unavailable(), "{error}");
                if error.to_string().contains("refused") {
                    return;
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("the cause is not named");
        stop.cancel();
    };
    tokio::join!(play, database.carry_signals(stop.clone()));
    admin.close().await.unwrap();
    database.close().await;
    stage.strike().await;
}

async fn events(admin: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM order_event").fetch_one(admin).await.unwrap()
}

/// An error after which SQLite has rolled the whole transaction back by itself, as it does when the disk is full.
async fn fail_and_roll_back(tx: &mut Tx) -> Result<(), StoreError> {
    let Conn::Sqlite(session) = &mut tx.conn else { unreachable!() };
    let sql = "CREATE TABLE once (number UNIQUE);
         INSERT INTO once VALUES (1);
         INSERT OR ROLLBACK INTO once VALUES (1)";
    sqlx::raw_sql(sql).execute(&mut **session).await?;
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_sqlite_rolled_back_by_itself_does_not_end_all_that_follow() {
    let stage = Stage::sqlite().await;
    for _ in 0..3 {
        let mut tx = stage.begin().await;
        fail_and_roll_back(&mut tx).await.unwrap_err();
        drop(tx);
        let mut tx = stage.begin().await;
        fail_and_roll_back(&mut tx).await.unwrap_err();
        tx.roll_back().await;
        let mut tx = stage.begin().await;
        fail_and_roll_back(&mut tx).await.unwrap_err();
        tx.commit().await.unwrap_err();
    }
    let mut tx = stage.begin().await;
    Story::placed(0).store(&mut tx).await;
    tx.commit().await.unwrap();
    stage.database.ping().await.unwrap();
    stage.strike().await;
}
