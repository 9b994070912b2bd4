//! What a socket is shown: gates, snapshots, several topics, slow readers, limits.

use std::{
    future::poll_fn,
    net::IpAddr,
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::{
    base::mint::Mint,
    channels::Shape,
    config,
    domain::{
        Actor, ActorKind, Currency, Customer, Draft, Envelope, EventData, EventId, Fact,
        Fulfilment, LocalizedText, Metadata, Money, Order, OrderId, OrderStatus, Payment,
        PaymentMethod, PaymentStatus, Recorded, Store, StoreId, Subject, SubjectType, SubjectTypes,
        TraceContext, Version,
    },
    live::{
        Close, Connection, Drain, Event, Hub, Limits, Outgoing, Outlet, Refused, Rhythm,
        ServerFrame, Topic, connection::Batch, websocket,
    },
};

const STORE: StoreId = StoreId::from_uuid(Uuid::from_u128(9));
const LIMITS: Limits = Limits {
    sockets: 3,
    sockets_per_address: 2,
    handshakes_per_second: 0,
    queue_bytes: 64 * 1024,
    slow_after: Duration::from_secs(10),
    gate_events: 4,
    waiting_bytes: 1024 * 1024,
};

const RHYTHM: Rhythm = Rhythm {
    ping_every: Duration::from_secs(25),
    idle_timeout: Duration::from_secs(35),
    expiry_notice: Duration::from_mins(1),
    leeway: Duration::ZERO,
};

fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

fn subject(number: u128, version: Version) -> Subject {
    Subject { id: order(number).into(), version }
}

fn event(id: OrderId, version: Version) -> Arc<Event> {
    let draft = Draft {
        id,
        store_id: STORE,
        number: "1".to_owned(),
        fulfilment: Fulfilment::Pickup,
        source: "app".to_owned(),
        external_id: None,
        status: OrderStatus::Placed,
        payment: Payment { status: PaymentStatus::None, method: PaymentMethod::Cash },
        items: Vec::new(),
        total: Money::new(0, Currency::JOD),
        customer: Customer { id: Some("sara".to_owned()), ..Customer::default() },
        address: None,
        note: None,
        eta: None,
        accept_by: None,
    };
    let mut order = Order::begin(draft, Timestamp::UNIX_EPOCH);
    order.version = version;
    let fact = Fact::OrderStatusChanged {
        from: OrderStatus::Placed,
        to: OrderStatus::Accepted,
        reason: None,
    };
    let recorded = Recorded {
        event_id: EventId::from_uuid(Uuid::from_u128(u128::from(version))),
        order_id: id,
        version,
        recorded_at: Timestamp::UNIX_EPOCH,
        occurred_at: None,
        actor: Actor::new(ActorKind::Staff, "omar"),
        context: TraceContext::default(),
        fact,
    };
    let envelope = Envelope::of(&recorded, &order).map_order(|it| Arc::new(Order::clone(it)));
    Arc::new(Event::new(envelope))
}

/// The settings of the store have changed.
fn store_event(version: Version) -> Arc<Event> {
    let store = Store {
        id: STORE,
        version,
        name: LocalizedText::new("Abdali", "العبدلي"),
        currency: Currency::JOD,
        timezone: "Asia/Amman".to_owned(),
        stations: vec!["grill".to_owned()],
        prep_minutes: 20,
        delivery_minutes: 25,
        auto_accept: false,
    };
    let data = EventData::StoreUpdated { store: Box::new(store) };
    let metadata = Metadata::new(Actor::new(ActorKind::Staff, "omar"), TraceContext::default());
    let id = EventId::from_uuid(Uuid::from_u128(1000 + u128::from(version)));
    Arc::new(Event::new(Envelope::new(id, Timestamp::UNIX_EPOCH, data, metadata)))
}

fn connect(hub: &Hub, shape: Shape) -> Arc<Connection> {
    hub.connect(shape, Outlet::Stream, Timestamp::MAX)
}

/// Watches a topic of which there is nothing to be shown yet.
fn watch(hub: &Hub, connection: &Arc<Connection>, topic: &Topic) {
    hub.subscribe(connection, topic.clone());
    hub.open(connection, topic, &[]);
}

async fn batch(connection: &Connection) -> Batch {
    poll_fn(|cx| connection.poll_batch(cx)).await
}

/// The versions that wait for a socket.
async fn versions(connection: &Connection) -> Vec<Version> {
    let batch = batch(connection).await;
    let events = batch.frames.iter().filter_map(|it| match it {
        Outgoing::Event(event) => Some(event.version()),
        Outgoing::Frame(_) => None,
    });
    events.collect()
}

#[tokio::test]
async fn what_happens_while_the_snapshot_is_read_follows_it_without_a_gap() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let socket = connect(&hub, Shape::Customer);
    hub.subscribe(&socket, Topic::Order(order(1)));
    for version in 3..=5 {
        hub.publish(&[event(order(1), version)]);
    }
    hub.open(&socket, &Topic::Order(order(1)), &[subject(1, 4)]);
    hub.publish(&[event(order(1), 6)]);
    assert_eq!(versions(&socket).await, [5, 6]);
}

