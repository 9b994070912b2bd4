//! Leases: one holder each, and how they end.

use std::time::Duration;

use crate::{
    config,
    store::{
        Database, LeaseName, orders,
        tests::{Stage, on_both, samples::Story},
    },
};

const SOON: Duration = Duration::from_secs(20);
const OTHER: LeaseName = LeaseName::new("other");

on_both! {
    async fn a_lease_is_held_once_for_each_name(stage: &Stage) {
        let database = &stage.database;
        let mut first = database.lease(LeaseName::RELAY).await.unwrap().expect("it is free");
        assert!(database.lease(LeaseName::RELAY).await.unwrap().is_none());
        let mut other = database.lease(OTHER).await.unwrap().expect("another name is free");
        assert!(database.lease(OTHER).await.unwrap().is_none());
        assert!(first.renew().await && other.renew().await);
        first.release().await;
        let again = until_free(database, LeaseName::RELAY).await;
        assert!(database.lease(OTHER).await.unwrap().is_none());
        drop(other);
        drop(until_free(database, OTHER).await);
        drop(again);
        drop(until_free(database, LeaseName::RELAY).await);
    }

    async fn work_goes_on_while_a_lease_is_renewed(stage: &Stage) {
        let mut lease = stage.database.lease(OTHER).await.unwrap().expect("it is free");
        assert_eq!(lease.renewed_during(async { 7 }).await, 7);
        assert!(lease.renew().await);
    }
}

async fn until_free(database: &Database, name: LeaseName) -> crate::store::Lease {
    let wait = async {
        loop {
            if let Some(lease) = database.lease(name).await.unwrap() {
                return lease;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("the lease came free")
}

#[test]
fn names_keep_their_keys() {
    // Nodes of two releases run side by side during an upgrade.
    let keys = format!("{:?} {OTHER:?}", LeaseName::RELAY);
    assert!(keys.contains("key: 8030591472429918578"), "{keys}");
    assert!(keys.contains("key: 730899674924722773"), "{keys}");
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_is_lost_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let settings =
        config::Database { lease_timeout: config::Span::millis(300), ..stage.settings.clone() };
    let hung = Database::connect(&settings, "unused".as_ref()).await.unwrap();
    let mut lease = hung.lease(OTHER).await.unwrap().expect("it is free");
    assert!(stage.database.lease(OTHER).await.unwrap().is_none());
    // Nothing is heard of its holder from now on.
    let _second = until_free(&stage.database, OTHER).await;
    assert!(!lease.renew().await);
    hung.close().await;
    stage.strike().await;
}

#[tokio::test]
async fn a_silent_transaction_gives_its_row_locks_back_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let settings = config::Database {
        idle_transaction_timeout: config::Span::millis(300),
        ..stage.settings.clone()
    };
    let hung = Database::connect(&settings, "unused".as_ref()).await.unwrap();
    let mut story = Story::placed(0);
    let mut tx = stage.begin().await;
    story.store(&mut tx).await;
    tx.commit().await.unwrap();
    let mut silent = hung.begin().await.unwrap();
    orders::lock(&mut silent, &[story.order.id]).await.unwrap();
    let mut tx = stage.begin().await;
    let ids = [story.order.id];
    let waited = orders::lock(&mut tx, &ids);
    tokio::time::timeout(SOON, waited).await.expect("the row is locked for ever").unwrap();
    drop(tx);
    let error = orders::lock(&mut silent, &[story.order.id]).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    drop(silent);
    hung.begin().await.unwrap().commit().await.unwrap();
    hung.close().await;
    stage.strike().await;
}

#[tokio::test]
async fn the_relay_lease_has_one_holder_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let other = stage.another().await;
    let mut lease = stage.database.lease(LeaseName::RELAY).await.unwrap().expect("nobody holds it");
    assert!(lease.renew().await);
    assert!(other.lease(LeaseName::RELAY).await.unwrap().is_none());
    lease.release().await;

    let lease = async || {
        let wait = async {
            loop {
                if let Some(lease) = other.lease(LeaseName::RELAY).await.unwrap() {
                    return lease;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("the lease came free")
    };
    let mut second = lease().await;
    assert!(second.renew().await);
    // Whoever loses its connection loses the lease, and learns of it.
    let mut tx = stage.begin().await;
    let crate::store::tx::Conn::Postgres(session) = &mut tx.conn else { unreachable!() };
    sqlx::query(
        "SELECT pg_terminate_backend(pid)
         FROM pg_locks
         WHERE locktype = 'advisory'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .execute(&mut **session)
    .await
    .unwrap();
    drop(tx);
    assert!(!second.renew().await);
    let third = lease().await;
    // Dropping it gives it back, too.
    drop(third);
    drop(lease().await);
    other.close().await;
    stage.strike().await;
}
