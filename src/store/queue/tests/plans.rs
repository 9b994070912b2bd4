//! A claim reads as many rows as it claims, not the backlog.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool};

use crate::store::{
    database::Pools,
    inbox,
    tests::{Stage, samples::noon},
};

/// Calls that wait. With few the planner rightly reads the whole table.
const BACKLOG: u32 = 5_000;

/// Nothing has analysed the table yet, as in the first minute of a rush.
#[tokio::test]
async fn a_claim_from_a_backlog_goes_by_the_index_of_due_times() {
    let Some(stage) = Stage::postgres().await else { return };
    let database = stage.another().await;
    let Pools::Postgres(postgres) = &database.pools else { unreachable!() };
    let fill = format!(
        "INSERT INTO inbox (id, partner, body_hash, headers, body, received_at, state, next_attempt_at)
         SELECT gen_random_uuid(), 'careem', sha256(n::text::bytea), '{{}}', repeat('x', 1500)::bytea, '2020-01-01', 'pending', '2020-01-01'
         FROM generate_series(1, {BACKLOG}) AS n"
    );
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(&postgres.pool).await.unwrap();
    let before = indexes_read(&postgres.pool).await;
    let mut tx = stage.begin().await;
    let claimed = inbox::claim(&mut tx, noon(), 64).await.unwrap();
    assert_eq!(claimed.len(), 64);
    tx.commit().await.unwrap();
    // PostgreSQL counts with a delay.
    let counted = async {
        while indexes_read(&postgres.pool).await == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), counted).await.expect("no index was read");
    assert_eq!(indexes_read(&postgres.pool).await, [("inbox_due".to_owned(), 1)]);
    database.close().await;
    stage.strike().await;
}

async fn indexes_read(pool: &PgPool) -> Vec<(String, i64)> {
    let sql = "SELECT indexrelname::text, idx_scan
        FROM pg_stat_user_indexes
        WHERE relname = 'inbox'
          AND idx_scan > 0
        ORDER BY 1";
    sqlx::query_as(sql).fetch_all(pool).await.unwrap()
}