#[tokio::test]
async fn a_snapshot_that_is_ahead_of_the_hub_is_not_told_twice() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let socket = connect(&hub, Shape::Customer);
    hub.subscribe(&socket, Topic::Order(order(1)));
    hub.open(&socket, &Topic::Order(order(1)), &[subject(1, 5)]);
    for version in 4..=6 {
        hub.publish(&[event(order(1), version)]);
    }
    assert_eq!(versions(&socket).await, [6]);
}

#[tokio::test]
async fn a_socket_with_several_topics_sees_each_event_once() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let socket = connect(&hub, Shape::Full);
    watch(&hub, &socket, &Topic::Store(STORE));
    hub.publish(&[event(order(1), 1)]);
    hub.subscribe(&socket, Topic::Ops);
    hub.publish(&[event(order(1), 2)]);
    let customer = Topic::Customer("sara".into());
    hub.subscribe(&socket, customer.clone());
    hub.publish(&[event(order(1), 3)]);
    hub.open(&socket, &customer, &[subject(1, 2)]);
    hub.open(&socket, &Topic::Ops, &[subject(1, 2)]);
    hub.publish(&[event(order(1), 4)]);
    assert_eq!(versions(&socket).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_snapshot_of_one_topic_does_not_step_back_behind_what_another_has_shown() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let connection = connect(&hub, Shape::Kitchen);
    let (first, second) = (Topic::Order(order(1)), Topic::Store(STORE));
    hub.subscribe(&connection, first.clone());
    hub.open(&connection, &first, &[subject(1, 7)]);
    hub.subscribe(&connection, second.clone());
    // The snapshot of the second is being read, and shows version 7, when 8 goes out on the first.
    hub.publish(&[event(order(1), 8)]);
    assert!(!connection.send_snapshot(ServerFrame::CaughtUp.encode(), &[subject(1, 7)]));
    assert!(connection.send_snapshot(ServerFrame::CaughtUp.encode(), &[subject(1, 8)]));
    hub.open(&connection, &second, &[subject(1, 8)]);
    hub.publish(&[event(order(1), 9)]);
    assert_eq!(versions(&connection).await, [8, 9]);
}

#[tokio::test]
async fn what_the_bus_delivers_twice_is_published_once() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let socket = connect(&hub, Shape::Full);
    watch(&hub, &socket, &Topic::Ops);
    for version in [1, 2, 2, 1, 3] {
        hub.publish(&[event(order(1), version)]);
    }
    assert_eq!(versions(&socket).await, [1, 2, 3]);
}

#[tokio::test]
async fn newer_state_replaces_older_for_a_slow_reader() {
    let frame = event(order(1), 1).frame(Shape::Full).len();
    let hub = Hub::new(Limits { queue_bytes: frame * 5, ..LIMITS }, RHYTHM);
    let socket = connect(&hub, Shape::Full);
    watch(&hub, &socket, &Topic::Store(STORE));
    for version in 1..=40 {
        hub.publish(&[event(order(u128::from(version) % 2), version)]);
    }
    let seen = versions(&socket).await;
    assert!(seen.len() <= 5 && seen.ends_with(&[39, 40]), "{seen:?}");
}

