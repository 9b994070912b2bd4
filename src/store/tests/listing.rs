//! Finding orders.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    domain::{Order, OrderId, OrderStatus},
    store::{
        orders::{self, OrderFilter, Watch},
        tests::{
            Stage, on_both,
            samples::{Story, later, store_id},
        },
    },
};

/// Six orders, by name.
struct Day {
    unpaid: OrderId,
    fresh: OrderId,
    carried: OrderId,
    elsewhere: OrderId,
    served: OrderId,
    cancelled: OrderId,
}

async fn a_day(stage: &Stage) -> Day {
    let begin =
        |store, customer, status, at| Story::begin(store_id(store), customer, status, later(at));
    let unpaid = begin(1, Some("cus_1"), OrderStatus::PendingPayment, 0);
    let fresh = begin(1, Some("cus_1"), OrderStatus::Placed, 10);
    let mut carried = begin(1, Some("cus_2"), OrderStatus::Placed, 10);
    carried.carried_by("cou_1", later(500));
    let elsewhere = begin(2, None, OrderStatus::Placed, 30);
    let mut served = begin(1, Some("cus_1"), OrderStatus::Placed, 40);
    served.move_to(OrderStatus::Delivered, later(100));
    let mut cancelled = begin(1, Some("cus_2"), OrderStatus::Placed, 50);
    cancelled.carried_by("cou_1", later(55));
    cancelled.move_to(OrderStatus::Cancelled, later(200));
    let mut tx = stage.begin().await;
    let mut all = [unpaid, fresh, carried, elsewhere, served, cancelled];
    for story in &mut all {
        story.store(&mut tx).await;
    }
    tx.commit().await.unwrap();
    let [unpaid, fresh, carried, elsewhere, served, cancelled] = all.map(|it| it.order.id);
    Day { unpaid, fresh, carried, elsewhere, served, cancelled }
}

fn ids(orders: &[Order]) -> Vec<OrderId> {
    orders.iter().map(|it| it.id).collect()
}

async fn found(stage: &Stage, filter: OrderFilter) -> Vec<OrderId> {
    found_after(stage, filter, None).await
}

async fn found_after(stage: &Stage, filter: OrderFilter, after: Option<Cursor>) -> Vec<OrderId> {
    let mut tx = stage.read().await;
    ids(&orders::list(&mut tx, &filter, PageRequest { after, limit: 100 }).await.unwrap().rows)
}

async fn watched(stage: &Stage, watch: Watch<'_>, ended_since: Timestamp) -> Vec<OrderId> {
    let mut tx = stage.read().await;
    ids(&orders::active(&mut tx, watch, ended_since, 100).await.unwrap())
}

