//! Partners' calls.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    base::{
        cursor::{Cursor, PageRequest},
        mac::sha256,
    },
    domain::{InboxId, OrderId},
    store::{
        Claim, Work,
        inbox::{self, Call, CallState, Counts, InboxEntry, InboxFilter, NewCall, Settled},
        tests::{
            Stage, fresh, on_both,
            samples::{later, noon},
        },
        tx::on,
    },
};

fn call(partner: &str, event_id: Option<&str>, body: &[u8], seconds: i64) -> NewCall {
    NewCall {
        id: InboxId::from_uuid(fresh()),
        partner: partner.to_owned(),
        event_id: event_id.map(str::to_owned),
        body_hash: sha256(body),
        headers: BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]),
        body: Bytes::copy_from_slice(body),
        received_at: later(seconds),
    }
}

fn settled(call: &NewCall, state: CallState) -> Settled {
    Settled {
        claim: Claim { id: call.id.uuid(), number: 0 },
        state,
        outcome: None,
        order_id: None,
        external_id: None,
        note: None,
        retry_at: None,
    }
}

async fn store(stage: &Stage, calls: &[NewCall]) -> Vec<Option<InboxId>> {
    let mut tx = stage.begin().await;
    let stored = inbox::put(&mut tx, calls).await.unwrap();
    tx.commit().await.unwrap();
    stored
}

