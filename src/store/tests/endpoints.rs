//! The restaurant's own systems, and what they are told.

use bytes::Bytes;

use crate::{
    base::cursor::{Cursor, PageRequest},
    domain::{
        Actor, ActorKind, DeliveryId, EndpointFormat, EndpointId, EventId, EventType, OrderId,
        Routing, Version,
    },
    store::{
        Work,
        endpoints::{
            self, ClaimedDelivery, DeliveryFilter, DeliveryState, DisabledReason, Endpoint,
            NewAttempt, NewDelivery, NewEvent, Settled,
        },
        tests::{
            Stage, fresh, on_both,
            samples::{later, menu, noon, store_id},
        },
    },
};

pub fn endpoint() -> Endpoint {
    Endpoint {
        id: EndpointId::from_uuid(fresh()),
        url: "https://pos.example/hooks".to_owned(),
        description: Some("صندوق".to_owned()),
        event_types: vec![EventType::OrderCreated],
        stores: vec![store_id(1)],
        format: EndpointFormat::CloudEvents,
        version: "1.0".to_owned(),
        sealed: vec![1, 2, 3],
        former: None,
        disabled: None,
        failing_since: None,
        last_success_at: None,
        created_at: noon(),
        created_by: Actor::new(ActorKind::Staff, "hala"),
        updated_at: noon(),
    }
}

async fn registered(stage: &Stage) -> EndpointId {
    let it = endpoint();
    let mut tx = stage.begin().await;
    endpoints::insert(&mut tx, &it).await.unwrap();
    tx.commit().await.unwrap();
    it.id
}

/// Puts one event of an order down for each endpoint, at this second; answers the deliveries.
async fn put(
    stage: &Stage,
    to: &[EndpointId],
    order_id: OrderId,
    order_version: Version,
    seconds: i64,
) -> Vec<DeliveryId> {
    let event_id = EventId::from_uuid(fresh());
    let event =
        NewEvent { id: event_id, body: Bytes::from_static(b"{}"), created_at: later(seconds) };
    let routing = Routing {
        event_type: EventType::OrderCreated.as_str().into(),
        subject_type: "order".into(),
        subject_id: order_id.to_string().into(),
        subject_version: order_version,
        partition_key: order_id.to_string().into(),
        order_id: Some(order_id),
        store_id: Some(store_id(1)),
        customer_id: None,
        courier_id: None,
        traceparent: None,
    };
    let of = |endpoint_id: &EndpointId| NewDelivery {
        id: DeliveryId::from_uuid(fresh()),
        endpoint_id: *endpoint_id,
        event_id,
        routing: &routing,
        created_at: later(seconds),
    };
    let deliveries: Vec<_> = to.iter().map(of).collect();
    let mut tx = stage.begin().await;
    // Twice is once.
    let again: Vec<_> = to.iter().map(of).collect();
    for deliveries in [&deliveries, &again] {
        endpoints::put(&mut tx, std::slice::from_ref(&event), deliveries).await.unwrap();
    }
    tx.commit().await.unwrap();
    deliveries.iter().map(|it| it.id).collect()
}

/// What is claimed at that second, for another 30.
async fn claim(stage: &Stage, id: EndpointId, seconds: i64, limit: u32) -> Vec<ClaimedDelivery> {
    let mut tx = stage.begin().await;
    let (now, until) = (later(seconds), later(seconds + 30));
    let due = endpoints::claim(&mut tx, id, now, until, limit).await.unwrap();
    tx.commit().await.unwrap();
    due
}

fn ids(due: &[ClaimedDelivery]) -> Vec<DeliveryId> {
    due.iter().map(|it| it.id).collect()
}