on_both! {
    async fn a_list_is_filtered(stage: &Stage) {
        let day = a_day(stage).await;
        let all = OrderFilter::default;
        let (fresh, carried) = (day.fresh.min(day.carried), day.fresh.max(day.carried));
        assert_eq!(
            found(stage, all()).await,
            [day.cancelled, day.served, day.elsewhere, carried, fresh, day.unpaid],
        );
        let store_ids = Some(vec![store_id(2), store_id(3)]);
        assert_eq!(found(stage, OrderFilter { store_ids, ..all() }).await, [day.elsewhere]);
        let none = OrderFilter { store_ids: Some(vec![]), ..all() };
        assert_eq!(found(stage, none).await, []);
        let customer = Some("cus_1".to_owned());
        let mine = OrderFilter { customer: customer.clone(), ..all() };
        assert_eq!(found(stage, mine).await, [day.served, day.fresh, day.unpaid]);
        let courier = Some("cou_1".to_owned());
        assert_eq!(
            found(stage, OrderFilter { courier: courier.clone(), ..all() }).await,
            [day.cancelled, day.carried],
        );
        let statuses = vec![OrderStatus::Delivered, OrderStatus::PendingPayment];
        let picked = OrderFilter { statuses, ..all() };
        assert_eq!(found(stage, picked).await, [day.served, day.unpaid]);
        let ended = OrderFilter { open: Some(false), ..all() };
        assert_eq!(found(stage, ended).await, [day.cancelled, day.served]);
        let open = OrderFilter { open: Some(true), courier, ..all() };
        assert_eq!(found(stage, open).await, [day.carried]);
        let between = OrderFilter { from: Some(later(30)), to: Some(later(50)), ..all() };
        assert_eq!(found(stage, between).await, [day.served, day.elsewhere]);
        let everything = OrderFilter {
            store_ids: Some(vec![store_id(1)]),
            customer,
            courier: None,
            statuses: vec![OrderStatus::Placed],
            open: Some(true),
            from: Some(later(0)),
            to: Some(later(90)),
        };
        let after = Some(Cursor { at: later(40), id: day.served.uuid() });
        assert_eq!(found_after(stage, everything, after).await, [day.fresh]);
    }

    async fn a_search_may_begin_before_all_calendars(stage: &Stage) {
        a_day(stage).await;
        let from = OrderFilter { from: Some(Timestamp::MIN), ..OrderFilter::default() };
        assert_eq!(found(stage, from).await, found(stage, OrderFilter::default()).await);
        let after = Some(Cursor { at: Timestamp::MIN, id: Uuid::nil() });
        assert!(found_after(stage, OrderFilter::default(), after).await.is_empty());
    }

    async fn pages_join_without_gap_or_repetition(stage: &Stage) {
        a_day(stage).await;
        let whole = found(stage, OrderFilter::default()).await;
        let mut tx = stage.read().await;
        let mut joined = Vec::new();
        let mut page = PageRequest::first(1);
        loop {
            let Page { rows, next } = orders::list(&mut tx, &OrderFilter::default(), page).await.unwrap();
            joined.extend(ids(&rows));
            page.after = next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(joined, whole);
    }

    async fn a_screen_begins_with_what_matters_to_it(stage: &Stage) {
        let day = a_day(stage).await;
        let (one, two) = (day.fresh.min(day.carried), day.fresh.max(day.carried));
        let at_store = Watch::Store(store_id(1));
        assert_eq!(watched(stage, at_store, later(201)).await, [one, two]);
        assert_eq!(watched(stage, at_store, later(200)).await, [one, two, day.cancelled]);
        assert_eq!(
            watched(stage, at_store, later(0)).await,
            [one, two, day.served, day.cancelled],
        );
        assert_eq!(
            watched(stage, Watch::Customer("cus_1"), later(150)).await,
            [day.unpaid, day.fresh],
        );
        assert_eq!(
            watched(stage, Watch::Courier("cou_1"), later(150)).await,
            [day.carried, day.cancelled],
        );
        assert_eq!(
            watched(stage, Watch::All, later(999)).await,
            [day.unpaid, one, two, day.elsewhere],
        );
        let mut tx = stage.read().await;
        let few = orders::active(&mut tx, Watch::All, later(999), 1).await.unwrap();
        assert_eq!(ids(&few), [day.elsewhere], "what has just come in is never hidden");
    }

    async fn whoever_was_away_learns_what_changed(stage: &Stage) {
        let day = a_day(stage).await;
        let mut tx = stage.read().await;
        let ids = |page: &[Cursor]| page.iter().map(|it| OrderId::from_uuid(it.id)).collect::<Vec<_>>();
        let changed = orders::changed_since(&mut tx, later(100), None, 100).await.unwrap();
        assert_eq!(ids(&changed), [day.served, day.cancelled, day.carried]);
        let page = orders::changed_since(&mut tx, later(100), None, 1).await.unwrap();
        let rest = orders::changed_since(&mut tx, later(100), Some(page[0]), 100).await.unwrap();
        assert_eq!(ids(&rest), [day.cancelled, day.carried]);
        // The two that changed in the same moment are both found.
        let twins = orders::changed_since(&mut tx, later(0), None, 2).await.unwrap();
        assert_eq!(ids(&twins)[0], day.unpaid);
    }
}
