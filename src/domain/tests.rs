//! The rules of an order, on every step of every status and on histories that chance makes up.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*, sample::select};
use uuid::Uuid;

use crate::domain::{
    Actor, ActorKind, Change, Command, Courier, DeliveryStatus, Draft, Envelope, Eta, EventId,
    EventType, Fact, Fulfilment, Merged, Order, OrderStatus, PaymentStatus, Reason, ReasonCode,
    Recorded, Refusal, Report, TicketStatus, TraceContext, samples,
};

/// Something that happens to an order.
#[derive(Clone, Debug)]
enum Act {
    /// People ask for something.
    Ask(Command),
    /// People take one of the steps that are open, so that histories get somewhere.
    Advance(prop::sample::Index),
    /// A machine reports.
    Hear(Report),
}

/// An order, and all that was ever recorded of it.
struct History {
    log: Vec<Recorded>,
    order: Order,
}

impl History {
    fn begin(draft: Draft) -> Self {
        let fact = Fact::OrderCreated { draft: Box::new(draft.clone()) };
        let at = samples::moment();
        Self { log: vec![recorded(fact, 1, at)], order: Order::begin(draft, at) }
    }

    /// Lets it happen; answers whether it was taken, and the order before.
    fn act(&mut self, act: Act, at: Timestamp) -> (Result<Option<Merged>, Refusal>, Order) {
        let before = self.order.clone();
        let mut change = Change::of(before.clone(), at);
        let outcome = match act {
            Act::Ask(command) => change.command(command).map(|()| None),
            Act::Hear(report) => Ok(Some(change.merge(report))),
            Act::Advance(choice) => match before.status.next_steps(before.fulfilment) {
                [] => Ok(None),
                steps => {
                    let to = *choice.get(steps);
                    change.command(Command::Step { to, reason: None }).map(|()| None)
                }
            },
        };
        let after = change.order().clone();
        for fact in change.into_facts() {
            let version = self.log.last().unwrap().version + 1;
            self.log.push(recorded(fact, version, at));
        }
        self.order = after;
        (outcome, before)
    }

    fn of(draft: Draft, acts: Vec<Act>) -> Self {
        let mut history = Self::begin(draft);
        for (act, at) in acts.into_iter().zip(1..) {
            let _whether_taken = history.act(act, minutes_later(at));
        }
        history
    }
}

fn minutes_later(minutes: u64) -> Timestamp {
    samples::moment() + Duration::from_mins(minutes)
}

fn recorded(fact: Fact, version: u32, at: Timestamp) -> Recorded {
    Recorded {
        event_id: EventId::from_uuid(Uuid::from_u128(version.into())),
        order_id: samples::order().id,
        version,
        recorded_at: at,
        occurred_at: None,
        actor: Actor::new(ActorKind::System, "test"),
        context: TraceContext::default(),
        fact,
    }
}

fn step(to: OrderStatus) -> Command {
    Command::Step { to, reason: None }
}

fn fulfilment() -> impl Strategy<Value = Fulfilment> {
    select(Fulfilment::ALL)
}

fn draft() -> impl Strategy<Value = Draft> {
    let starts = select(&[OrderStatus::PendingPayment, OrderStatus::Placed][..]);
    (fulfilment(), starts, option::of(-90.0..90.0_f64)).prop_map(|(fulfilment, start, latitude)| {
        let mut draft = samples::draft(fulfilment, start);
        draft.address.as_mut().unwrap().latitude = latitude;
        draft
    })
}

fn reason() -> impl Strategy<Value = Reason> {
    (select(ReasonCode::ALL), option::of(".{0,8}")).prop_map(|(code, note)| Reason { code, note })
}

fn courier() -> impl Strategy<Value = Courier> {
    ("[ab]", option::of(".{0,4}"), option::of("\\+962[0-9]{2}"))
        .prop_map(|(id, name, phone)| Courier { id, name, phone })
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0_u32..1_000_000_000).prop_map(|it| samples::moment() + Duration::from_micros(it.into()))
}