/// Settles calls under the claims that stand.
async fn settle(stage: &Stage, calls: &[Settled]) {
    let mut tx = stage.begin().await;
    let mut standing = Vec::new();
    for call in calls {
        let id = InboxId::from_uuid(call.claim.id);
        let claim = inbox::load(&mut tx, id).await.unwrap().unwrap().claim();
        standing.push(Settled { claim, ..call.clone() });
    }
    inbox::settle(&mut tx, &standing, later(100)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn entry(stage: &Stage, id: InboxId) -> InboxEntry {
    let mut tx = stage.read().await;
    let all = inbox::list(&mut tx, &InboxFilter::default(), PageRequest::first(100)).await.unwrap();
    all.rows.into_iter().find(|it| it.id == id).unwrap()
}

async fn due(stage: &Stage, seconds: i64) -> Vec<InboxId> {
    let mut tx = stage.begin().await;
    let calls = inbox::claim(&mut tx, later(seconds), 100).await.unwrap();
    // Dropped instead, it would be rolled back some time later, and its calls skipped until then.
    tx.commit().await.unwrap();
    calls.into_iter().map(|it| it.id).collect()
}

on_both! {
    async fn a_call_is_kept_byte_for_byte(stage: &Stage) {
        let raw: Vec<u8> = (0..=255).rev().collect();
        let new = call("careem", Some("e1"), &raw, 0);
        assert_eq!(store(stage, std::slice::from_ref(&new)).await, [Some(new.id)]);
        let kept = Call {
            id: new.id,
            partner: new.partner,
            event_id: new.event_id,
            headers: new.headers,
            body: new.body,
            received_at: noon(),
            state: CallState::Pending,
            attempts: 0,
            claims: 0,
        };
        let mut tx = stage.begin().await;
        assert_eq!(inbox::load(&mut tx, new.id).await.unwrap().as_ref(), Some(&kept));
        assert_eq!(inbox::claim(&mut tx, noon(), 10).await.unwrap(), [kept]);
        let nobody = InboxId::from_uuid(fresh());
        assert_eq!(inbox::load(&mut tx, nobody).await.unwrap(), None);
    }

    async fn the_same_call_is_stored_once(stage: &Stage) {
        let first = call("careem", Some("e1"), b"one", 0);
        assert_eq!(store(stage, std::slice::from_ref(&first)).await, [Some(first.id)]);
        let batch = [
            call("careem", Some("e1"), b"other body, same event", 1),
            call("careem", Some("e2"), b"two", 1),
            call("careem", Some("e3"), b"one", 1),
            call("careem", Some("e2"), b"two", 1),
            call("careem", None, b"three", 1),
            call("careem", None, b"four", 1),
            call("careem", None, b"three", 1),
            call("talabat", Some("e1"), b"one", 1),
        ];
        let answers = store(stage, &batch).await;
        let ids = batch.each_ref().map(|it| Some(it.id));
        assert_eq!(answers, [None, ids[1], None, None, ids[4], ids[5], None, ids[7]]);
        assert_eq!(store(stage, &batch).await, [None; 8]);
        assert_eq!(store(stage, &[]).await, []);
    }

    async fn storing_calls_wakes_the_intake(stage: &Stage) {
        let mut signal = stage.database.signal(Work::Inbox);
        let new = call("careem", None, b"one", 0);
        store(stage, std::slice::from_ref(&new)).await;
        signal.wait().await;
        store(stage, &[new]).await;
        let again = tokio::time::timeout(std::time::Duration::ZERO, signal.wait()).await;
        assert!(again.is_err(), "a duplicate is no work");
    }

    async fn due_calls_are_claimed_oldest_first(stage: &Stage) {
        let calls = [
            call("careem", None, b"third", 30),
            call("careem", None, b"first", 10),
            call("careem", None, b"second", 20),
            call("careem", None, b"not yet", 40),
        ];
        store(stage, &calls).await;
        assert_eq!(due(stage, 30).await, [calls[1].id, calls[2].id, calls[0].id]);
        let mut tx = stage.begin().await;
        assert_eq!(inbox::claim(&mut tx, later(30), 1).await.unwrap()[0].id, calls[1].id);
        let put_off = Settled {
            note: Some("the store is away".to_owned()),
            retry_at: Some(later(35)),
            ..settled(&calls[1], CallState::Pending)
        };
        inbox::settle(&mut tx, &[put_off], later(30)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(stage, 34).await, [calls[2].id, calls[0].id]);
        assert_eq!(due(stage, 35).await, [calls[2].id, calls[0].id, calls[1].id]);
        let postponed = entry(stage, calls[1].id).await;
        assert_eq!(postponed.state, CallState::Pending);
        assert_eq!(postponed.attempts, 1);
        assert_eq!(postponed.note.as_deref(), Some("the store is away"));
    }

    async fn an_unreadable_call_is_given_up_and_the_others_are_claimed(stage: &Stage) {
        let calls = [call("careem", None, b"bad", 0), call("careem", None, b"good", 1)];
        store(stage, &calls).await;
        let mut tx = stage.begin().await;
        on!(tx, |conn| sqlx::query("UPDATE inbox SET headers = '[]' WHERE id = $1")
            .bind(calls[0].id.uuid())
            .execute(conn)
            .await
            .unwrap()
            .rows_affected());
        tx.commit().await.unwrap();
        assert_eq!(due(stage, 1).await, [calls[1].id]);
        assert_eq!(entry(stage, calls[0].id).await.state, CallState::Dead);
    }

    async fn settled_calls_are_not_due_again(stage: &Stage) {
        let calls = [
            call("careem", Some("e1"), b"one", 0),
            call("careem", Some("e2"), b"two", 1),
            call("careem", Some("e3"), b"three", 2),
        ];
        store(stage, &calls).await;
        let order_id = OrderId::from_uuid(fresh());
        let done = Settled {
            outcome: Some("applied".to_owned()),
            order_id: Some(order_id),
            external_id: Some("C-1".to_owned()),
            note: Some("fine".to_owned()),
            ..settled(&calls[0], CallState::Done)
        };
        let parked = Settled {
            external_id: Some("C-2".to_owned()),
            retry_at: Some(later(500)),
            ..settled(&calls[1], CallState::Parked)
        };
        settle(stage, &[done, parked, settled(&calls[2], CallState::Dead)]).await;
        assert_eq!(due(stage, 499).await, []);
        assert_eq!(due(stage, 500).await, [calls[1].id], "a parked call is looked at again");
        let expected = InboxEntry {
            id: calls[0].id,
            partner: "careem".to_owned(),
            event_id: Some("e1".to_owned()),
            received_at: noon(),
            state: CallState::Done,
            outcome: Some("applied".to_owned()),
            order_id: Some(order_id),
            external_id: Some("C-1".to_owned()),
            note: Some("fine".to_owned()),
            attempts: 1,
            next_attempt_at: None,
            settled_at: Some(later(100)),
        };
        assert_eq!(entry(stage, calls[0].id).await, expected);
        assert_eq!(entry(stage, calls[1].id).await.settled_at, None);
        let mut tx = stage.read().await;
        let counts = inbox::counts(&mut tx).await.unwrap();
        assert_eq!(counts, Counts { pending: 0, parked: 1, dead: 1 });
    }

    async fn a_parked_call_waits_for_its_order(stage: &Stage) {
        let calls = [
            call("careem", None, b"one", 0),
            call("careem", None, b"two", 1),
            call("talabat", None, b"three", 2),
            call("careem", None, b"four", 3),
        ];
        store(stage, &calls).await;
        let park = |call: &NewCall, external_id: &str| Settled {
            external_id: Some(external_id.to_owned()),
            ..settled(call, CallState::Parked)
        };
        let same = Settled { external_id: Some("X".to_owned()), ..settled(&calls[3], CallState::Done) };
        settle(stage, &[park(&calls[0], "X"), park(&calls[1], "Y"), park(&calls[2], "X"), same]).await;
        let mut signal = stage.database.signal(Work::Inbox);
        let mut tx = stage.begin().await;
        assert_eq!(inbox::unpark(&mut tx, "careem", "Z").await.unwrap(), 0);
        assert_eq!(inbox::unpark(&mut tx, "careem", "X").await.unwrap(), 1);
        tx.commit().await.unwrap();
        signal.wait().await;
        assert_eq!(due(stage, 100).await, [calls[0].id]);
        let mut tx = stage.read().await;
        let counts = inbox::counts(&mut tx).await.unwrap();
        assert_eq!(counts, Counts { pending: 1, parked: 2, dead: 0 });
    }

    async fn a_call_that_is_parked_for_too_long_is_set_aside(stage: &Stage) {
        let calls = [
            call("careem", None, b"one", 0),
            call("careem", None, b"two", 1),
            call("careem", None, b"three", 2),
            call("careem", None, b"four", 0),
        ];
        store(stage, &calls).await;
        let parked = |call: &NewCall| Settled {
            outcome: Some("unknown_store".to_owned()),
            retry_at: Some(later(500)),
            ..settled(call, CallState::Parked)
        };
        settle(stage, &[parked(&calls[0]), parked(&calls[1]), parked(&calls[2])]).await;
        let mut tx = stage.begin().await;
        assert_eq!(inbox::abandon(&mut tx, later(2), later(600), 1).await.unwrap(), 1);
        assert_eq!(inbox::abandon(&mut tx, later(2), later(600), 10).await.unwrap(), 1);
        assert_eq!(inbox::abandon(&mut tx, later(2), later(600), 10).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let dead = entry(stage, calls[0].id).await;
        assert_eq!((dead.state, dead.settled_at), (CallState::Dead, Some(later(600))));
        assert_eq!(dead.outcome.as_deref(), Some("unknown_store"));
        assert_eq!(due(stage, 600).await, [calls[3].id, calls[2].id]);
    }

    async fn calls_are_listed_newest_first(stage: &Stage) {
        let calls = [
            call("careem", None, b"one", 0),
            call("talabat", None, b"two", 1),
            call("careem", None, b"three", 1),
        ];
        store(stage, &calls).await;
        let order_id = OrderId::from_uuid(fresh());
        let done = Settled {
            outcome: Some("late".to_owned()),
            order_id: Some(order_id),
            ..settled(&calls[0], CallState::Done)
        };
        settle(stage, &[done]).await;
        let found = async |filter: InboxFilter, page| {
            let mut tx = stage.read().await;
            let entries = inbox::list(&mut tx, &filter, page).await.unwrap();
            entries.rows.into_iter().map(|it| it.id).collect::<Vec<_>>()
        };
        let all = InboxFilter::default;
        let first = PageRequest::first(10);
        let (one, two) = (calls[1].id.min(calls[2].id), calls[1].id.max(calls[2].id));
        assert_eq!(found(all(), first).await, [two, one, calls[0].id]);
        assert_eq!(found(all(), PageRequest::first(1)).await, [two]);
        let after = Some(Cursor { at: later(1), id: two.uuid() });
        let rest = PageRequest { after, limit: 10 };
        assert_eq!(found(all(), rest).await, [one, calls[0].id]);
        let everything = InboxFilter {
            from: None,
            to: None,
            partner: Some("careem".to_owned()),
            outcome: Some("late".to_owned()),
            state: Some(CallState::Done),
            order_id: Some(order_id),
        };
        assert_eq!(found(everything, rest).await, [calls[0].id]);
        let partner = Some("talabat".to_owned());
        assert_eq!(found(InboxFilter { partner, ..all() }, first).await, [calls[1].id]);
        let state = Some(CallState::Dead);
        assert_eq!(found(InboxFilter { state, ..all() }, first).await, []);
    }
}

#[tokio::test]
async fn two_workers_claim_different_calls_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let calls: Vec<_> = (0_u8..4).map(|it| call("careem", None, &[it], i64::from(it))).collect();
    store(&stage, &calls).await;
    let mut one = stage.begin().await;
    let mut two = stage.begin().await;
    let first = inbox::claim(&mut one, later(10), 3).await.unwrap();
    let second = inbox::claim(&mut two, later(10), 3).await.unwrap();
    assert_eq!(
        first.iter().map(|it| it.id).collect::<Vec<_>>(),
        [0, 1, 2].map(|it: usize| calls[it].id)
    );
    assert_eq!(second.iter().map(|it| it.id).collect::<Vec<_>>(), [calls[3].id]);
    drop((one, two));
    stage.strike().await;
}

#[tokio::test]
async fn two_who_store_the_same_calls_at_once_agree_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    for round in 0_u8..10 {
        let batch =
            || -> Vec<_> { (0_u8..50).map(|it| call("careem", None, &[round, it], 0)).collect() };
        let (one, mut two) = (batch(), batch());
        two.reverse();
        let (first, second) = tokio::join!(store(&stage, &one), store(&stage, &two));
        let stored = first.iter().chain(&second).flatten().count();
        assert_eq!(stored, 50);
    }
    stage.strike().await;
}
