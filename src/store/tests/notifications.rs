//! Notifications and the consent ledger.

use std::pin::pin;

use jiff::Timestamp;

use crate::{
    base::cursor::PageRequest,
    domain::{
        Actor, ActorKind, Audience, Category, ConsentId, Decision, Fact, Language, MessageChannel,
        NotificationId, NotificationState, NotifyRules, OrderId, OrderStatus, ReceiptStatus,
        Trouble,
    },
    store::{
        Claim,
        consents::{self, Consent, Erased},
        notifications::{self, Move, Notification, NotificationFilter},
        notify_rules, orders,
        tests::{
            Stage, fresh, on_both,
            samples::{Story, later, noon, store_id},
        },
        tx::Conn,
    },
};

const SARA: &str = "+962790000001";

fn row(order: OrderId, event: &str, version: u32) -> Notification {
    Notification {
        id: NotificationId::from_uuid(fresh()),
        subject: order.to_string(),
        event: event.to_owned(),
        audience: Audience::Customer,
        channel: MessageChannel::WhatsApp,
        order_id: Some(order),
        order_version: version,
        store_id: Some(store_id(1)),
        recipient: Some(SARA.to_owned()),
        language: Language::Arabic,
        template: Some("order_ready".to_owned()),
        category: Category::Utility,
        rule: None,
        words: None,
        state: NotificationState::Queued,
        code: None,
        note: None,
        attempts: 0,
        claims: 0,
        provider_id: None,
        created_at: noon(),
        worthless_at: later(1800),
        next_attempt_at: Some(noon()),
        updated_at: noon(),
        sent_at: None,
        delivered_at: None,
        read_at: None,
    }
}

/// Waits until one unit of work waits for another. On SQLite the second waits for the writer from its beginning.
async fn until_one_waits(stage: &Stage) {
    let mut tx = stage.read().await;
    let Conn::Postgres(session) = &mut tx.conn else { return };
    loop {
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (
                 SELECT 1 FROM pg_locks
                 WHERE locktype = 'advisory'
                   AND NOT granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             )",
        )
        .fetch_one(&mut **session)
        .await
        .unwrap();
        if waits {
            return;
        }
    }
}

fn order() -> OrderId {
    OrderId::from_uuid(fresh())
}

async fn put(stage: &Stage, rows: &[Notification]) -> u64 {
    let mut tx = stage.begin().await;
    let added = notifications::put(&mut tx, rows).await.unwrap();
    tx.commit().await.unwrap();
    added
}

async fn claim(stage: &Stage, at: Timestamp, until: Timestamp) -> Vec<NotificationId> {
    let mut tx = stage.begin().await;
    let claimed =
        notifications::claim(&mut tx, MessageChannel::WhatsApp, (at, until), 10).await.unwrap();
    tx.commit().await.unwrap();
    claimed.into_iter().map(|it| it.id).collect()
}

async fn advance(stage: &Stage, moves: &[Move]) -> Vec<NotificationId> {
    let mut tx = stage.begin().await;
    let ids: Vec<_> = moves.iter().map(|one| NotificationId::from_uuid(one.claim.id)).collect();
    notifications::lock(&mut tx, &ids).await.unwrap();
    let advanced = notifications::advance(&mut tx, moves, later(1)).await.unwrap();
    tx.commit().await.unwrap();
    advanced
}

/// The claim that stands now.
async fn claim_of(stage: &Stage, id: NotificationId) -> Claim {
    get(stage, id).await.claim()
}

async fn get(stage: &Stage, id: NotificationId) -> Notification {
    notifications::get(&mut stage.read().await, id).await.unwrap().unwrap()
}