fn eta() -> impl Strategy<Value = Eta> {
    (moment(), option::of(moment())).prop_map(|(ready_at, arrives_at)| Eta { ready_at, arrives_at })
}

fn station() -> impl Strategy<Value = String> {
    select(&["grill", "fry", "drinks", "oven"][..]).prop_map(str::to_owned)
}

/// Commands that never lower anything.
fn forward_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (select(OrderStatus::ALL), option::of(reason()))
            .prop_map(|(to, reason)| Command::Step { to, reason }),
        (station(), select(TicketStatus::ALL))
            .prop_map(|(station, to)| Command::Ticket { station, to }),
        eta().prop_map(Command::Expect),
        select(PaymentStatus::ALL).prop_map(Command::Pay),
    ]
}

fn lowering_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (option::of(station()), reason())
            .prop_map(|(station, reason)| Command::Recall { station, reason }),
        (reason(), 0_u64..60).prop_map(|(reason, minutes)| Command::Reopen {
            reason,
            within: Duration::from_mins(minutes),
        }),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    prop_oneof![
        3 => (select(OrderStatus::ALL), option::of(reason()))
            .prop_map(|(status, reason)| Report::Order { status, reason }),
        5 => (
            select(DeliveryStatus::ALL),
            option::of(courier()),
            option::of("https://t\\.example/[a-z]"),
        )
            .prop_map(|(status, courier, tracking_url)| Report::Delivery {
                status,
                courier,
                tracking_url,
            }),
        1 => ".{0,8}".prop_map(|word| Report::Unknown { word }),
        1 => ".{0,8}".prop_map(|word| Report::Nothing { word }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => forward_command().prop_map(Act::Ask),
        2 => lowering_command().prop_map(Act::Ask),
        4 => any::<prop::sample::Index>().prop_map(Act::Advance),
        3 => report().prop_map(Act::Hear),
    ]
}

fn history() -> impl Strategy<Value = History> {
    (draft(), vec(act(), 0..24)).prop_map(|(draft, acts)| History::of(draft, acts))
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.log.iter().skip(1).map(|it| &it.fact)).finish()
    }
}

/// Every status in which an order of this kind can stand.
fn standing(fulfilment: Fulfilment) -> impl Iterator<Item = Order> {
    OrderStatus::ALL.iter().filter(move |it| it.applies_to(fulfilment)).map(move |status| {
        let draft = samples::draft(fulfilment, OrderStatus::Placed);
        Order { status: *status, ..Order::begin(draft, samples::moment()) }
    })
}

fn orders() -> impl Iterator<Item = Order> {
    Fulfilment::ALL.iter().flat_map(|it| standing(*it))
}

#[test]
fn every_step_on_the_map_is_taken_and_every_other_refused_with_both_ends_named() {
    for order in orders() {
        let from = order.status;
        let steps = from.next_steps(order.fulfilment);
        for to in OrderStatus::ALL.iter().copied().filter(|it| *it != from) {
            let mut change = Change::of(order.clone(), minutes_later(1));
            let outcome = change.command(step(to));
            if steps.contains(&to) {
                assert_eq!(outcome, Ok(()), "{from} to {to}");
                assert_eq!(change.order().status, to);
                let fact = Fact::OrderStatusChanged { from, to, reason: None };
                assert_eq!(change.into_facts(), [fact]);
            } else {
                let words = outcome.unwrap_err().to_string();
                let ends = format!("an order that is {from} cannot become {to}; ");
                assert!(words.starts_with(&ends), "{words}");
                assert!(steps.iter().all(|it| words.contains(it.as_str())), "{words}");
                assert!(change.into_facts().is_empty());
            }
        }
    }
}