/// What waits for a reader of a hub whose queues take five frames, once so many orders have changed that it does not read of.
async fn after_changes(slow_after: Duration, orders: u128) -> Batch {
    let queue_bytes = event(order(1), 1).frame(Shape::Full).len() * 5;
    let hub = Hub::new(Limits { queue_bytes, slow_after, ..LIMITS }, RHYTHM);
    let socket = connect(&hub, Shape::Full);
    watch(&hub, &socket, &Topic::Store(STORE));
    for number in 1..=orders {
        hub.publish(&[event(order(number), 1)]);
    }
    batch(&socket).await
}

#[tokio::test]
async fn a_reader_that_conflation_cannot_help_is_closed_once_it_reads_no_more() {
    assert_eq!(after_changes(Duration::ZERO, 6).await.close, Some(Close::Slow));
}

#[tokio::test]
async fn a_reader_that_still_reads_may_fall_back_further_but_not_without_end() {
    let patience = Duration::from_mins(1);
    let back = after_changes(patience, 20).await;
    assert_eq!((back.frames.len(), back.close), (20, None));
    assert_eq!(after_changes(patience, 21).await.close, Some(Close::Slow));
}

#[tokio::test]
async fn when_too_much_waits_for_all_together_the_slowest_readers_go() {
    let hub = Hub::new(Limits { sockets: 9, ..LIMITS }, RHYTHM);
    let sockets: Vec<_> = (0..9).map(|_| connect(&hub, Shape::Full)).collect();
    for (waiting, socket) in sockets.iter().enumerate() {
        socket.send_frame(websocket::text("x".repeat(100_000 + waiting * 10_000).as_bytes()).0);
    }
    hub.publish(&[event(order(1), 1)]);
    let mut closes = Vec::new();
    for socket in &sockets {
        closes.push(batch(socket).await.close);
    }
    let gone = closes.iter().filter(|it| **it == Some(Close::Slow)).count();
    assert!((1..9).contains(&gone) && closes[9 - gone..].iter().all(Option::is_some), "{closes:?}");
    hub.publish(&[event(order(1), 2)]);
    assert_eq!(sockets.iter().map(|it| it.waiting()).sum::<usize>(), 0, "all of it was fetched");
}

#[tokio::test]
async fn a_burst_goes_out_whole_in_the_order_of_each_order_and_once_to_who_watches_two_topics() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let (store, both) = (connect(&hub, Shape::Full), connect(&hub, Shape::Full));
    watch(&hub, &store, &Topic::Store(STORE));
    watch(&hub, &both, &Topic::Store(STORE));
    watch(&hub, &both, &Topic::Customer("sara".into()));
    let burst: Vec<_> = (1..=40).map(|version| event(order(1), version)).collect();
    hub.publish(&burst);
    let all: Vec<_> = (1..=40).collect();
    assert_eq!(versions(&store).await, all);
    assert_eq!(versions(&both).await, all);
}

#[tokio::test]
async fn a_ping_tells_the_newest_event_of_what_is_watched() {
    let hub = Hub::new(LIMITS, Rhythm { ping_every: Duration::ZERO, ..RHYTHM });
    let (store, nobody) = (connect(&hub, Shape::Full), connect(&hub, Shape::Full));
    watch(&hub, &store, &Topic::Store(STORE));
    watch(&hub, &store, &Topic::Order(order(1)));
    hub.publish(&[event(order(1), 7), event(order(2), 1)]);
    let told = |topics: &[Topic]| {
        let heads = hub.heads(topics).into_iter();
        heads.map(|it| (it.topic, it.order_id, it.version)).collect::<Vec<_>>()
    };
    let topics = store.topics();
    let expected = [(topics[0].to_string(), order(2), 1), (topics[1].to_string(), order(1), 7)];
    assert_eq!(told(&topics), expected);
    assert_eq!(told(&nobody.topics()), []);
    hub.disconnect(&store);
    assert_eq!(told(&topics[..1]), [], "nobody is left who could have missed it");
}

