//! The outbox, and the signals.

use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{EventId, EventType, OrderStatus},
    store::{
        Signal, Work, latest_events, orders,
        outbox::{self, OutboxMessage},
        tests::{
            Stage, fresh, on_both,
            samples::{Story, later, menu, noon, store_id},
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
        assert_eq!(rows[0].message.body, raw);
        let [first, second] = [&rows[0].message, &rows[1].message];
        assert_eq!(first.routing.event_type, EventType::OrderCreated.as_str());
        assert_eq!(second.routing.event_type, EventType::OrderStatusChanged.as_str());
        let routing = &second.routing;
        assert_eq!((routing.order_id, routing.subject_version), (Some(story.order.id), 2));
        assert_eq!((routing.store_id, second.created_at), (Some(store_id(1)), later(7)));
        let id = story.order.id.to_string();
        assert_eq!((&*routing.subject_type, &*routing.subject_id), ("order", &*id));
        assert_eq!((&*routing.partition_key, routing.customer_id.as_deref()), (&*id, Some("cus_1")));
        assert!(routing.traceparent.as_ref().is_some_and(|it| it.starts_with("00-4bf92f")));

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

    async fn an_event_about_anything_leaves_as_it_was_written(stage: &Stage) {
        let message = OutboxMessage {
            event_id: EventId::from_uuid(fresh()),
            routing: menu(3),
            body: Bytes::from_static(b"{}"),
            created_at: noon(),
        };
        let mut tx = stage.begin().await;
        latest_events::put(&mut tx, &[&message]).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = stage.read().await;
        let rows = outbox::peek(&mut tx, 0, 10).await.unwrap();
        assert_eq!(rows.iter().map(|it| &it.message).collect::<Vec<_>>(), [&message]);
        assert_eq!(rows[0].message.routing.routing_key(), "MenuPublished.-");
        assert_eq!(latest_events::since(&mut tx, noon()).await.unwrap(), [&b"{}"[..]]);
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