#[test]
fn asking_for_what_is_changes_nothing() {
    for order in orders() {
        let mut change = Change::of(order.clone(), minutes_later(1));
        assert_eq!(change.command(step(order.status)), Ok(()));
        assert!(change.into_facts().is_empty());
    }
}

#[test]
fn every_step_raises_the_rank_and_suits_the_fulfilment() {
    for order in orders() {
        let (from, fulfilment) = (order.status, order.fulfilment);
        for to in from.next_steps(fulfilment) {
            assert!(from.rank() < to.rank(), "{from} to {to}");
            assert!(to.applies_to(fulfilment), "{from} to {to} by {fulfilment}");
        }
        assert_eq!(from.next_steps(fulfilment).is_empty(), from.is_terminal());
    }
}

#[test]
fn the_happy_end_and_the_cancellation_are_within_reach_of_every_open_order() {
    for order in orders().filter(|it| !it.status.is_terminal()) {
        let mut reached = BTreeSet::from([order.status]);
        for _ in OrderStatus::ALL {
            let next: Vec<_> =
                reached.iter().flat_map(|it| it.next_steps(order.fulfilment)).copied().collect();
            reached.extend(next);
        }
        assert!(reached.contains(&OrderStatus::happy_end(order.fulfilment)));
        assert!(order.status.next_steps(order.fulfilment).contains(&OrderStatus::Cancelled));
    }
}

#[test]
fn what_the_courier_does_implies_more_the_further_it_is() {
    let mut statuses = DeliveryStatus::ALL.to_vec();
    statuses.sort_by_key(|it| it.rank());
    let implied = |it: &DeliveryStatus| it.implies().map_or(0, OrderStatus::rank);
    let open = statuses.iter().filter(|it| !it.is_terminal());
    assert!(open.map(implied).is_sorted());
    assert!(DeliveryStatus::ALL.iter().all(|it| it.implies() != Some(OrderStatus::Ready)));
}

#[test]
fn the_first_ticket_at_work_begins_the_preparation_and_the_last_one_done_ends_it() {
    let mut history = History::begin(samples::draft(Fulfilment::Pickup, OrderStatus::Placed));
    let ticket = |station: &str, to| Act::Ask(Command::Ticket { station: station.to_owned(), to });
    let at = minutes_later(1);
    let (refused, _) = history.act(ticket("grill", TicketStatus::InProgress), at);
    assert_eq!(refused, Err(Refusal::KitchenHasItNot { status: OrderStatus::Placed }));
    history.act(Act::Ask(step(OrderStatus::Accepted)), at).0.unwrap();
    assert!(history.order.tickets.iter().all(|it| it.status == TicketStatus::Queued));
    history.act(ticket("grill", TicketStatus::InProgress), at).0.unwrap();
    assert_eq!(history.order.status, OrderStatus::Preparing);
    history.act(ticket("grill", TicketStatus::Done), at).0.unwrap();
    history.act(ticket("fry", TicketStatus::Done), at).0.unwrap();
    assert_eq!(history.order.status, OrderStatus::Preparing);
    history.act(ticket("drinks", TicketStatus::Done), at).0.unwrap();
    assert_eq!(history.order.status, OrderStatus::Ready);
    let recall = Command::Recall {
        station: Some("fry".to_owned()),
        reason: Reason { code: ReasonCode::Other, note: None },
    };
    history.act(Act::Ask(recall), at).0.unwrap();
    assert_eq!(history.order.status, OrderStatus::Preparing);
    assert_eq!(history.order.ticket("fry").unwrap().status, TicketStatus::Recalled);
    assert_eq!(history.order.ticket("grill").unwrap().status, TicketStatus::Done);
    history.act(ticket("fry", TicketStatus::Done), at).0.unwrap();
    assert_eq!(history.order.status, OrderStatus::Ready);
}