#[tokio::test]
async fn thousands_may_watch_one_topic_and_leave_it() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let sockets: Vec<_> = (0..1000).map(|_| connect(&hub, Shape::Full)).collect();
    for socket in &sockets {
        watch(&hub, socket, &Topic::Store(STORE));
    }
    for socket in sockets.iter().step_by(2) {
        hub.disconnect(socket);
    }
    hub.publish(&[event(order(1), 1)]);
    for socket in sockets.iter().skip(1).step_by(2) {
        assert_eq!(versions(socket).await, [1]);
    }
    for socket in &sockets {
        hub.disconnect(socket);
    }
    assert!(sockets.iter().all(|it| Arc::strong_count(it) == 1));
}

#[tokio::test]
async fn a_snapshot_may_be_longer_than_what_waits_for_a_slow_reader() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let socket = connect(&hub, Shape::Full);
    hub.subscribe(&socket, Topic::Store(STORE));
    socket.send_frame(websocket::text("x".repeat(3 * LIMITS.queue_bytes).as_bytes()).0);
    hub.publish(&[event(order(1), 1)]);
    hub.open(&socket, &Topic::Store(STORE), &[]);
    hub.publish(&[event(order(1), 2)]);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(socket.poll_room(&mut cx).is_pending(), "the next answer has to wait");
    let seen = batch(&socket).await;
    assert_eq!((seen.frames.len(), seen.close), (3, None));
    assert!(socket.poll_room(&mut cx).is_ready());
    for _ in 0..3 {
        socket.send_frame(websocket::text("x".repeat(3 * LIMITS.queue_bytes).as_bytes()).0);
    }
    assert_eq!(batch(&socket).await.close, Some(Close::Slow), "one of them, not any number");
}

#[tokio::test]
async fn a_store_does_not_see_what_is_not_paid_for() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let (store, customer) = (connect(&hub, Shape::Kitchen), connect(&hub, Shape::Customer));
    watch(&hub, &store, &Topic::Store(STORE));
    watch(&hub, &customer, &Topic::Customer("sara".into()));
    let unpaid = event(order(1), 1).envelope().map_order(|paid| {
        Arc::new(Order { status: OrderStatus::PendingPayment, ..Order::clone(paid) })
    });
    let id = order(1);
    hub.publish(&[Arc::new(Event::new(unpaid))]);
    hub.publish(&[event(id, 2)]);
    assert_eq!(versions(&store).await, [2]);
    assert_eq!(versions(&customer).await, [1, 2]);
}

#[tokio::test]
async fn a_stores_events_reach_those_of_its_watchers_who_may_see_them() {
    let hub = Hub::new(Limits { sockets: 9, ..LIMITS }, RHYTHM);
    let stores = SubjectTypes::NONE.with(SubjectType::Store);
    let watching = |shape, topic: Topic, types| {
        let socket = connect(&hub, shape);
        socket.see(types);
        watch(&hub, &socket, &topic);
        socket
    };
    let kitchen = watching(Shape::Kitchen, Topic::Store(STORE), stores);
    let ops = watching(Shape::Full, Topic::Ops, stores);
    let without_right = watching(Shape::Full, Topic::Store(STORE), SubjectTypes::NONE);
    let board = watching(Shape::Board, Topic::Store(STORE), stores);
    let customer = watching(Shape::Customer, Topic::Customer("sara".into()), stores);
    // One who watches both of its topics is sent it once.
    watch(&hub, &ops, &Topic::Store(STORE));
    hub.publish(&[event(order(1), 4), store_event(7), event(order(1), 5)]);
    assert_eq!(versions(&kitchen).await, [4, 7, 5]);
    assert_eq!(versions(&ops).await, [4, 7, 5]);
    for others in [&without_right, &board, &customer] {
        assert_eq!(versions(others).await, [4, 5]);
    }
    // A fresh token may give the right, or take it.
    without_right.see(stores);
    kitchen.see(SubjectTypes::NONE);
    hub.publish(&[store_event(8), event(order(1), 6)]);
    assert_eq!(versions(&without_right).await, [8, 6]);
    assert_eq!(versions(&kitchen).await, [6]);
    // It is no news that a topic's newest order could be missed by.
    let heads = hub.heads(&[Topic::Store(STORE)]);
    assert_eq!(
        heads.iter().map(|it| (it.order_id, it.version)).collect::<Vec<_>>(),
        [(order(1), 6)]
    );
    // What the bus brings twice is dropped.
    hub.publish(&[store_event(8), store_event(9)]);
    assert_eq!(versions(&without_right).await, [9]);
}

