//! Stores, timings, dead letters.

use std::slice;

use bytes::Bytes;
use jiff::{Timestamp, civil::date};

use crate::{
    base::cursor::{Cursor, PageRequest},
    domain::{Envelope, EventData, Order, OrderId, OrderStatus, Store},
    store::{
        StoreError, Tx,
        dead_letters::{self, DeadLetter},
        latest_events, outbox, stores,
        tests::{
            Stage, fresh, on_both,
            samples::{branch, later, noon, store_id, store_updated},
        },
        timings::{self, DayStats, Timing},
    },
};

fn timing(store: u128) -> Timing {
    Timing {
        order_id: OrderId::from_uuid(fresh()),
        store_id: store_id(store),
        day: date(2026, 11, 22),
        placed_at: Some(noon()),
        accepted_at: None,
        ready_at: None,
        ended_at: None,
        outcome: None,
    }
}

async fn insert(tx: &mut Tx, store: &Store, at: Timestamp) -> Result<(), StoreError> {
    stores::insert(tx, store, &store_updated(store, at), at).await
}

on_both! {
    async fn stores_are_kept(stage: &Stage) {
        let mut tx = stage.begin().await;
        insert(&mut tx, &branch(2), noon()).await.unwrap();
        insert(&mut tx, &branch(1), later(1)).await.unwrap();
        assert_eq!(stores::get(&mut tx, store_id(1)).await.unwrap(), Some(branch(1)));
        assert_eq!(stores::get(&mut tx, store_id(3)).await.unwrap(), None);
        assert_eq!(stores::list(&mut tx).await.unwrap(), [branch(2), branch(1)]);
        let refused = insert(&mut tx, &branch(1), noon()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }

    async fn a_changed_store_raises_its_version_and_its_newest_event_is_kept(stage: &Stage) {
        let mut tx = stage.begin().await;
        insert(&mut tx, &branch(1), noon()).await.unwrap();
        insert(&mut tx, &branch(2), noon()).await.unwrap();
        let changed = Store { version: 2, prep_minutes: 45, ..branch(1) };
        let message = store_updated(&changed, later(60));
        stores::update(&mut tx, &changed, &message).await.unwrap();
        assert_eq!(stores::get(&mut tx, store_id(1)).await.unwrap(), Some(changed.clone()));
        assert_eq!(stores::lock(&mut tx, store_id(1)).await.unwrap(), Some(changed.clone()));
        // All of them leave by the outbox.
        let rows = outbox::peek(&mut tx, 0, 10).await.unwrap();
        let left: Vec<_> = rows.iter().map(|it| &it.message.routing).collect();
        let left: Vec<_> =
            left.iter().map(|it| (&*it.subject_type, &*it.subject_id, it.subject_version)).collect();
        let (first, second) = (store_id(1).to_string(), store_id(2).to_string());
        assert_eq!(left, [("store", &*first, 1), ("store", &second, 1), ("store", &first, 2)]);
        assert!(rows.iter().all(|it| it.message.routing.order_id.is_none()));
        // Of each the newest is found again, as it was published.
        let events = latest_events::since(&mut tx, noon()).await.unwrap();
        assert_eq!(events.last(), Some(&message.body));
        assert_eq!(events.len(), 2);
        assert_eq!(latest_events::since(&mut tx, later(1)).await.unwrap(), [&*message.body]);
        let event: Envelope<Order> = Envelope::read(&events[1]).unwrap();
        assert_eq!(event.data, EventData::StoreUpdated { store: Box::new(changed.clone()) });
        // Whoever has not seen the last change is told.
        let refused = stores::update(&mut tx, &changed, &message).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }

    async fn numbers_go_round(stage: &Stage) {
        let mut tx = stage.begin().await;
        insert(&mut tx, &branch(1), noon()).await.unwrap();
        insert(&mut tx, &branch(2), noon()).await.unwrap();
        for expected in (1..=999).chain([1, 2]) {
            assert_eq!(stores::next_number(&mut tx, store_id(1)).await.unwrap(), expected);
        }
        assert_eq!(stores::next_number(&mut tx, store_id(2)).await.unwrap(), 1);
        let refused = stores::next_number(&mut tx, store_id(3)).await;
        assert!(matches!(refused, Err(StoreError::Inconsistent(_))), "{refused:?}");
    }

    async fn a_day_is_summed_up(stage: &Stage) {
        let mut tx = stage.begin().await;
        let day = date(2026, 11, 22);
        assert_eq!(timings::day(&mut tx, store_id(1), day).await.unwrap(), DayStats::default());
        for (accepted, ready) in [(30, 330), (10, 700), (90, 400)] {
            let mut way = timing(1);
            timings::note(&mut tx, slice::from_ref(&way)).await.unwrap();
            way.accepted_at = Some(later(accepted));
            timings::note(&mut tx, slice::from_ref(&way)).await.unwrap();
            way.accepted_at = Some(later(5000));
            way.ready_at = Some(later(ready));
            timings::note(&mut tx, slice::from_ref(&way)).await.unwrap();
        }
        let mut cancelled = timing(1);
        cancelled.ended_at = Some(later(60));
        cancelled.outcome = Some(OrderStatus::Cancelled);
        timings::note(&mut tx, slice::from_ref(&cancelled)).await.unwrap();
        cancelled.outcome = Some(OrderStatus::Delivered);
        timings::note(&mut tx, slice::from_ref(&cancelled)).await.unwrap();
        let mut delivered = timing(1);
        delivered.placed_at = None;
        delivered.ended_at = Some(later(60));
        delivered.outcome = Some(OrderStatus::Delivered);
        timings::note(&mut tx, slice::from_ref(&delivered)).await.unwrap();
        timings::note(&mut tx, &[timing(2)]).await.unwrap();
        let yesterday = Timing { day: date(2026, 11, 21), ..timing(1) };
        timings::note(&mut tx, slice::from_ref(&yesterday)).await.unwrap();

        let stats = timings::day(&mut tx, store_id(1), day).await.unwrap();
        let expected = DayStats {
            orders: 5,
            ended: 2,
            unhappy: 1,
            median_seconds_to_accept: Some(30),
            median_seconds_to_ready: Some(310),
        };
        assert_eq!(stats, expected);
    }

    async fn dead_letters_are_listed_newest_first(stage: &Stage) {
        let letter = |seconds, body: &'static [u8]| DeadLetter {
            id: fresh(),
            queue: "orderwire.whatsapp".to_owned(),
            body: Bytes::from_static(body),
            error: "no such template".to_owned(),
            died_at: later(seconds),
        };
        let (old, new) = (letter(0, b"\0\xff"), letter(1, b""));
        let mut tx = stage.begin().await;
        for it in [&old, &new, &old] {
            dead_letters::put(&mut tx, it).await.unwrap();
        }
        let after = Some(Cursor { at: new.died_at, id: new.id });
        let page = dead_letters::list(&mut tx, PageRequest { after, limit: 10 }).await.unwrap();
        assert_eq!((page.rows.as_slice(), page.next), (slice::from_ref(&old), None));
        let page = dead_letters::list(&mut tx, PageRequest::first(1)).await.unwrap();
        assert_eq!((page.rows.as_slice(), page.next), (slice::from_ref(&new), after));
        let page = dead_letters::list(&mut tx, PageRequest::first(10)).await.unwrap();
        assert_eq!(page.rows, [new, old]);
    }
}

#[tokio::test]
async fn the_same_orders_in_opposite_order_do_not_deadlock_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let mut tx = stage.begin().await;
    insert(&mut tx, &branch(1), noon()).await.unwrap();
    tx.commit().await.unwrap();
    let write = async |timings: Vec<Timing>| {
        let mut tx = stage.begin().await;
        timings::note(&mut tx, &timings).await.unwrap();
        tx.commit().await.unwrap();
    };
    for _ in 0..20 {
        let forward: Vec<_> = (0..300).map(|_| timing(1)).collect();
        let backward = forward.iter().rev().cloned().collect();
        tokio::join!(write(forward), write(backward));
    }
    stage.strike().await;
}