#[test]
fn an_ended_order_is_reopened_in_time_or_not_at_all() {
    let reopen = || Command::Reopen {
        reason: Reason { code: ReasonCode::Other, note: None },
        within: Duration::from_mins(10),
    };
    let ended = || {
        let mut history = History::begin(samples::draft(Fulfilment::Pickup, OrderStatus::Placed));
        history.act(Act::Ask(step(OrderStatus::Cancelled)), minutes_later(5)).0.unwrap();
        history
    };
    let (refused, _) = ended().act(Act::Ask(reopen()), minutes_later(16));
    assert_eq!(refused, Err(Refusal::TooLate { minutes: 10 }));
    let mut history = ended();
    history.act(Act::Ask(reopen()), minutes_later(15)).0.unwrap();
    assert_eq!(history.order.status, OrderStatus::Preparing);
    assert!(history.order.tickets.iter().all(|it| it.status == TicketStatus::Recalled));
    let (refused, _) = history.act(Act::Ask(reopen()), minutes_later(15));
    assert_eq!(refused, Err(Refusal::NotEnded { status: OrderStatus::Preparing }));
}

#[test]
fn a_payment_lets_the_order_through_to_the_store() {
    let draft = samples::draft(Fulfilment::Pickup, OrderStatus::PendingPayment);
    let mut history = History::begin(draft);
    history.act(Act::Ask(Command::Pay(PaymentStatus::Failed)), minutes_later(1)).0.unwrap();
    assert_eq!(history.order.status, OrderStatus::PendingPayment);
    history.act(Act::Ask(Command::Pay(PaymentStatus::Captured)), minutes_later(2)).0.unwrap();
    assert_eq!(history.order.status, OrderStatus::Placed);
    history.act(Act::Ask(Command::Pay(PaymentStatus::Authorized)), minutes_later(3)).0.unwrap();
    assert_eq!(history.order.payment.status, PaymentStatus::Captured);
}

#[test]
fn a_late_report_that_names_the_courier_does_not_move_a_reopened_order() {
    let report =
        |status, courier| Act::Hear(Report::Delivery { status, courier, tracking_url: None });
    let mut history = History::begin(samples::draft(Fulfilment::Delivery, OrderStatus::Placed));
    history.act(report(DeliveryStatus::Delivered, None), minutes_later(1)).0.unwrap();
    let reopen = Command::Reopen {
        reason: Reason { code: ReasonCode::Other, note: None },
        within: Duration::from_mins(10),
    };
    history.act(Act::Ask(reopen), minutes_later(2)).0.unwrap();
    let omar = Courier { id: "omar".to_owned(), name: None, phone: None };
    let late = report(DeliveryStatus::PickedUp, Some(omar.clone()));
    assert_eq!(history.act(late, minutes_later(3)).0, Ok(Some(Merged::Applied)));
    assert_eq!(history.order.delivery.courier, Some(omar));
    assert_eq!(history.order.status, OrderStatus::Preparing);
}

/// What machines tell of one delivery that goes well, from several sides, and everybody knows the courier.
fn happy_reports() -> Vec<Report> {
    use OrderStatus::{Accepted, Delivered, OutForDelivery, Placed, Preparing, Ready};
    let omar = Courier { id: "omar".to_owned(), name: Some("Omar".to_owned()), phone: None };
    let order = [Placed, Accepted, Preparing, Ready, OutForDelivery, Delivered]
        .map(|status| Report::Order { status, reason: None });
    let delivery = DeliveryStatus::ALL
        .iter()
        .filter(|it| {
            it.rank() <= DeliveryStatus::AtDoor.rank() || **it == DeliveryStatus::Delivered
        })
        .map(|status| Report::Delivery {
            status: *status,
            courier: (DeliveryStatus::Assigned.rank() <= status.rank()).then(|| omar.clone()),
            tracking_url: None,
        });
    order.into_iter().chain(delivery).collect()
}