async fn receive(stage: &Stage, id: NotificationId, status: ReceiptStatus, why: Option<&Trouble>) {
    let mut tx = stage.begin().await;
    let found = notifications::find(&mut tx, Some(id), "wamid.1").await.unwrap().unwrap();
    if let Some(state) = found.state.after(status) {
        let what = (status, state);
        notifications::receive(&mut tx, id, what, "wamid.1", why, (later(5), later(6)))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

on_both! {
    async fn nobody_is_told_the_same_twice_by_one_channel(stage: &Stage) {
        let order = order();
        let (first, again) = (row(order, "ready", 4), row(order, "ready", 7));
        let sms = Notification { channel: MessageChannel::Sms, ..row(order, "ready", 4) };
        assert_eq!(put(stage, &[first.clone(), again, sms]).await, 2);
        assert_eq!(get(stage, first.id).await, first);
        let newest = notifications::newest(&mut stage.read().await, &[&first.subject, "nobody"]).await.unwrap();
        assert_eq!(newest.into_iter().collect::<Vec<_>>(), [((first.subject, Audience::Customer), 4)]);
    }

    async fn what_is_claimed_is_left_to_its_claimer_and_only_one_may_begin(stage: &Stage) {
        let one = row(order(), "ready", 4);
        put(stage, std::slice::from_ref(&one)).await;
        assert_eq!(claim(stage, later(-1), later(10)).await, []);
        assert_eq!(claim(stage, noon(), later(10)).await, [one.id]);
        assert_eq!(claim(stage, later(9), later(20)).await, []);
        // Whoever claimed it is gone, and has sent nothing: another takes it, and then both want to begin.
        let gone = claim_of(stage, one.id).await;
        assert_eq!(claim(stage, later(10), later(20)).await, [one.id]);
        let go = |claim| Move { words: Some("words".to_owned()), next_attempt_at: Some(later(30)), ..Move::to(claim, NotificationState::Sending) };
        assert_eq!(advance(stage, &[go(gone)]).await, []);
        assert_eq!(advance(stage, &[go(claim_of(stage, one.id).await)]).await, [one.id]);
        assert_eq!(claim(stage, later(100), later(200)).await, [], "it may have been sent");
        let seen = get(stage, one.id).await;
        assert_eq!((seen.attempts, seen.words.as_deref()), (2, Some("words")));
    }

    async fn what_came_of_an_earlier_try_moves_nothing_that_somebody_has_claimed_since(stage: &Stage) {
        let one = row(order(), "ready", 4);
        put(stage, std::slice::from_ref(&one)).await;
        let go = |claim| Move::to(claim, NotificationState::Sending);
        let again = |claim| Move { counts: false, next_attempt_at: Some(later(3)), ..Move::to(claim, NotificationState::Queued) };
        claim(stage, noon(), later(10)).await;
        let earlier = claim_of(stage, one.id).await;
        assert_eq!(advance(stage, &[go(earlier)]).await, [one.id]);
        assert_eq!(advance(stage, &[again(earlier)]).await, [one.id]);
        // Written down once more, for nobody knew whether it was.
        assert_eq!(advance(stage, &[again(earlier)]).await, []);
        assert_eq!(get(stage, one.id).await.attempts, 0);
        assert_eq!(advance(stage, &[go(earlier)]).await, [], "that is known of an earlier look");
        claim(stage, later(3), later(13)).await;
        assert_eq!(advance(stage, &[go(claim_of(stage, one.id).await)]).await, [one.id]);
        assert_eq!(advance(stage, &[again(earlier)]).await, []);
        let seen = get(stage, one.id).await;
        assert_eq!((seen.state, seen.attempts), (NotificationState::Sending, 1));
    }

    async fn a_receipt_that_is_faster_than_our_own_note_stands(stage: &Stage) {
        let one = row(order(), "ready", 4);
        put(stage, std::slice::from_ref(&one)).await;
        let claim = claim_of(stage, one.id).await;
        advance(stage, &[Move::to(claim, NotificationState::Sending)]).await;
        receive(stage, one.id, ReceiptStatus::Delivered, None).await;
        advance(stage, &[Move { provider_id: Some("wamid.2".to_owned()), sent_at: Some(later(2)), ..Move::to(claim, NotificationState::Accepted) }]).await;
        let seen = get(stage, one.id).await;
        assert_eq!((seen.state, seen.provider_id.as_deref()), (NotificationState::Delivered, Some("wamid.1")));
        assert_eq!((seen.delivered_at, seen.sent_at), (Some(later(5)), Some(later(5))));
        // By the channel's own name, too.
        let found = notifications::find(&mut stage.read().await, None, "wamid.1").await.unwrap();
        assert_eq!(found.unwrap().id, one.id);
        assert_eq!(notifications::find(&mut stage.read().await, None, "wamid.9").await.unwrap(), None);
    }

    async fn a_late_result_of_a_message_to_an_erased_person_moves_nothing(stage: &Stage) {
        let one = row(order(), "ready", 4);
        put(stage, std::slice::from_ref(&one)).await;
        claim(stage, noon(), later(10)).await;
        let sender = claim_of(stage, one.id).await;
        advance(stage, &[Move::to(sender, NotificationState::Sending)]).await;
        let mut tx = stage.begin().await;
        consents::forget(&mut tx, SARA, later(1)).await.unwrap();
        tx.commit().await.unwrap();
        let late = Move { provider_id: Some("wamid.1".to_owned()), ..Move::to(sender, NotificationState::Failed) };
        assert_eq!(advance(stage, &[late]).await, []);
        let seen = get(stage, one.id).await;
        assert_eq!((seen.recipient, seen.provider_id), (None, None));
    }

    async fn who_goes_silent_leaves_it_held_and_then_unconfirmed(stage: &Stage) {
        let one = row(order(), "ready", 4);
        put(stage, std::slice::from_ref(&one)).await;
        let sender = claim_of(stage, one.id).await;
        advance(stage, &[Move { next_attempt_at: Some(later(30)), ..Move::to(sender, NotificationState::Sending) }]).await;
        let sweep = async |at, hold| {
            let mut tx = stage.begin().await;
            let swept = notifications::sweep(&mut tx, at, hold).await.unwrap();
            tx.commit().await.unwrap();
            swept
        };
        assert_eq!(sweep(later(29), later(99)).await, (0, 0));
        assert_eq!(sweep(later(30), later(99)).await, (1, 0));
        assert_eq!(get(stage, one.id).await.code.as_deref(), Some("interrupted"));
        assert_eq!(sweep(later(99), later(199)).await, (0, 1));
        let seen = get(stage, one.id).await;
        assert_eq!((seen.state, seen.next_attempt_at), (NotificationState::Unconfirmed, None));
        // Late truth is truth.
        receive(stage, one.id, ReceiptStatus::Failed, Some(&Trouble::new("131026", "no"))).await;
        let seen = get(stage, one.id).await;
        assert_eq!((seen.state, seen.code.as_deref()), (NotificationState::Failed, Some("131026")));
        let mut tx = stage.begin().await;
        assert!(notifications::retry(&mut tx, one.id, later(200), later(300)).await.unwrap());
        assert!(!notifications::retry(&mut tx, one.id, later(200), later(300)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(claim(stage, later(200), later(210)).await, [one.id]);
    }

    async fn a_backlog_is_counted_and_old_rows_go(stage: &Stage) {
        let rows: Vec<_> = (0..3).map(|it| row(order(), "ready", it + 1)).collect();
        put(stage, &rows).await;
        advance(stage, &[Move::to(claim_of(stage, rows[0].id).await, NotificationState::Expired)]).await;
        let mut tx = stage.read().await;
        assert_eq!(notifications::backlog(&mut tx, later(1)).await.unwrap(), (2, Some(noon())));
        let of = |filter: NotificationFilter| async move {
            notifications::list(&mut stage.read().await, &filter, PageRequest::first(10)).await.unwrap().rows.len()
        };
        assert_eq!(of(NotificationFilter::default()).await, 3);
        assert_eq!(of(NotificationFilter { state: Some(NotificationState::Expired), ..NotificationFilter::default() }).await, 1);
        assert_eq!(of(NotificationFilter { stores: Some(vec![store_id(2)]), ..NotificationFilter::default() }).await, 0);
        assert_eq!(of(NotificationFilter { stores: Some(vec![store_id(2), store_id(1)]), channel: Some(MessageChannel::WhatsApp), order_id: rows[1].order_id, ..NotificationFilter::default() }).await, 1);
        let mut tx = stage.begin().await;
        assert_eq!(notifications::purge(&mut tx, later(60), 10).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(of(NotificationFilter::default()).await, 2);
    }

    async fn what_somebody_says_last_holds(stage: &Stage) {
        let said = |decision, seconds, channel, category| Consent {
            id: ConsentId::from_uuid(fresh()),
            phone: SARA.to_owned(),
            channel,
            category,
            decision,
            source: "checkout".to_owned(),
            shown: Some("نعم".to_owned()),
            evidence: None,
            actor: Actor::new(ActorKind::Service, "pos"),
            at: later(seconds),
        };
        let ledger = [
            said(Decision::Withdrawn, 10, MessageChannel::WhatsApp, Category::Utility),
            said(Decision::Granted, 5, MessageChannel::WhatsApp, Category::Utility),
            said(Decision::Granted, 7, MessageChannel::Sms, Category::Utility),
            said(Decision::Withdrawn, 6, MessageChannel::Sms, Category::Marketing),
        ];
        let mut tx = stage.begin().await;
        consents::put(&mut tx, &ledger).await.unwrap();
        tx.commit().await.unwrap();
        let standing = consents::standing(&mut stage.read().await, &[SARA, "+1"]).await.unwrap();
        let wish = |channel, category| (SARA.to_owned(), channel, category);
        assert_eq!(standing.len(), 3);
        assert_eq!(standing[&wish(MessageChannel::WhatsApp, Category::Utility)], Decision::Withdrawn);
        assert_eq!(standing[&wish(MessageChannel::Sms, Category::Utility)], Decision::Granted);
        let all = consents::of_person(&mut stage.read().await, SARA).await.unwrap();
        assert_eq!(all[0], ledger[1]);
        put(stage, &[row(order(), "ready", 1)]).await;
        let mut tx = stage.begin().await;
        let erased = consents::forget(&mut tx, SARA, later(20)).await.unwrap();
        assert_eq!(erased, Erased { consents: 4, notifications: 1, orders: 0 });
        consents::note_erasure(&mut tx, ConsentId::from_uuid(fresh()), &ledger[0].actor, erased, later(20)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(notifications::of_person(&mut stage.read().await, SARA, 10).await.unwrap().is_empty());
        assert_eq!(claim(stage, later(100), later(200)).await, []);
    }

    async fn an_order_can_be_made_nobodys(stage: &Stage) {
        let mut story = Story::begin(store_id(1), Some("cus_1"), OrderStatus::Placed, noon());
        story.order.customer.phone = Some(SARA.to_owned());
        if let Fact::OrderCreated { draft } = &mut story.news[0].fact {
            draft.customer.phone = Some(SARA.to_owned());
        }
        let id = story.order.id;
        let mut tx = stage.begin().await;
        story.store(&mut tx).await;
        tx.commit().await.unwrap();
        let of = async || orders::of_person(&mut stage.read().await, SARA, 10).await.unwrap();
        assert_eq!(of().await.iter().map(|it| it.id).collect::<Vec<_>>(), [id]);
        let mut tx = stage.begin().await;
        let locked = orders::lock(&mut tx, &[id]).await.unwrap();
        orders::anonymise(&mut tx, locked).await.unwrap();
        tx.commit().await.unwrap();
        assert!(of().await.is_empty());
        let order = orders::load(&mut stage.read().await, id).await.unwrap().unwrap();
        assert_eq!((order.customer.id, order.customer.phone, order.version), (None, None, story.order.version));
        let log = orders::history(&mut stage.read().await, id, 0).await.unwrap();
        let Fact::OrderCreated { draft } = &log[0].fact else { panic!("{log:?}") };
        assert_eq!(draft.customer.phone, None);
    }

    async fn an_order_is_placed_before_an_erasure_or_after_it(stage: &Stage) {
        let placing = async || {
            let mut tx = stage.begin().await;
            let mut story = Story::begin(store_id(1), None, OrderStatus::Placed, noon());
            story.order.customer.phone = Some(SARA.to_owned());
            story.store(&mut tx).await;
            (tx, story.order.id)
        };
        let erasing = async || {
            let mut tx = stage.begin().await;
            orders::hold_person(&mut tx, SARA).await.unwrap();
            let page = orders::page_of_person(&mut tx, SARA, None, 10).await.unwrap();
            (tx, page)
        };
        let (placed, first) = placing().await;
        let mut erased = pin!(erasing());
        tokio::select! {
            biased;
            (_, page) = &mut erased => panic!("the erasure has not waited, and found {page:?}"),
            () = until_one_waits(stage) => {}
        }
        placed.commit().await.unwrap();
        let (erasure, page) = erased.await;
        assert_eq!(page, [first]);

        let mut placed = pin!(placing());
        tokio::select! {
            biased;
            _ = &mut placed => panic!("the order has not waited"),
            () = until_one_waits(stage) => {}
        }
        erasure.commit().await.unwrap();
        let (placed, second) = placed.await;
        placed.commit().await.unwrap();

        let mut kept = stage.begin().await;
        orders::keep_people(&mut kept, &[SARA, "+1"]).await.unwrap();
        let mut erased = pin!(erasing());
        tokio::select! {
            biased;
            _ = &mut erased => panic!("the erasure has not waited for who writes of this person"),
            () = until_one_waits(stage) => {}
        }
        kept.commit().await.unwrap();
        erased.await.0.roll_back().await;
        let mut tx = stage.read().await;
        let ids = orders::page_of_person(&mut tx, SARA, None, 1).await.unwrap();
        assert_eq!(ids, [first.min(second)]);
        let ids = orders::page_of_person(&mut tx, SARA, Some(ids[0]), 10).await.unwrap();
        assert_eq!(ids, [first.max(second)]);
    }

    async fn rules_and_stops_come_and_go(stage: &Stage) {
        let actor = Actor::new(ActorKind::Staff, "hala");
        let rules = NotifyRules { store_phone: Some(SARA.to_owned()), ..NotifyRules::default() };
        let mut tx = stage.begin().await;
        for _ in 0..2 {
            notify_rules::put(&mut tx, store_id(1), &rules, &actor, noon()).await.unwrap();
        }
        assert_eq!(notify_rules::get(&mut tx, store_id(1)).await.unwrap(), Some(rules));
        assert_eq!(notify_rules::get(&mut tx, store_id(2)).await.unwrap(), None);
        assert!(notify_rules::remove(&mut tx, store_id(1)).await.unwrap());
        assert!(!notify_rules::remove(&mut tx, store_id(1)).await.unwrap());
        for reason in ["PAUSED", "DISABLED"] {
            notify_rules::stop_template(&mut tx, ("order_ready", "ar"), reason, noon()).await.unwrap();
        }
        let stop = ("order_ready".to_owned(), "ar".to_owned(), "DISABLED".to_owned(), noon());
        assert_eq!(notify_rules::stopped(&mut tx).await.unwrap(), [stop]);
        notify_rules::release_template(&mut tx, "order_ready", "ar").await.unwrap();
        assert!(notify_rules::stopped_names(&mut tx).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    }
}

on_both! {
    async fn an_unreadable_notification_fails_and_the_others_are_claimed(stage: &Stage) {
        let (bad, good) = (row(order(), "ready", 1), row(order(), "ready", 1));
        put(stage, &[bad.clone(), good.clone()]).await;
        let mut tx = stage.begin().await;
        crate::store::tx::on!(tx, |conn| sqlx::query(
            "UPDATE notification SET language = 'Klingon' WHERE id = $1"
        )
        .bind(bad.id.uuid())
        .execute(conn)
        .await
        .unwrap()
        .rows_affected());
        tx.commit().await.unwrap();
        assert_eq!(claim(stage, later(1), later(30)).await, [good.id]);
        // It does not come again.
        assert_eq!(claim(stage, later(60), later(90)).await, [good.id]);
        let mut tx = stage.read().await;
        let state: String = crate::store::tx::on!(tx, |conn| sqlx::query_scalar(
            "SELECT state FROM notification WHERE id = $1"
        )
        .bind(bad.id.uuid())
        .fetch_one(conn)
        .await
        .unwrap());
        assert_eq!(state, "failed");
    }
}

#[tokio::test]
async fn the_same_notifications_in_opposite_order_do_not_deadlock_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    for _ in 0..20 {
        let forward: Vec<_> = (0..200).map(|_| row(order(), "ready", 1)).collect();
        let backward: Vec<_> = forward.iter().rev().cloned().collect();
        let (one, other) = tokio::join!(put(&stage, &forward), put(&stage, &backward));
        assert_eq!(one + other, 200);
    }
    stage.strike().await;
}
