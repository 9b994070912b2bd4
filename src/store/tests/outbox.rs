//! The outbox, and the signals.

use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{EventType, OrderStatus},
    store::{
        Signal, Work, orders, outbox,
        tests::{
            Stage, on_both,
            samples::{Story, later, noon, store_id},
        },
    },
};

const SOON: Duration = Duration::from_secs(20);

async fn fires(signal: &mut Signal) {
    tokio::time::timeout(SOON, signal.wait()).await.expect("the signal came");
}

/// Whether it has fired already.
async fn has_fired(signal: &mut Signal) -> bool {
    tokio::time::timeout(Duration::ZERO, signal.wait()).await.is_ok()
}

on_both! {
    async fn events_leave_in_order_and_byte_for_byte(stage: &Stage) {
        let mut story = Story::placed(0);
        let raw = Bytes::from((0..=255).collect::<Vec<u8>>());
        let mut append = story.append();
        append.messages[0].body = raw.clone();
        let mut tx = stage.begin().await;
        orders::append(&mut tx, append).await.unwrap();
        story.news.clear();
        story.move_to(OrderStatus::Accepted, later(7));
        story.store(&mut tx).await;
        tx.commit().await.unwrap();

        let mut tx = stage.begin().await;
        let backlog = outbox::backlog(&mut tx, 0).await.unwrap();
        assert_eq!((backlog.rows, backlog.oldest), (2, Some(noon())));
        let rows = outbox::peek(&mut tx, 0, 10).await.unwrap();
        assert_eq!(outbox::peek(&mut tx, 0, 1).await.unwrap(), rows[..1]);
        assert_eq!(rows[0].body, raw);
        assert_eq!(rows[0].event_type, EventType::OrderCreated);
        assert_eq!(rows[1].event_type, EventType::OrderStatusChanged);
        assert_eq!((rows[1].order_id, rows[1].version), (story.order.id, 2));
        assert_eq!((rows[1].store_id, rows[1].created_at), (store_id(1), later(7)));

        outbox::remove(&mut tx, &[rows[0].seq]).await.unwrap();
        outbox::remove(&mut tx, &[]).await.unwrap();
        assert_eq!(outbox::peek(&mut tx, 0, 10).await.unwrap(), rows[1..]);
        outbox::remove(&mut tx, &[rows[1].seq]).await.unwrap();
        let backlog = outbox::backlog(&mut tx, 0).await.unwrap();
        assert_eq!((backlog.rows, backlog.oldest), (0, None));

        // Numbers are never used twice, not even after the queue was empty.
        Story::placed(9).store(&mut tx).await;
        assert!(rows[1].seq < outbox::peek(&mut tx, 0, 1).await.unwrap()[0].seq);
    }

    async fn a_commit_wakes_the_relay_and_nothing_else_does(stage: &Stage) {
        let mut signal = stage.database.signal(Work::Outbox);
        let mut inbox = stage.database.signal(Work::Inbox);
        let mut tx = stage.begin().await;
        Story::placed(0).store(&mut tx).await;
        drop(tx);
        assert!(!has_fired(&mut signal).await, "nothing was committed");
        let mut tx = stage.begin().await;
        Story::placed(0).store(&mut tx).await;
        assert!(!has_fired(&mut signal).await, "nothing is committed yet");
        tx.commit().await.unwrap();
        fires(&mut signal).await;
        assert!(!has_fired(&mut signal).await, "once is enough");
        assert!(!has_fired(&mut inbox).await, "the inbox is another matter");
        let tx = stage.begin().await;
        tx.commit().await.unwrap();
        assert!(!has_fired(&mut signal).await, "nothing was appended");
    }
}

#[tokio::test]
async fn another_process_wakes_the_relay_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let other = stage.another().await;
    let stop = CancellationToken::new();
    let mut signal = stage.database.signal(Work::Outbox);
    let play = async {
        // The carrier fires once when it has begun to listen.
        fires(&mut signal).await;
        for _ in 0..3 {
            let mut tx = other.begin().await.unwrap();
            Story::placed(0).store(&mut tx).await;
            tx.commit().await.unwrap();
            fires(&mut signal).await;
        }
        // A carrier whose connection is cut makes another one and says that something may have been missed.
        let mut tx = stage.begin().await;
        let crate::store::tx::Conn::Postgres(session) = &mut tx.conn else { unreachable!() };
        sqlx::query(
            "SELECT pg_terminate_backend(pid)
             FROM pg_stat_activity
             WHERE datname = current_database()
               AND query LIKE 'LISTEN%' OR query LIKE '%pg_backend_pid()'",
        )
        .execute(&mut **session)
        .await
        .unwrap();
        drop(tx);
        fires(&mut signal).await;
        let mut tx = other.begin().await.unwrap();
        Story::placed(0).store(&mut tx).await;
        tx.commit().await.unwrap();
        fires(&mut signal).await;
        stop.cancel();
    };
    tokio::join!(
        play,
        stage.database.carry_signals(stop.clone()),
        other.carry_signals(stop.clone()),
    );
    other.close().await;
    stage.strike().await;
}

#[tokio::test]
async fn sqlite_carries_no_signals() {
    let stage = Stage::sqlite().await;
    stage.database.carry_signals(CancellationToken::new()).await;
    stage.strike().await;
}
