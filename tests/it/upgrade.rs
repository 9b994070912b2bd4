//! Upgrades: a database of every earlier schema, with data in all of its tables, is brought up to date by the server's start.
//!
//! `tests/fixtures/migrations/NNNN_name.json` holds the rows of the tables that this migration made, as a release of that time wrote
//! them: by table, as JSON. Ids and moments are text; bytes are text, or hexadecimal digits after `\x`. A migration that makes a
//! table needs such a file, and the first test says so.

use std::{collections::BTreeMap, sync::Arc};

use orderwire::base::clock::Clock;
use serde_json::json;

use crate::harness::{app::TestApp, database::Raw, services::Isolated, wait::eventually};

/// A moment after everything in the fixtures, before any of it is old enough to be purged.
const NOW: &str = "2026-11-30T22:00:00Z";

/// The orders of the fixtures: one in the kitchen, one cancelled.
const PREPARING: &str = "ord_01a22e6963037bd5956cdc59578abd77";
const CANCELLED: &str = "ord_01a22e69632173dd8435adb583a9683f";

/// A database at this level of the schema, with the rows of all levels up to it, and how many rows each table has.
async fn database_at(level: i64) -> (Arc<Isolated>, BTreeMap<String, usize>) {
    let isolated = Arc::new(Isolated::new().await);
    let mut raw = Raw::open(&isolated).await;
    let migrator = raw.migrator().await;
    for migration in migrator.iter().filter(|migration| migration.version <= level) {
        raw.migrate(&migrator, migration.version).await;
        raw.fill(migration).await;
    }
    let counts = counts(&mut raw).await;
    raw.close().await;
    (isolated, counts)
}

async fn counts(raw: &mut Raw) -> BTreeMap<String, usize> {
    let contents = raw.contents().await;
    contents.into_iter().map(|(table, rows)| (table, rows.len())).collect()
}

async fn newest_level() -> i64 {
    let isolated = Isolated::embedded();
    let migrator = Raw::open(&isolated).await.migrator().await;
    migrator.iter().map(|migration| migration.version).max().unwrap()
}

#[tokio::test]
async fn every_table_has_rows_in_the_fixtures() {
    let (_isolated, counts) = database_at(newest_level().await).await;
    let empty: Vec<_> =
        counts.iter().filter(|(_, rows)| **rows == 0).map(|(table, _)| table).collect();
    assert!(
        empty.is_empty(),
        "tests/fixtures/migrations/NNNN_name.json of the migration that made them lacks rows of {empty:?}"
    );
}

#[tokio::test]
async fn a_database_with_data_of_every_level_is_upgraded_and_can_be_read() {
    for level in 1..=newest_level().await {
        eprintln!("from level {level}");
        upgrade_from(level).await;
    }
}

async fn upgrade_from(level: i64) {
    let (isolated, before) = database_at(level).await;
    let clock = Clock::frozen(NOW.parse().unwrap());
    let app = TestApp::on(Arc::clone(&isolated), clock, |_| {}).await;
    read_orders(&app).await;
    read_since(&app, level).await;
    // An event that an older release has left in the outbox is published.
    eventually(async || match app.metric("orderwire_outbox_rows", &[]).await {
        Some(0.0) => Ok(()),
        rows => Err(rows),
    })
    .await;
    // What is there can be gone on with, and what is new works.
    assert_eq!(app.step(PREPARING, &["ready"]).await["version"], 4);
    let store = app.store().await;
    app.place(&store).await;
    app.shut_down().await;
    let mut raw = Raw::open(&isolated).await;
    let after = counts(&mut raw).await;
    raw.close().await;
    // Events have left it, and it has another name since level 13.
    let is_kept = |table: &str| !["outbox", "event_outbox"].contains(&table);
    for (table, rows) in before.iter().filter(|(table, _)| is_kept(table)) {
        assert!(
            after[table] >= *rows,
            "level {level}: {table} had {rows} rows and has {}",
            after[table]
        );
    }
}

async fn read_orders(app: &TestApp) {
    for (order, status, version) in [(PREPARING, "preparing", 3), (CANCELLED, "cancelled", 2)] {
        let read = app.order(order).await;
        assert_eq!((&read["status"], &read["version"]), (&json!(status), &json!(version)));
        assert_eq!(read["customer"]["name"], "Sara Haddad", "{read}");
        let path = format!("/v1/orders/{order}/history");
        let history = app.get(&path, &app.service()).await.expect(200);
        assert_eq!(history["events"].as_array().unwrap().len(), version, "{history}");
    }
    assert_eq!(listed(app, "/v1/orders", "orders").await, 2);
}

/// What tables that are younger than the first level hold.
async fn read_since(app: &TestApp, level: i64) {
    let lists = [
        (3, "/v1/webhooks/inbox?partner=careem", "calls", 3),
        (5, "/v1/mappings?partner=careem", "mappings", 2),
        (6, "/v1/stores", "stores", 1),
        (9, "/v1/partners/calls?partner=careem", "calls", 1),
        (9, "/v1/partners/audit?partner=careem", "requests", 1),
        (10, "/v1/partners/careem/credentials", "credentials", 1),
        (11, "/v1/endpoints", "endpoints", 2),
        (11, "/v1/endpoints/ep_01a22e6962c87129806bc4958bc8940a/deliveries", "deliveries", 5),
        (12, "/v1/notifications", "notifications", 1),
        (12, "/v1/contacts/+962790000001", "consents", 2),
    ];
    for (since, path, name, rows) in lists {
        if since <= level {
            assert_eq!(listed(app, path, name).await, rows, "{path} at level {level}");
        }
    }
}

async fn listed(app: &TestApp, path: &str, name: &str) -> usize {
    let page = app.get(path, &app.service()).await.expect(200);
    page[name].as_array().unwrap_or_else(|| panic!("{path}: {page}")).len()
}