#[tokio::test]
async fn a_stores_event_waits_for_the_snapshot_and_newer_state_of_the_same_subject_replaces_it() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let socket = connect(&hub, Shape::Kitchen);
    socket.see(SubjectTypes::NONE.with(SubjectType::Store));
    hub.subscribe(&socket, Topic::Store(STORE));
    hub.publish(&[store_event(1), event(order(1), 2)]);
    hub.open(&socket, &Topic::Store(STORE), &[subject(1, 2)]);
    assert_eq!(versions(&socket).await, [1]);
    // Far more than a slow reader's queue may hold: of each subject the newest is left.
    for version in 2..400 {
        hub.publish(&[store_event(version), event(order(1), version + 1)]);
    }
    let left = versions(&socket).await;
    assert!(left.len() < 300, "{} events were kept", left.len());
    assert_eq!(left[left.len() - 2..], [399, 400]);
}

#[test]
fn a_token_ends_with_its_leeway_and_not_later() {
    let leeway = Duration::from_secs(30);
    let long = Duration::from_mins(5);
    let rhythm = Rhythm { ping_every: long, idle_timeout: long, leeway, ..RHYTHM };
    let hub = Hub::new(LIMITS, rhythm);
    let end = Timestamp::UNIX_EPOCH + Duration::from_secs(1000);
    let socket = hub.connect(Shape::Full, Outlet::Stream, end);
    let now = Instant::now();
    for (before_end, looks_again_after) in [(-100, 40), (-60, 90), (-10, 40), (20, 10)] {
        let clock = end + SignedDuration::from_secs(before_end);
        let next = socket.beat(&rhythm, now, clock, |_| Vec::new()).unwrap();
        assert_eq!(next - now, Duration::from_secs(looks_again_after), "{before_end}");
    }
}

#[tokio::test]
async fn with_the_default_settings_a_peer_that_vanished_is_found_within_35_seconds() {
    // What a client may take to answer our close frame, before its socket is dropped.
    const GOODBYE: Duration = Duration::from_secs(2);
    let live = config::Live::default();
    let (ping_every, idle_timeout) = (*live.ping_every, *live.idle_timeout);
    let rhythm = Rhythm { ping_every, idle_timeout, ..RHYTHM };
    let hub = Hub::new(LIMITS, rhythm);
    // The wheel turns past a moment, and its worker sleeps for a tick.
    let late = 2 * hub.tick();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let socket = hub.connect(Shape::Full, Outlet::Socket(stream), Timestamp::MAX);
    let last_answer = Instant::now();
    let mut now = last_answer;
    while let Some(next) = socket.beat(&rhythm, now, Timestamp::UNIX_EPOCH, |_| Vec::new()) {
        now = next + late;
    }
    assert!(now + GOODBYE <= last_answer + Duration::from_secs(35), "{:?}", now - last_answer);
    // And a slow one is not: so long it may take to answer a ping, even if that went out late.
    assert!(ping_every + late + Duration::from_secs(8) <= idle_timeout);
}

#[test]
fn sockets_that_came_together_are_sent_away_at_different_ages() {
    const AGE: Duration = Duration::from_hours(2);
    let rhythm = Rhythm { idle_timeout: 2 * AGE, ..RHYTHM };
    let hub = Hub::new(LIMITS, rhythm);
    let sockets: Vec<_> = (0..100).map(|_| connect(&hub, Shape::Full)).collect();
    for socket in &sockets {
        socket.retire_after(AGE, &Mint::system());
    }
    let now = Instant::now();
    let left_at = |age: f64| {
        let at = now + AGE.mul_f64(age);
        let beat = |it: &Connection| it.beat(&rhythm, at, Timestamp::UNIX_EPOCH, |_| Vec::new());
        sockets.iter().filter(|it| beat(it).is_some()).count()
    };
    assert_eq!(left_at(0.79), 100);
    assert!((20..80).contains(&left_at(1.0)));
    assert_eq!(left_at(1.21), 0);
}

