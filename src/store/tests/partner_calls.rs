//! What partners are to be told, and the audit log.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    base::cursor::{Cursor, PageRequest},
    domain::{AuditId, OrderId, OrderStatus, PartnerAction, PartnerCallId, Telling, Version},
    store::{
        Claim,
        audit::{self, AuditEntry, AuditFilter},
        mappings,
        partner_calls::{
            self, CallSettlement, NewPartnerCall, PartnerCall, PartnerCallFilter, TellingState,
        },
        partners,
        tests::{
            Stage, fresh, on_both,
            samples::{Story, later, noon, store_id},
        },
        tx::on,
    },
};

fn order() -> OrderId {
    OrderId::from_uuid(fresh())
}

fn telling(action: PartnerAction) -> Telling {
    Telling {
        action,
        reason: None,
        was_accepted: false,
        ready_at: Some(noon()),
        delay_minutes: None,
    }
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn call(
    order_id: OrderId,
    order_version: Version,
    place: u32,
    action: PartnerAction,
) -> NewPartnerCall {
    NewPartnerCall {
        id: PartnerCallId::from_uuid(fresh()),
        partner: "careem".to_owned(),
        order_id,
        order_version,
        place,
        telling: telling(action),
        created_at: noon(),
        worthless_at: later(900),
        traceparent: Some(TRACE.into()),
    }
}

async fn put(stage: &Stage, calls: &[&NewPartnerCall]) {
    let mut tx = stage.begin().await;
    partner_calls::put(&mut tx, calls).await.unwrap();
    tx.commit().await.unwrap();
}

/// What is claimed at that second, for another 30.
async fn claim(stage: &Stage, seconds: i64, limit: u32) -> Vec<PartnerCall> {
    let mut tx = stage.begin().await;
    let (now, until) = (later(seconds), later(seconds + 30));
    let calls = partner_calls::claim(&mut tx, "careem", now, until, limit).await.unwrap();
    tx.commit().await.unwrap();
    calls
}

fn ids(calls: &[PartnerCall]) -> Vec<PartnerCallId> {
    calls.iter().map(|it| it.id).collect()
}

async fn note(
    stage: &Stage,
    id: PartnerCallId,
    came_to: TellingState,
    next: Option<i64>,
    counts: bool,
) -> bool {
    let claim = get(stage, id).await.claim();
    settle(stage, claim, came_to, next, counts).await
}

async fn settle(
    stage: &Stage,
    claim: Claim,
    came_to: TellingState,
    next: Option<i64>,
    counts: bool,
) -> bool {
    let settlement = CallSettlement {
        claim,
        state: came_to,
        next_attempt_at: next.map(later),
        status: Some(429),
        note: Some("slowly".to_owned()),
        counts,
    };
    let mut tx = stage.begin().await;
    let settled = partner_calls::settle(&mut tx, &[settlement], later(1)).await.unwrap();
    tx.commit().await.unwrap();
    settled.contains(&claim.id)
}

async fn get(stage: &Stage, id: PartnerCallId) -> PartnerCall {
    partner_calls::get(&mut stage.read().await, id).await.unwrap().unwrap()
}

fn entry(order_id: OrderId, status: Option<u16>, seconds: i64) -> AuditEntry {
    let headers = BTreeMap::from([("x".to_owned(), "ü".to_owned())]);
    AuditEntry {
        id: AuditId::from_uuid(fresh()),
        service: "careem".to_owned(),
        url: "https://api.example/orders/1".to_owned(),
        method: "PUT".to_owned(),
        request_headers: headers.clone(),
        request_body: Some(json!({"state": "accepted"})),
        response_headers: status.map(|_| headers),
        response_body: status.map(|_| json!([1, null])),
        status,
        took_ms: 12,
        error: status.is_none().then(|| "timed out".to_owned()),
        at: later(seconds),
        attempt: 2,
        store_id: Some(store_id(1)),
        order_id: Some(order_id),
        call_id: Some(PartnerCallId::from_uuid(fresh())),
    }
}

async fn keep(stage: &Stage, entries: &[&AuditEntry]) {
    let mut tx = stage.begin().await;
    for entry in entries {
        audit::put(&mut tx, entry).await.unwrap();
    }
    tx.commit().await.unwrap();
}

on_both! {
    async fn what_is_to_be_told_is_written_with_the_facts_or_not_at_all(stage: &Stage) {
        let mut story = Story::placed(0);
        let mut tx = stage.begin().await;
        story.store(&mut tx).await;
        tx.commit().await.unwrap();
        story.move_to(OrderStatus::Accepted, later(1));
        let mut append = story.append();
        append.calls = vec![call(story.order.id, 2, 0, PartnerAction::Accept)];
        let mut tx = stage.begin().await;
        crate::store::orders::append(&mut tx, append.clone()).await.unwrap();
        tx.roll_back().await;
        assert_eq!(claim(stage, 0, 10).await, []);
        let mut tx = stage.begin().await;
        crate::store::orders::append(&mut tx, append).await.unwrap();
        tx.commit().await.unwrap();
        let claimed = claim(stage, 0, 10).await;
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].telling, telling(PartnerAction::Accept));
        assert_eq!((claimed[0].state, claimed[0].attempts), (TellingState::Pending, 1));
    }

    async fn nothing_is_written_down_twice(stage: &Stage) {
        let order = order();
        let first = call(order, 2, 0, PartnerAction::Accept);
        put(stage, &[&first]).await;
        put(stage, &[&call(order, 2, 0, PartnerAction::Accept)]).await;
        assert_eq!(ids(&claim(stage, 0, 10).await), [first.id]);
    }

    async fn one_order_is_told_in_order_and_others_do_not_wait_for_it(stage: &Stage) {
        let (one, other) = (order(), order());
        let accept = call(one, 2, 0, PartnerAction::Accept);
        let picked_up = call(one, 2, 1, PartnerAction::PickedUp);
        let cancel = call(one, 5, 0, PartnerAction::Reject);
        let others = call(other, 9, 0, PartnerAction::Ready);
        put(stage, &[&cancel, &picked_up, &accept, &others]).await;
        let mut first = ids(&claim(stage, 0, 10).await);
        first.sort();
        let mut expected = [accept.id, others.id];
        expected.sort();
        assert_eq!(first, expected);
        // It is being told; nobody else tells it, nor what follows it.
        assert_eq!(claim(stage, 1, 10).await, []);
        note(stage, accept.id, TellingState::Sent, None, true).await;
        assert_eq!(ids(&claim(stage, 2, 10).await), [picked_up.id]);
        note(stage, picked_up.id, TellingState::Pending, Some(60), true).await;
        assert_eq!(ids(&claim(stage, 59, 10).await), [others.id]);
        assert_eq!(ids(&claim(stage, 60, 1).await), [picked_up.id]);
        note(stage, picked_up.id, TellingState::Failed, None, true).await;
        assert_eq!(ids(&claim(stage, 61, 10).await), [cancel.id]);
        let told = async |action| {
            partner_calls::was_told(&mut stage.read().await, one, action).await.unwrap()
        };
        assert!(told(PartnerAction::Accept).await && !told(PartnerAction::PickedUp).await);
    }

    async fn who_takes_a_call_and_dies_leaves_it_to_the_next(stage: &Stage) {
        let accept = call(order(), 2, 0, PartnerAction::Accept);
        put(stage, &[&accept]).await;
        assert_eq!(claim(stage, 0, 10).await[0].attempts, 1);
        assert_eq!(claim(stage, 29, 10).await, []);
        assert_eq!(claim(stage, 30, 10).await[0].attempts, 2);
    }

    async fn a_late_result_does_not_overwrite_a_newer_attempt(stage: &Stage) {
        let accept = call(order(), 2, 0, PartnerAction::Accept);
        put(stage, &[&accept]).await;
        let hung = claim(stage, 0, 10).await[0].claim();
        let newer = claim(stage, 30, 10).await[0].claim();
        assert!(!settle(stage, hung, TellingState::Failed, None, true).await);
        assert!(!settle(stage, hung, TellingState::Pending, Some(31), true).await);
        let row = get(stage, accept.id).await;
        assert_eq!((row.state, row.attempts), (TellingState::Pending, 2));
        assert_eq!(row.next_attempt_at, Some(later(60)));
        assert!(settle(stage, newer, TellingState::Sent, None, true).await);
        assert_eq!(get(stage, accept.id).await.state, TellingState::Sent);
    }

    async fn an_unreadable_call_is_given_up_and_blocks_neither_its_order_nor_others(stage: &Stage) {
        let one = order();
        let (bad, behind) = (call(one, 2, 0, PartnerAction::Accept), call(one, 3, 0, PartnerAction::Ready));
        let good = call(order(), 2, 0, PartnerAction::Accept);
        put(stage, &[&bad, &behind, &good]).await;
        let mut tx = stage.begin().await;
        on!(tx, |conn| sqlx::query("UPDATE partner_call SET telling = '{}' WHERE id = $1")
            .bind(bad.id.uuid())
            .execute(conn)
            .await
            .unwrap()
            .rows_affected());
        tx.commit().await.unwrap();
        assert_eq!(ids(&claim(stage, 0, 10).await), [good.id]);
        assert_eq!(ids(&claim(stage, 0, 10).await), [behind.id]);
        let mut tx = stage.read().await;
        let state: String = on!(tx, |conn| sqlx::query_scalar("SELECT state FROM partner_call WHERE id = $1")
            .bind(bad.id.uuid())
            .fetch_one(conn)
            .await
            .unwrap());
        assert_eq!(state, "failed");
    }

    async fn an_attempt_that_was_never_made_does_not_count(stage: &Stage) {
        let accept = call(order(), 2, 0, PartnerAction::Accept);
        put(stage, &[&accept]).await;
        claim(stage, 0, 10).await;
        note(stage, accept.id, TellingState::Pending, Some(5), false).await;
        let spared = get(stage, accept.id).await;
        assert_eq!((spared.attempts, spared.status, spared.settled_at), (0, Some(429), None));
        let claimed = claim(stage, 5, 10).await;
        assert_eq!(claimed[0].attempts, 1);
        note(stage, accept.id, TellingState::Sent, None, true).await;
        let sent = get(stage, accept.id).await;
        assert_eq!((sent.settled_at, sent.next_attempt_at), (Some(later(1)), None));
        // Whoever comes later with another word comes too late.
        assert!(!settle(stage, claimed[0].claim(), TellingState::Failed, None, true).await);
        assert_eq!(get(stage, accept.id).await.state, TellingState::Sent);
    }

    async fn only_what_failed_or_was_skipped_is_tried_once_more(stage: &Stage) {
        let accept = call(order(), 2, 0, PartnerAction::Accept);
        put(stage, &[&accept]).await;
        let retry = async || {
            let mut tx = stage.begin().await;
            let retried = partner_calls::retry(&mut tx, accept.id, later(50), later(950)).await.unwrap();
            tx.commit().await.unwrap();
            retried
        };
        assert!(!retry().await);
        claim(stage, 0, 10).await;
        note(stage, accept.id, TellingState::Failed, None, true).await;
        assert!(retry().await);
        let again = get(stage, accept.id).await;
        assert_eq!((again.state, again.attempts, again.worthless_at), (TellingState::Pending, 0, later(950)));
        assert_eq!(ids(&claim(stage, 50, 10).await), [accept.id]);
        note(stage, accept.id, TellingState::Sent, None, true).await;
        assert!(!retry().await);
    }

    async fn calls_are_listed_by_page_and_filter(stage: &Stage) {
        let order = order();
        let calls: Vec<_> = (2..6).map(|it| call(order, it, 0, PartnerAction::Delay)).collect();
        put(stage, &calls.iter().collect::<Vec<_>>()).await;
        note(stage, calls[0].id, TellingState::Skipped, None, true).await;
        let list = async |filter: &PartnerCallFilter, page| {
            partner_calls::list(&mut stage.read().await, filter, page).await.unwrap().rows
        };
        let first = PageRequest::first(10);
        let all = list(&PartnerCallFilter::default(), first).await;
        assert_eq!(all.len(), 4);
        let after = Some(Cursor { at: all[1].created_at, id: all[1].id.uuid() });
        let rest = PageRequest { after, limit: 10 };
        assert_eq!(list(&PartnerCallFilter::default(), rest).await, all[2..]);
        let skipped = PartnerCallFilter {
            partner: Some("careem".to_owned()),
            order_id: Some(order),
            state: Some(TellingState::Skipped),
        };
        assert_eq!(ids(&list(&skipped, first).await), [calls[0].id]);
        let elsewhere = PartnerCallFilter { partner: Some("talabat".to_owned()), ..skipped };
        assert_eq!(list(&elsewhere, first).await, []);
        assert_eq!(partner_calls::due(&mut stage.read().await).await.unwrap(), 3);
    }

    async fn what_nobody_tells_is_given_up_and_what_is_settled_is_forgotten(stage: &Stage) {
        let order = order();
        let [sent, late] = [2, 3].map(|it| call(order, it, 0, PartnerAction::Delay));
        let fresh = NewPartnerCall {
            worthless_at: later(2000),
            ..call(order, 4, 0, PartnerAction::Delay)
        };
        put(stage, &[&sent, &late, &fresh]).await;
        note(stage, sent.id, TellingState::Sent, None, true).await;
        let mut tx = stage.begin().await;
        assert_eq!(partner_calls::give_up(&mut tx, later(899), 10).await.unwrap(), 0);
        assert_eq!(partner_calls::give_up(&mut tx, later(900), 10).await.unwrap(), 1);
        assert_eq!(partner_calls::purge(&mut tx, noon(), 10).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let given_up = partner_calls::get(&mut stage.read().await, late.id).await.unwrap().unwrap();
        assert_eq!(given_up.state, TellingState::Failed);
        assert_eq!(given_up.traceparent.as_deref(), Some(TRACE));
        assert_eq!((given_up.next_attempt_at, given_up.settled_at), (None, Some(later(900))));
        let mut tx = stage.begin().await;
        assert_eq!(partner_calls::purge(&mut tx, later(1), 1).await.unwrap(), 1);
        assert_eq!(partner_calls::purge(&mut tx, later(1), 10).await.unwrap(), 1);
        assert_eq!(partner_calls::purge(&mut tx, later(1), 10).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let all = PartnerCallFilter::default();
        let first = PageRequest::first(10);
        let left = partner_calls::list(&mut stage.read().await, &all, first).await.unwrap().rows;
        assert_eq!(ids(&left), [fresh.id]);
    }

    async fn the_audit_log_gives_back_what_it_was_given_until_that_is_too_old(stage: &Stage) {
        let (one, other) = (order(), order());
        let old = entry(one, Some(200), 0);
        let failed = entry(one, None, 10);
        let refused = entry(other, Some(404), 20);
        keep(stage, &[&old, &failed, &refused]).await;
        let list = async |filter: &AuditFilter| {
            audit::list(&mut stage.read().await, filter, PageRequest::first(10)).await.unwrap().rows
        };
        let all = AuditFilter::default();
        assert_eq!(list(&all).await, [refused.clone(), failed.clone(), old.clone()]);
        let of_one = AuditFilter { order_id: Some(one), service: Some("careem".to_owned()), ..all.clone() };
        assert_eq!(list(&of_one).await, [failed.clone(), old.clone()]);
        let well = |it| AuditFilter { went_well: Some(it), ..all.clone() };
        assert_eq!(list(&well(true)).await, std::slice::from_ref(&old));
        assert_eq!(list(&well(false)).await, [refused.clone(), failed.clone()]);
        let mut tx = stage.begin().await;
        assert_eq!(audit::purge(&mut tx, later(20), 1).await.unwrap(), 1);
        assert_eq!(audit::purge(&mut tx, later(20), 10).await.unwrap(), 1);
        assert_eq!(audit::purge(&mut tx, later(20), 10).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(list(&all).await, [refused]);
    }

    async fn a_mapping_says_when_both_sides_last_agreed(stage: &Stage) {
        let id = mappings::ExternalId {
            system: "careem".to_owned(),
            kind: "order".to_owned(),
            id: "c-1".to_owned(),
        };
        let mapping = mappings::Mapping {
            id: fresh(),
            local_entity_type: "order".to_owned(),
            local_entity_id: fresh(),
            external_system: id.system.clone(),
            external_entity_id: id.id.clone(),
            external_entity_type: id.kind.clone(),
            mapping_data: Some(json!({"branchId": "br-7"})),
            last_synced: None,
            sync_status: "active".to_owned(),
            created_at: noon(),
            updated_at: noon(),
        };
        let mut tx = stage.begin().await;
        mappings::bind(&mut tx, &mapping).await.unwrap();
        mappings::synced(&mut tx, &id, Some(later(5)), "active").await.unwrap();
        mappings::synced(&mut tx, &id, None, "failed").await.unwrap();
        let known = mappings::get(&mut tx, &id).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        assert_eq!((known.last_synced, known.sync_status.as_str()), (Some(later(5)), "failed"));
        assert_eq!(known.mapping_data, mapping.mapping_data);
    }

    async fn the_board_counts_both_directions(stage: &Stage) {
        let traffic = async |partner: &str| {
            partners::traffic(&mut stage.read().await, partner, noon()).await.unwrap()
        };
        assert_eq!(traffic("careem").await, partners::Traffic::default());
        let calls = [call(order(), 2, 0, PartnerAction::Accept), call(order(), 2, 0, PartnerAction::Accept)];
        put(stage, &[&calls[0], &calls[1]]).await;
        note(stage, calls[0].id, TellingState::Sent, None, true).await;
        keep(stage, &[&entry(order(), Some(500), 3), &entry(order(), Some(200), 4)]).await;
        let careem = traffic("careem").await;
        assert_eq!(careem.told, [("pending".to_owned(), 1), ("sent".to_owned(), 1)]);
        assert_eq!((careem.due, careem.oldest_due_at), (1, Some(noon())));
        let wrong = careem.last_error.unwrap();
        assert_eq!((wrong.at, wrong.status, wrong.error), (later(3), Some(500), None));
        assert_eq!(traffic("talabat").await, partners::Traffic::default());
    }
}
