//! The step that gave events their subjects: on data of the step before it, and beside nodes of the release before it.

use std::{fs, path::Path};

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use crate::store::tests::{Stage, postgres_url};

/// The name of the step.
const STEP: &str = "0013_event_subject.sql";

/// What the release before writes: `$` stands for an id, in the dialect's words, `@` for a body, `#` for a moment.
const OLD_OUTBOX: &str =
    "INSERT INTO outbox (event_id, order_id, version, store_id, event_type, body, created_at)
    VALUES ($, $, 3, $, 'OrderCreated', @, #)";
const OLD_DELIVERY: &str = "INSERT INTO webhook_delivery (
        id, endpoint_id, event_id, event_type, order_id, order_version, state, created_at, next_attempt_at
    )
    VALUES ($, $, $, 'OrderCreated', $, 3, 'pending', #, #)";

const ORDER: &str = "ord_0191b3c4d5e67f8091a2b3c4d5e6f708";
const HEX: &str = "0191b3c4d5e67f8091a2b3c4d5e6f708";
const HEX_OF_ANOTHER: &str = "0191b3c4d5e67f8091a2b3c4d5e6f709";

const FILLED: &str = "SELECT subject_type, subject_id, subject_version, partition_key";

/// The steps before this one, or this one alone.
fn steps(dialect: &str, before: bool) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let wanted = files.into_iter().filter(|it| {
        let name = it.file_name().unwrap().to_str().unwrap();
        if before { name < STEP } else { name == STEP }
    });
    wanted.map(|it| fs::read_to_string(it).unwrap()).collect()
}

fn sqlite(statement: &str, hex: &str) -> AssertSqlSafe<String> {
    let statement = statement.replace('$', &format!("x'{hex}'"));
    AssertSqlSafe(statement.replace('@', "x'7b7d'").replace('#', "1000000"))
}

fn postgres(statement: &str, hex: &str) -> AssertSqlSafe<String> {
    let statement = statement.replace('$', &format!("'{hex}'::uuid"));
    AssertSqlSafe(statement.replace('@', r"'\x7b7d'").replace('#', "now()"))
}

#[tokio::test]
async fn data_of_the_step_before_is_filled_in_on_sqlite() {
    let mut session = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(steps("sqlite", true))).execute(&mut session).await.unwrap();
    for old in [OLD_OUTBOX, OLD_DELIVERY] {
        sqlx::raw_sql(sqlite(old, HEX)).execute(&mut session).await.unwrap();
    }
    sqlx::raw_sql(AssertSqlSafe(steps("sqlite", false))).execute(&mut session).await.unwrap();
    for table in ["event_outbox", "webhook_delivery"] {
        let query = AssertSqlSafe(format!("{FILLED} FROM {table}"));
        let rows = sqlx::query(query).fetch_all(&mut session).await.unwrap();
        assert_eq!(rows.len(), 1, "{table}");
        assert_eq!(rows[0].get::<String, _>(0), "order");
        assert_eq!(rows[0].get::<String, _>(1), ORDER);
        assert_eq!(rows[0].get::<i64, _>(2), 3);
        assert_eq!(rows[0].get::<String, _>(3), ORDER);
    }
    // The numbers of the outbox go on.
    sqlx::raw_sql("DELETE FROM event_outbox").execute(&mut session).await.unwrap();
    let next = "SELECT seq FROM sqlite_sequence WHERE name = 'event_outbox'";
    assert_eq!(sqlx::query_scalar::<_, i64>(next).fetch_one(&mut session).await.unwrap(), 1);
}

#[tokio::test]
async fn data_of_the_step_before_is_filled_in_on_postgres_and_nodes_of_that_release_go_on() {
    let Some(stage) = Stage::postgres().await else { return };
    let url = postgres_url().unwrap();
    let (base, _) = url.rsplit_once('/').unwrap();
    let (_, name) = stage.postgres.clone().unwrap();
    let mut session = PgConnection::connect(&format!("{base}/{name}")).await.unwrap();
    // A schema of its own, as empty as a fresh database.
    let begin = "CREATE SCHEMA former; SET search_path = former";
    sqlx::raw_sql(begin).execute(&mut session).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(steps("postgres", true))).execute(&mut session).await.unwrap();
    for old in [OLD_OUTBOX, OLD_DELIVERY] {
        sqlx::raw_sql(postgres(old, HEX)).execute(&mut session).await.unwrap();
    }
    sqlx::raw_sql(AssertSqlSafe(steps("postgres", false))).execute(&mut session).await.unwrap();
    // The release before writes on, as it knows the tables.
    for old in [OLD_OUTBOX, OLD_DELIVERY] {
        sqlx::raw_sql(postgres(old, HEX_OF_ANOTHER)).execute(&mut session).await.unwrap();
    }
    for table in ["event_outbox", "webhook_delivery"] {
        let query = AssertSqlSafe(format!("{FILLED} FROM {table} ORDER BY subject_id"));
        let rows = sqlx::query(query).fetch_all(&mut session).await.unwrap();
        assert_eq!(rows.len(), 2, "{table}");
        for (row, hex) in rows.iter().zip([HEX, HEX_OF_ANOTHER]) {
            let id = format!("ord_{hex}");
            assert_eq!(row.get::<String, _>(0), "order");
            assert_eq!(row.get::<String, _>(1), id);
            assert_eq!(row.get::<i64, _>(2), 3);
            assert_eq!(row.get::<String, _>(3), id);
        }
    }
    // And its relay reads and removes what it knows, and only that.
    let other = "INSERT INTO event_outbox (
            event_id, subject_version, event_type, body, created_at, subject_type, subject_id, partition_key
        )
        VALUES ($, 1, 'MenuPublished', @, #, 'menu', 'menu_7', 'menu_7')";
    sqlx::raw_sql(postgres(other, HEX)).execute(&mut session).await.unwrap();
    let peek = "SELECT seq, event_id, order_id, version, store_id, event_type, body, created_at
         FROM outbox
         ORDER BY seq";
    let rows = sqlx::query(peek).fetch_all(&mut session).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|it| it.get::<i64, _>("version") == 3));
    let seqs: Vec<i64> = rows.iter().map(|it| it.get("seq")).collect();
    sqlx::query("DELETE FROM outbox WHERE seq IN (SELECT * FROM UNNEST($1::bigint[]))")
        .bind(seqs)
        .execute(&mut session)
        .await
        .unwrap();
    let left = "SELECT event_type FROM event_outbox";
    let left: Vec<String> = sqlx::query_scalar(left).fetch_all(&mut session).await.unwrap();
    assert_eq!(left, ["MenuPublished"]);
    session.close().await.unwrap();
    stage.strike().await;
}