async fn settle(stage: &Stage, due: &ClaimedDelivery, came_to: DeliveryState, next: Option<i64>) {
    let settled = Settled {
        claim: due.claim(),
        state: came_to,
        next_attempt_at: next.map(later),
        attempt: NewAttempt {
            id: fresh(),
            number: due.attempt,
            at: later(1),
            took_ms: 12,
            status: (came_to == DeliveryState::Delivered).then_some(204),
            answer: (came_to == DeliveryState::Delivered).then(|| "üß".to_owned()),
            error: (came_to != DeliveryState::Delivered).then(|| "timed out".to_owned()),
        },
    };
    let mut tx = stage.begin().await;
    endpoints::settle(&mut tx, &[settled], later(2)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn states(stage: &Stage, id: EndpointId) -> Vec<(Version, DeliveryState)> {
    let mut tx = stage.read().await;
    let filter = DeliveryFilter::default();
    let page = PageRequest::first(100);
    let mut all = endpoints::list_deliveries(&mut tx, id, &filter, page).await.unwrap().rows;
    all.sort_by_key(|it| it.subject_version);
    all.iter().map(|it| (it.subject_version, it.state)).collect()
}

fn order() -> OrderId {
    OrderId::from_uuid(fresh())
}

on_both! {
    async fn an_endpoint_is_kept_as_it_is(stage: &Stage) {
        let mut it = endpoint();
        let mut tx = stage.begin().await;
        endpoints::insert(&mut tx, &it).await.unwrap();
        assert_eq!(endpoints::get(&mut tx, it.id).await.unwrap(), Some(it.clone()));
        it.url = "https://pos.example/2".to_owned();
        it.description = None;
        it.event_types = Vec::new();
        it.stores = Vec::new();
        it.format = EndpointFormat::Standard;
        it.sealed = vec![4];
        it.former = Some((vec![1, 2, 3], later(60)));
        it.disabled = Some((later(1), DisabledReason::Gone));
        it.failing_since = Some(later(2));
        it.last_success_at = Some(later(3));
        it.updated_at = later(4);
        endpoints::update(&mut tx, &it).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = stage.begin().await;
        let locked = endpoints::lock(&mut tx, &[it.id, EndpointId::from_uuid(fresh())]).await.unwrap();
        assert_eq!(locked, [it.clone()]);
        assert_eq!(endpoints::list(&mut tx).await.unwrap(), [it.clone()]);
        assert_eq!(endpoints::count(&mut tx).await.unwrap(), 1);
        assert_eq!(endpoints::enabled(&mut tx).await.unwrap(), []);
        assert!(endpoints::remove(&mut tx, it.id).await.unwrap());
        assert!(!endpoints::remove(&mut tx, it.id).await.unwrap());
        assert_eq!(endpoints::get(&mut tx, it.id).await.unwrap(), None);
    }

    async fn what_is_due_is_known_for_each_endpoint_that_is_told_anything(stage: &Stage) {
        let (told, idle, disabled) =
            (registered(stage).await, registered(stage).await, registered(stage).await);
        let mut tx = stage.begin().await;
        let it = endpoints::get(&mut tx, disabled).await.unwrap().unwrap();
        let it = Endpoint { disabled: Some((noon(), DisabledReason::Asked)), ..it };
        endpoints::update(&mut tx, &it).await.unwrap();
        tx.commit().await.unwrap();
        put(stage, &[told, disabled], order(), 1, 5).await;
        put(stage, &[told], order(), 1, 3).await;
        let mut tx = stage.read().await;
        let due = endpoints::due(&mut tx).await.unwrap();
        let mut due: Vec<_> = due.into_iter().map(|(it, at)| (it.id, at)).collect();
        due.sort_by_key(|(_, at)| *at);
        assert_eq!(due, [(idle, None), (told, Some(later(3)))]);
        assert_eq!(endpoints::unsettled(&mut tx).await.unwrap(), 3);
    }

    async fn each_delivery_is_claimed_once_by_endpoint_and_in_order_by_order(stage: &Stage) {
        let (one, other) = (registered(stage).await, registered(stage).await);
        let (first, second) = (order(), order());
        let a = put(stage, &[one, other], first, 1, 0).await;
        let b = put(stage, &[one], first, 2, 0).await;
        let c = put(stage, &[one], second, 1, 1).await;
        assert_eq!(claim(stage, one, -1, 9).await, []);
        let due = claim(stage, one, 2, 9).await;
        let mut claimed = ids(&due);
        claimed.sort();
        assert_eq!(claimed, [a[0], c[0]], "the second of one order waits");
        assert_eq!(claim(stage, one, 2, 9).await, [], "they are taken");
        assert_eq!(ids(&claim(stage, other, 2, 9).await), [a[1]]);
        let first = due.iter().find(|it| it.id == a[0]).unwrap();
        assert_eq!((first.attempt, first.subject_version, first.created_at), (1, 1, noon()));
        settle(stage, first, DeliveryState::Delivered, None).await;
        assert_eq!(ids(&claim(stage, one, 2, 9).await), b);
        // Whoever took it has died: it is due again when its time is over.
        let again = claim(stage, one, 33, 9).await;
        assert_eq!(again.iter().find(|it| it.id == c[0]).unwrap().attempt, 2);
        let mut tx = stage.read().await;
        let wanted = [first.event_id, EventId::from_uuid(fresh())];
        let bodies = endpoints::bodies(&mut tx, &wanted).await.unwrap();
        assert_eq!((bodies.len(), &bodies[&first.event_id][..]), (1, &b"{}"[..]));
    }

    async fn deliveries_about_anything_keep_the_order_of_their_subject(stage: &Stage) {
        let id = registered(stage).await;
        let routings = [menu(1), menu(2)];
        let mut tx = stage.begin().await;
        for routing in &routings {
            let event_id = EventId::from_uuid(fresh());
            let body = Bytes::from_static(b"{}");
            let event = NewEvent { id: event_id, body, created_at: noon() };
            let delivery = NewDelivery {
                id: DeliveryId::from_uuid(fresh()),
                endpoint_id: id,
                event_id,
                routing,
                created_at: noon(),
            };
            endpoints::put(&mut tx, &[event], &[delivery]).await.unwrap();
        }
        tx.commit().await.unwrap();
        for version in [1, 2] {
            let due = claim(stage, id, 0, 9).await;
            assert_eq!(due.len(), 1, "the second waits for the first");
            assert_eq!(due[0].subject_version, version);
            settle(stage, &due[0], DeliveryState::Delivered, None).await;
        }
        let mut tx = stage.read().await;
        let filter = DeliveryFilter::default();
        let page = PageRequest::first(9);
        let all = endpoints::list_deliveries(&mut tx, id, &filter, page).await.unwrap().rows;
        let about = |it: &endpoints::Delivery| {
            (it.event_type == "MenuPublished", it.subject_type == "menu", it.order_id)
        };
        assert_eq!(all.iter().map(about).collect::<Vec<_>>(), [(true, true, None); 2]);
    }

    async fn what_waits_for_another_waits_as_long(stage: &Stage) {
        let id = registered(stage).await;
        let order = order();
        let a = put(stage, &[id], order, 1, 0).await;
        let b = put(stage, &[id], order, 2, 0).await;
        let due = claim(stage, id, 0, 9).await;
        settle(stage, &due[0], DeliveryState::Pending, Some(100)).await;
        let mut tx = stage.read().await;
        let second = endpoints::delivery(&mut tx, b[0]).await.unwrap().unwrap();
        assert_eq!((second.next_attempt_at, second.attempts), (Some(later(100)), 0));
        let first = endpoints::delivery(&mut tx, a[0]).await.unwrap().unwrap();
        assert_eq!((first.state, first.next_attempt_at), (DeliveryState::Pending, Some(later(100))));
        assert_eq!((first.status, first.note.as_deref()), (None, Some("timed out")));
        drop(tx);
        assert_eq!(ids(&claim(stage, id, 100, 9).await), a);
        // Enabled again, everything begins anew.
        let mut tx = stage.begin().await;
        endpoints::revive(&mut tx, id, later(101), 10).await.unwrap();
        tx.commit().await.unwrap();
        let due = claim(stage, id, 101, 9).await;
        assert_eq!((ids(&due), due[0].attempt), (a, 1));
    }

    async fn an_outcome_that_comes_too_late_changes_nothing(stage: &Stage) {
        let id = registered(stage).await;
        let delivery = put(stage, &[id], order(), 1, 0).await[0];
        let slow = claim(stage, id, 0, 9).await.remove(0);
        let quick = claim(stage, id, 40, 9).await.remove(0);
        settle(stage, &slow, DeliveryState::Failed, None).await;
        assert_eq!(states(stage, id).await, [(1, DeliveryState::Pending)]);
        settle(stage, &quick, DeliveryState::Delivered, None).await;
        settle(stage, &quick, DeliveryState::Failed, None).await;
        let mut tx = stage.read().await;
        let now = endpoints::delivery(&mut tx, delivery).await.unwrap().unwrap();
        assert_eq!((now.state, now.status), (DeliveryState::Delivered, Some(204)));
        assert_eq!((now.settled_at, now.next_attempt_at), (Some(later(2)), None));
        // All that was tried stands in the log.
        let attempts = endpoints::attempts(&mut tx, delivery).await.unwrap();
        assert_eq!(attempts.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2, 2]);
        let taken = attempts.iter().find(|it| it.status == Some(204)).unwrap();
        assert_eq!((taken.answer.as_deref(), taken.error.as_deref()), (Some("üß"), None));
        assert_eq!((attempts[0].status, attempts[0].answer.as_deref()), (None, None));
        assert_eq!(attempts[0].error.as_deref(), Some("timed out"));
    }

    async fn deliveries_are_found_by_what_is_known_of_them(stage: &Stage) {
        let (id, other) = (registered(stage).await, registered(stage).await);
        let known = order();
        put(stage, &[id, other], known, 1, 0).await;
        let b = put(stage, &[id], order(), 2, 10).await;
        let c = put(stage, &[id], order(), 3, 20).await;
        let due = claim(stage, id, 10, 9).await;
        let b_due = due.iter().find(|it| it.id == b[0]).unwrap();
        settle(stage, b_due, DeliveryState::Failed, None).await;
        let page_of = async |filter: DeliveryFilter, page| {
            let mut tx = stage.read().await;
            let all = endpoints::list_deliveries(&mut tx, id, &filter, page).await.unwrap();
            all.rows.iter().map(|it| it.subject_version).collect::<Vec<_>>()
        };
        let found = async |filter| page_of(filter, PageRequest::first(10)).await;
        let any = DeliveryFilter::default;
        assert_eq!(found(any()).await, [3, 2, 1]);
        assert_eq!(found(DeliveryFilter { id: Some(c[0]), ..any() }).await, [3]);
        assert_eq!(found(DeliveryFilter { state: Some(DeliveryState::Failed), ..any() }).await, [2]);
        assert_eq!(found(DeliveryFilter { order_id: Some(known), ..any() }).await, [1]);
        let kind = |it| DeliveryFilter { event_type: Some(it), ..any() };
        assert_eq!(found(kind(EventType::OrderCreated)).await.len(), 3);
        assert_eq!(found(kind(EventType::OrderEtaChanged)).await.len(), 0);
        assert_eq!(found(DeliveryFilter { from: Some(later(10)), ..any() }).await, [3, 2]);
        assert_eq!(found(DeliveryFilter { to: Some(later(10)), ..any() }).await, [1]);
        let after = Some(Cursor { at: later(20), id: c[0].uuid() });
        assert_eq!(page_of(any(), PageRequest { after, limit: 10 }).await, [2, 1]);
    }

    async fn only_what_is_settled_is_replayed_and_from_the_start(stage: &Stage) {
        let id = registered(stage).await;
        for version in 1..=3 {
            put(stage, &[id], order(), version, i64::from(version)).await;
        }
        for due in claim(stage, id, 10, 2).await {
            settle(stage, &due, DeliveryState::Failed, None).await;
        }
        let replay = async |limit| {
            let mut tx = stage.begin().await;
            let filter = DeliveryFilter::default();
            let count = endpoints::replay(&mut tx, id, &filter, later(50), limit).await.unwrap();
            tx.commit().await.unwrap();
            count
        };
        assert_eq!(replay(1).await, 1);
        let failed = DeliveryState::Failed;
        let pending = DeliveryState::Pending;
        assert_eq!(states(stage, id).await, [(1, pending), (2, failed), (3, pending)], "the oldest");
        assert_eq!(replay(9).await, 1);
        let due = claim(stage, id, 50, 9).await;
        assert_eq!((due.len(), due.iter().all(|it| it.attempt == 1)), (3, true));
    }

    async fn what_is_old_and_settled_or_for_nobody_is_thrown_away(stage: &Stage) {
        let (id, disabled, gone) =
            (registered(stage).await, registered(stage).await, registered(stage).await);
        let all = put(stage, &[id, disabled, gone], order(), 1, 0).await;
        put(stage, &[id], order(), 2, 0).await;
        put(stage, &[id], order(), 3, 100).await;
        let due = claim(stage, id, 100, 9).await;
        for version in [1, 3] {
            let due = due.iter().find(|it| it.subject_version == version).unwrap();
            settle(stage, due, DeliveryState::Delivered, None).await;
        }
        let mut tx = stage.begin().await;
        let it = endpoints::get(&mut tx, disabled).await.unwrap().unwrap();
        let it = Endpoint { disabled: Some((noon(), DisabledReason::Asked)), ..it };
        endpoints::update(&mut tx, &it).await.unwrap();
        endpoints::remove(&mut tx, gone).await.unwrap();
        assert_eq!(endpoints::purge(&mut tx, later(50), 2).await.unwrap(), 2);
        assert_eq!(endpoints::purge(&mut tx, later(50), 2).await.unwrap(), 1);
        assert_eq!(endpoints::purge(&mut tx, later(50), 2).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let left = [(2, DeliveryState::Pending), (3, DeliveryState::Delivered)];
        assert_eq!(states(stage, id).await, left);
        let mut tx = stage.read().await;
        for delivery in all {
            assert_eq!(endpoints::delivery(&mut tx, delivery).await.unwrap(), None);
            assert_eq!(endpoints::attempts(&mut tx, delivery).await.unwrap(), []);
        }
        let bodies = due.iter().map(|it| it.event_id).collect::<Vec<_>>();
        assert_eq!(endpoints::bodies(&mut tx, &bodies).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn who_waits_is_told_of_new_deliveries_in_other_processes_too() {
    let Some(stage) = Stage::postgres().await else { return };
    let other = stage.another().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let (carrying, carried) = (stop.clone(), other.clone());
    let mut signal = other.signal(Work::Deliveries);
    let carry = async { carried.carry_signals(carrying).await };
    let work = async {
        // What was committed before it listened wakes it once.
        signal.wait().await;
        let id = registered(&stage).await;
        let sending = tokio_util::sync::CancellationToken::new();
        let (database, told) = (stage.database.clone(), sending.clone());
        let send = async { database.carry_signals(told).await };
        let wait = async {
            put(&stage, &[id], order(), 1, 0).await;
            signal.wait().await;
            sending.cancel();
        };
        tokio::join!(send, wait);
        stop.cancel();
    };
    tokio::join!(carry, work);
    other.close().await;
    stage.strike().await;
}

on_both! {
    async fn an_unreadable_delivery_is_given_up_and_blocks_neither_its_lane_nor_others(stage: &Stage) {
        let endpoint = registered(stage).await;
        let (one, other) = (OrderId::from_uuid(fresh()), OrderId::from_uuid(fresh()));
        let bad = put(stage, &[endpoint], one, 1, 0).await;
        let behind = put(stage, &[endpoint], one, 2, 0).await;
        let good = put(stage, &[endpoint], other, 1, 0).await;
        let mut tx = stage.begin().await;
        crate::store::tx::on!(tx, |conn| sqlx::query(
            "UPDATE webhook_delivery SET subject_version = -1 WHERE id = $1"
        )
        .bind(bad[0].uuid())
        .execute(conn)
        .await
        .unwrap()
        .rows_affected());
        tx.commit().await.unwrap();
        assert_eq!(ids(&claim(stage, endpoint, 0, 9).await), good);
        assert_eq!(ids(&claim(stage, endpoint, 0, 9).await), behind);
        let mut tx = stage.read().await;
        let state: String = crate::store::tx::on!(tx, |conn| sqlx::query_scalar(
            "SELECT state FROM webhook_delivery WHERE id = $1"
        )
        .bind(bad[0].uuid())
        .fetch_one(conn)
        .await
        .unwrap());
        assert_eq!(state, "failed");
    }

    async fn an_unreadable_endpoint_does_not_hide_the_others(stage: &Stage) {
        let (bad, good) = (registered(stage).await, registered(stage).await);
        let mut tx = stage.begin().await;
        crate::store::tx::on!(tx, |conn| sqlx::query(
            r#"UPDATE webhook_endpoint SET event_types = '["Smoke"]' WHERE id = $1"#
        )
        .bind(bad.uuid())
        .execute(conn)
        .await
        .unwrap()
        .rows_affected());
        let enabled = endpoints::enabled(&mut tx).await.unwrap();
        assert_eq!(enabled.iter().map(|it| it.id).collect::<Vec<_>>(), [good]);
        let due = endpoints::due(&mut tx).await.unwrap();
        assert_eq!(due.iter().map(|(it, _)| it.id).collect::<Vec<_>>(), [good]);
    }
}

#[tokio::test]
async fn the_same_events_in_opposite_order_do_not_deadlock_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let endpoint_id = registered(&stage).await;
    let write = async |events: Vec<EventId>| {
        let routing = menu(1);
        let new = events.iter().map(|id| NewEvent {
            id: *id,
            body: Bytes::from_static(b"{}"),
            created_at: noon(),
        });
        let deliveries = events.iter().map(|id| NewDelivery {
            id: DeliveryId::from_uuid(fresh()),
            endpoint_id,
            event_id: *id,
            routing: &routing,
            created_at: noon(),
        });
        let (new, deliveries) = (new.collect::<Vec<_>>(), deliveries.collect::<Vec<_>>());
        let mut tx = stage.begin().await;
        endpoints::put(&mut tx, &new, &deliveries).await.unwrap();
        tx.commit().await.unwrap();
    };
    for _ in 0..20 {
        let forward: Vec<_> = (0..300).map(|_| EventId::from_uuid(fresh())).collect();
        let backward = forward.iter().rev().copied().collect();
        tokio::join!(write(forward), write(backward));
    }
    stage.strike().await;
}
