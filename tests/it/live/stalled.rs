//! The feed is well, but nobody publishes: the relay that has the lease is stuck.

use std::sync::Arc;

use orderwire::{base::clock::Clock, config::Span};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::{
    harness::{
        app::TestApp,
        client::id,
        services::{Isolated, Stack},
        wait::eventually,
    },
    live::until_in_touch,
};

/// The relay's lease among PostgreSQL's advisory locks.
const LEASE: i64 = i64::from_be_bytes(*b"orderwir");

#[tokio::test]
async fn screens_are_told_when_nobody_publishes_and_get_everything_once_somebody_does() {
    let Some((app, stuck, store)) = stuck_app().await else { return };
    // A node that is still starting is behind since its start, which is before the order.
    until_in_touch(&app).await;
    let order = app.place(&store).await;
    let mut screen = app.screen(&app.staff(&store), "kitchen").await;
    screen.subscribe(&format!("store:{store}"), None).await;

    app.change(id(&order), &json!({"status": "accepted"})).await;
    screen.until(|it| it["type"] == "behind" && it["since"] == order["placedAt"]).await;
    stuck.close().await.unwrap();
    screen.until(|it| it["type"] == "caught_up").await;
    assert_eq!(screen.versions(id(&order)).last(), Some(&2));
    screen.assert_no_gap();
    app.shut_down().await;
}

/// A server on which the event of its store has left, and from then on no event leaves as long as the connection is open.
async fn stuck_app() -> Option<(TestApp, PgConnection, String)> {
    if Stack::chosen() == Stack::Embedded {
        // There is no other process that could hold the lease.
        return None;
    }
    let isolated = Arc::new(Isolated::new().await);
    let url = isolated.real.as_ref().unwrap().database_url.clone();
    let mut stuck = PgConnection::connect(&url).await.unwrap();
    let app = TestApp::on(isolated, Clock::System, |_| {}).await;
    let store = app.store().await;
    eventually(async || {
        let waiting = "SELECT count(*) FROM event_outbox";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut stuck).await.unwrap();
        if waiting == 0 { Ok(()) } else { Err(waiting) }
    })
    .await;
    let isolated = app.shut_down().await;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LEASE).execute(&mut stuck).await.unwrap();
    let patience = Span::millis(300);
    let app = TestApp::on(isolated, Clock::System, |it| it.live.behind_after = patience).await;
    Some((app, stuck, store))
}

#[tokio::test]
async fn a_stores_event_that_never_came_is_healed() {
    let Some((app, mut stuck, store)) = stuck_app().await else { return };
    let mut screen = app.screen(&app.staff(&store), "kitchen").await;
    screen.subscribe(&format!("store:{store}"), None).await;
    let path = format!("/v1/stores/{store}");
    let change = json!({"prepMinutes": 25});
    let changed = app.patch(&path, &app.service(), &change).await.expect(200);
    screen.until(|it| it["type"] == "behind").await;
    // As if it had been published and lost.
    let lost = "DELETE FROM event_outbox WHERE subject_type = 'store'";
    assert_eq!(sqlx::query(lost).execute(&mut stuck).await.unwrap().rows_affected(), 1);
    let event = screen.until(|it| it["event"]["eventType"] == "StoreUpdated").await;
    assert_eq!(event["event"]["data"]["store"], changed);
    screen.until(|it| it["type"] == "caught_up").await;
    stuck.close().await.unwrap();
    app.shut_down().await;
}