#[tokio::test]
async fn a_gate_that_overflows_loses_the_position() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let socket = connect(&hub, Shape::Full);
    hub.subscribe(&socket, Topic::Store(STORE));
    for number in 1..=5 {
        hub.publish(&[event(order(number), 1)]);
    }
    assert_eq!(batch(&socket).await.close, Some(Close::PositionLost));
}

#[tokio::test]
async fn nothing_is_left_of_a_socket_that_went() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let socket = connect(&hub, Shape::Full);
    let kept = connect(&hub, Shape::Full);
    watch(&hub, &socket, &Topic::Ops);
    hub.subscribe(&socket, Topic::Store(STORE));
    watch(&hub, &kept, &Topic::Ops);
    hub.disconnect(&socket);
    hub.publish(&[event(order(1), 1)]);
    assert_eq!(versions(&kept).await, [1]);
    assert_eq!(Arc::strong_count(&socket), 1);
}

#[test]
fn sockets_are_counted_in_all_and_by_address() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let [here, there] = ["10.0.0.1", "10.0.0.2"].map(|it| it.parse::<IpAddr>().unwrap());
    let first = hub.admit(here).unwrap();
    let _second = hub.admit(here).unwrap();
    assert_eq!(hub.admit(here).unwrap_err(), Refused::AddressFull);
    let _third = hub.admit(there).unwrap();
    assert_eq!(hub.admit(there).unwrap_err(), Refused::Full);
    drop(first);
    assert_eq!(hub.open_sockets(), 2);
    assert!(hub.admit(here).is_ok());
}

#[tokio::test]
async fn a_drain_sends_sockets_away_one_after_the_other_and_shows_them_everything_until_then() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let sockets = [connect(&hub, Shape::Full), connect(&hub, Shape::Full)];
    for socket in &sockets {
        watch(&hub, socket, &Topic::Ops);
    }
    let begun = Instant::now();
    let mut drain = Drain::begin(&hub, Duration::from_secs(10), &Mint::system());
    assert_eq!(hub.admit(IpAddr::from([10, 0, 0, 1])).unwrap_err(), Refused::Draining);
    assert!(drain.step(Instant::now()).is_some());
    hub.publish(&[event(order(1), 1)]);
    let mut told = Vec::new();
    for socket in &sockets {
        let batch = batch(socket).await;
        let Some(Outgoing::Frame(farewell)) = batch.frames.first() else { panic!("{batch:?}") };
        let farewell = String::from_utf8(farewell[2..].to_vec()).unwrap();
        let events = batch.frames.iter().filter(|it| matches!(it, Outgoing::Event(_))).count();
        told.push((farewell, events, batch.close));
    }
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let farewell = |after| format!(r#"{{"type":"reconnect","afterMs":{after}}}"#);
    let expected = [(farewell(0), 0, Some(Close::Shutdown)), (farewell(5000), 1, None)];
    assert_eq!(told, expected);
    assert!(drain.step(begun + Duration::from_secs(4)).is_some());
    assert_eq!(drain.left(), 1);
    assert!(drain.step(begun + Duration::from_secs(6)).is_none());
    for socket in &sockets {
        assert_eq!(batch(socket).await.close, Some(Close::Shutdown));
    }
}

#[test]
fn a_drain_ends_when_everybody_has_gone() {
    let hub = Hub::new(LIMITS, RHYTHM);
    let sockets = [connect(&hub, Shape::Full), connect(&hub, Shape::Full)];
    let mut drain = Drain::begin(&hub, Duration::from_secs(10), &Mint::system());
    drop(sockets);
    assert!(drain.step(Instant::now()).is_none());
}

#[test]
fn topics_read_as_they_print() {
    for text in ["ops", "customer:sara", "courier:c-1", &format!("order:{}", order(7))] {
        assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
    }
    for text in ["", "order", "order:7", "store:ord_7", "customer:", "kitchen:7"] {
        assert!(text.parse::<Topic>().is_err(), "{text}");
    }
}