proptest! {
    #[test]
    fn every_fact_raises_the_version_by_one(history in history()) {
        let versions: Vec<_> = history.log.iter().map(|it| it.version).collect();
        prop_assert!(versions.iter().copied().eq(1..=history.order.version));
    }

    #[test]
    fn the_log_tells_the_whole_state(history in history()) {
        let replayed = history.log.iter().fold(None, |order, it| it.fold(order));
        prop_assert_eq!(replayed.as_ref(), Some(&history.order));
    }

    #[test]
    fn facts_and_orders_survive_the_store(history in history()) {
        let mut replayed = None;
        for entry in &history.log {
            let fact: Fact = serde_json::from_str(&serde_json::to_string(&entry.fact).unwrap()).unwrap();
            prop_assert_eq!(&fact, &entry.fact);
            replayed = Recorded { fact, ..entry.clone() }.fold(replayed);
        }
        prop_assert_eq!(replayed.as_ref(), Some(&history.order));
        let order: Order = serde_json::from_value(serde_json::to_value(&history.order).unwrap()).unwrap();
        prop_assert_eq!(order, history.order);
    }

    #[test]
    fn envelopes_survive_the_bus(history in history()) {
        let mut order = None;
        for entry in &history.log {
            order = entry.fold(order);
            let sent = Envelope::of(entry, order.as_ref().unwrap());
            let text = serde_json::to_string(&sent).unwrap();
            let received: Envelope<Order> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&received, &sent.map_order(|it| Order::clone(it)));
            let data = received.data.order().unwrap();
            prop_assert_eq!(data.order_version, data.order.version);
            let moves = !matches!(received.event_type(), EventType::OrderCreated | EventType::OrderEtaChanged);
            let wire: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(wire["data"].get("previousStatus").is_some(), moves);
            prop_assert_eq!(wire["eventType"].as_str(), Some(entry.fact.event_type().as_str()));
            prop_assert_eq!(wire["partitionKey"].as_str(), Some(&*data.order_id.to_string()));
        }
    }

    #[test]
    fn a_fact_begins_where_the_order_stood(history in history()) {
        let mut order: Option<Order> = None;
        for entry in &history.log {
            if let (Fact::OrderStatusChanged { from, .. }, Some(order)) = (&entry.fact, &order) {
                prop_assert_eq!(*from, order.status);
            }
            if let (Fact::DeliveryStatusChanged { from, .. }, Some(order)) = (&entry.fact, &order) {
                prop_assert_eq!(*from, order.delivery.status);
            }
            if let (Fact::TicketStatusChanged { station, from, .. }, Some(order)) = (&entry.fact, &order) {
                prop_assert_eq!(Some(*from), order.ticket(station).map(|it| it.status));
            }
            order = entry.fold(order);
        }
    }

    #[test]
    fn only_recall_and_reopening_lower_anything(mut history in history(), act in act()) {
        let lowers = matches!(&act, Act::Ask(Command::Recall { .. } | Command::Reopen { .. }));
        let (outcome, before) = history.act(act, minutes_later(60));
        let after = &history.order;
        if lowers && outcome.is_ok() {
            prop_assert_eq!(after.status, OrderStatus::Preparing);
            prop_assert!(before.status == OrderStatus::Ready || before.status.is_terminal());
        } else {
            prop_assert!(before.status.rank() <= after.status.rank());
            prop_assert!(before.status == after.status || !before.status.is_terminal());
        }
        prop_assert!(before.delivery.status.rank() <= after.delivery.status.rank());
        prop_assert!(before.payment.status.rank() <= after.payment.status.rank());
    }

    #[test]
    fn a_refusal_changes_nothing(mut history in history(), act in act()) {
        let (outcome, before) = history.act(act, minutes_later(60));
        if outcome.is_err() {
            prop_assert_eq!(before, history.order);
        }
    }

    #[test]
    fn no_report_moves_an_ended_order(mut history in history(), report in report()) {
        let (_, before) = history.act(Act::Hear(report), minutes_later(60));
        if before.status.is_terminal() {
            prop_assert_eq!(before.status, history.order.status);
            prop_assert_eq!(before.tickets, history.order.tickets);
            prop_assert_eq!(before.timeline, history.order.timeline);
        }
        if before.delivery.status.is_terminal() {
            prop_assert_eq!(before.delivery.status, history.order.delivery.status);
        }
    }

    #[test]
    fn a_report_that_was_not_applied_recorded_nothing(mut history in history(), report in report()) {
        let (outcome, before) = history.act(Act::Hear(report), minutes_later(60));
        let applied = outcome == Ok(Some(Merged::Applied));
        prop_assert_eq!(applied, before.version < history.order.version);
    }

    #[test]
    fn hearing_it_twice_is_hearing_it_once(mut history in history(), report in report()) {
        let _first = history.act(Act::Hear(report.clone()), minutes_later(60));
        let (_, once) = history.act(Act::Hear(report), minutes_later(61));
        prop_assert_eq!(once, history.order);
    }

    #[test]
    fn a_delivery_report_that_comes_late_moves_no_order(mut history in history(), report in report()) {
        let known = history.order.delivery.status;
        let late = matches!(&report, Report::Delivery { status, .. }
            if known.is_terminal() || status.rank() <= known.rank());
        let (_, before) = history.act(Act::Hear(report), minutes_later(60));
        if late {
            prop_assert_eq!(before.status, history.order.status);
            prop_assert_eq!(known, history.order.delivery.status);
        }
    }

    #[test]
    fn no_order_stands_where_its_kind_cannot(history in history()) {
        let fulfilment = history.order.fulfilment;
        prop_assert!(history.order.timeline.iter().all(|it| it.status.applies_to(fulfilment)));
        prop_assert_eq!(history.order.timeline.last().map(|it| it.status), Some(history.order.status));
    }

    #[test]
    fn an_order_on_the_pass_has_no_open_ticket(history in history()) {
        let closed = [TicketStatus::Done, TicketStatus::Voided];
        let order = &history.order;
        if OrderStatus::Ready.rank() <= order.status.rank() {
            prop_assert!(order.tickets.iter().all(|it| closed.contains(&it.status)), "{:?}", order.tickets);
        }
        if order.status.rank() < OrderStatus::Accepted.rank() {
            prop_assert!(order.tickets.iter().all(|it| it.status == TicketStatus::Held));
        }
    }

    #[test]
    fn whatever_order_the_reports_come_in_the_end_is_the_same(
        reports in Just(happy_reports()).prop_shuffle(),
        again in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let again: Vec<_> = again.iter().map(|it| it.get(&reports).clone()).collect();
        let acts = reports.into_iter().chain(again).map(Act::Hear).collect();
        let draft = samples::draft(Fulfilment::Delivery, OrderStatus::Placed);
        let order = History::of(draft, acts).order;
        prop_assert_eq!(order.status, OrderStatus::Delivered);
        prop_assert_eq!(order.delivery.status, DeliveryStatus::Delivered);
        prop_assert_eq!(order.delivery.courier.map(|it| it.id), Some("omar".to_owned()));
        prop_assert!(order.tickets.iter().all(|it| it.status == TicketStatus::Done));
    }

    #[test]
    fn halfway_too_the_order_of_reports_makes_no_difference(
        (half, shuffled) in prop::sample::subsequence(happy_reports(), 1..=14)
            .prop_flat_map(|half| (Just(half.clone()), Just(half).prop_shuffle())),
    ) {
        let end = |reports: Vec<Report>| {
            let draft = samples::draft(Fulfilment::Delivery, OrderStatus::Placed);
            let order = History::of(draft, reports.into_iter().map(Act::Hear).collect()).order;
            let tickets: Vec<_> = order.tickets.into_iter().map(|it| it.status).collect();
            (order.status, order.delivery, tickets)
        };
        prop_assert_eq!(end(half), end(shuffled));
    }
}
