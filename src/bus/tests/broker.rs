//! What can go wrong with a broker, and what must then be true.

use std::time::Duration;

use lapin::{
    options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::{
    base::{mint::Mint, proxy::Way, tasks::Tasks},
    bus::{
        BindingState, Bus, BusError, FeedItem, NodeFeed, Queue, Rabbit, State,
        tests::{
            listening, messages, publish_at_last,
            stack::{Stack, event, events, numbers, publish, within},
        },
    },
    config::{self, Span},
    domain::EventType,
};

/// Waits until a feed is complete again; answers what it said before that.
async fn restored(feed: &mut NodeFeed) -> Vec<FeedItem> {
    let mut before = Vec::new();
    within(async {
        loop {
            match feed.next().await.expect("the feed goes on") {
                FeedItem::Restored => return,
                item => before.push(item),
            }
        }
    })
    .await;
    before
}

async fn trouble(bus: &Bus) -> String {
    let mut state = bus.state();
    let unhappy = |it: &State| it.trouble().is_some_and(|it| it != "not connected yet");
    let state = within(state.wait_for(unhappy)).await.unwrap().clone();
    state.trouble().unwrap().to_owned()
}

#[tokio::test]
async fn a_lost_connection_comes_back_with_all_that_hung_on_it() {
    let Some((stack, proxy)) = Stack::behind_proxy(Way::Open).await else { return };
    let mut feed = stack.bus.node_feed();
    let mut consumer = stack.bus.consume(Queue::Timings);
    listening(&mut feed).await;
    publish_at_last(&stack.bus, &[event(1, EventType::OrderCreated)]).await;
    assert_eq!(numbers(messages(&mut feed, 1).await), [1]);
    let held = within(consumer.next()).await.unwrap();

    proxy.set(Way::Cut);
    assert_eq!(within(feed.next()).await, Some(FeedItem::Lost));
    trouble(&stack.bus).await;
    // Too late: the broker has taken the message back.
    held.ack();

    proxy.set(Way::Open);
    assert_eq!(restored(&mut feed).await, []);
    publish_at_last(&stack.bus, &[event(2, EventType::OrderCreated)]).await;
    assert_eq!(numbers(messages(&mut feed, 1).await), [2]);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let delivery = within(consumer.next()).await.unwrap();
        seen.extend(numbers([delivery.body.clone()]));
        delivery.ack();
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2]);
    stack.clear().await;
}

#[tokio::test]
async fn a_broker_that_is_away_at_the_start_is_waited_for() {
    let Some((stack, proxy)) = Stack::behind_proxy(Way::Cut).await else { return };
    let mut feed = stack.bus.node_feed();
    let mut consumer = stack.bus.consume(Queue::Timings);
    assert_eq!(within(feed.next()).await, Some(FeedItem::Lost));
    let batch = [event(1, EventType::OrderCreated)];
    assert!(matches!(within(publish(&stack.bus, &batch)).await, Err(BusError::Away(_))));
    assert!(matches!(within(stack.bus.ping()).await, Err(BusError::Away(_))));
    trouble(&stack.bus).await;

    proxy.set(Way::Open);
    assert_eq!(restored(&mut feed).await, []);
    publish_at_last(&stack.bus, &batch).await;
    within(consumer.next()).await.unwrap().ack();
    assert_eq!(numbers(messages(&mut feed, 1).await), [1]);
    stack.clear().await;
}

#[tokio::test]
async fn a_broker_that_falls_silent_does_not_hold_the_publisher() {
    let Some((stack, proxy)) = Stack::behind_proxy(Way::Open).await else { return };
    within(stack.bus.ping()).await.unwrap();
    proxy.set(Way::Frozen);
    let batch = [event(1, EventType::OrderCreated)];
    assert!(matches!(within(publish(&stack.bus, &batch)).await, Err(BusError::Timeout(_))));
    proxy.set(Way::Open);
    publish_at_last(&stack.bus, &batch).await;
    stack.clear().await;
}

#[tokio::test]
async fn a_deleted_queue_is_declared_again() {
    let Some(stack) = Stack::rabbit() else { return };
    let mut consumer = stack.bus.consume(Queue::Timings);
    publish_at_last(&stack.bus, &[event(1, EventType::OrderCreated)]).await;
    within(consumer.next()).await.unwrap().ack();
    delete_queues(&stack).await;
    publish_at_last(&stack.bus, &[event(2, EventType::OrderCreated)]).await;
    let delivery = within(consumer.next()).await.unwrap();
    assert_eq!(numbers([delivery.body.clone()]), [2]);
    delivery.ack();
    stack.clear().await;
}

#[tokio::test]
async fn a_queue_that_lost_its_bindings_is_found_and_bound_again() {
    let Some(stack) = Stack::rabbit() else { return };
    let Bus::Rabbit(rabbit) = &stack.bus else { unreachable!() };
    let mut consumers: Vec<_> = Queue::ALL.iter().map(|queue| stack.bus.consume(*queue)).collect();
    publish_at_last(&stack.bus, &[event(1, EventType::OrderCreated)]).await;
    for consumer in &mut consumers {
        within(consumer.next()).await.unwrap().ack();
    }
    assert_eq!(checked(rabbit).await, BindingState::Bound);
    stack.unbind(Queue::Timings).await;
    // A server that starts meanwhile, or comes back, does not hide it.
    let beside = stack.beside(|_| {});
    within(beside.bus.ping()).await.unwrap();
    // The other queues get it, so the broker takes it.
    publish(&stack.bus, &[event(2, EventType::OrderCreated)]).await.unwrap();
    assert_eq!(checked(rabbit).await, BindingState::Lost(vec![Queue::Timings]));
    assert_eq!(checked(rabbit).await, BindingState::Bound);
    within(rabbit.publish_to(Queue::Timings, &[event(2, EventType::OrderCreated)])).await.unwrap();
    publish_at_last(&stack.bus, &[event(3, EventType::OrderCreated)]).await;
    for expected in [2, 3] {
        // Probes are not shown to consumers.
        let delivery = within(consumers[0].next()).await.unwrap();
        assert_eq!(numbers([delivery.body.clone()]), [expected]);
        delivery.ack();
    }
    stack.clear().await;
}

#[tokio::test]
async fn a_queue_that_lost_one_of_its_bindings_is_found() {
    let Some(stack) = Stack::rabbit() else { return };
    let Bus::Rabbit(rabbit) = &stack.bus else { unreachable!() };
    let _consumers: Vec<_> = Queue::ALL.iter().map(|queue| stack.bus.consume(*queue)).collect();
    assert_eq!(checked(rabbit).await, BindingState::Bound);
    for (queue, keys) in [
        (Queue::Timings, ["OrderCreated.*", "timings"]),
        (Queue::Webhooks, ["StoreUpdated.*", "webhooks"]),
        (Queue::Notifications, ["DeliveryStatusChanged.*", "notifications"]),
    ] {
        for key in keys {
            stack.unbind_key(&stack.names().queue(queue), key).await;
            assert_eq!(checked(rabbit).await, BindingState::Lost(vec![queue]), "{key}");
            assert_eq!(checked(rabbit).await, BindingState::Bound);
        }
    }
    stack.clear().await;
}

#[tokio::test]
async fn a_queue_that_is_not_consumed_gets_no_probes() {
    let Some(stack) = Stack::rabbit() else { return };
    let Bus::Rabbit(rabbit) = &stack.bus else { unreachable!() };
    assert_eq!(within(rabbit.check_bindings()).await.unwrap(), BindingState::Unknown);
    let channel = stack.operator().await;
    for queue in Queue::ALL {
        let name = stack.names().queue(*queue);
        let options = QueueDeclareOptions::durable().passive();
        let declared = channel.queue_declare(name.into(), options, FieldTable::default()).await;
        assert_eq!(declared.unwrap().message_count(), 0);
    }
    stack.clear().await;
}

/// What a check finds once every queue has its consumer.
async fn checked(rabbit: &Rabbit) -> BindingState {
    within(async {
        loop {
            match rabbit.check_bindings().await.unwrap() {
                BindingState::Unknown => tokio::task::yield_now().await,
                known => return known,
            }
        }
    })
    .await
}

#[tokio::test]
async fn an_event_without_its_queue_counts_as_not_published() {
    let Some(stack) = Stack::rabbit() else { return };
    within(stack.bus.ping()).await.unwrap();
    delete_queues(&stack).await;
    let refused = within(publish(&stack.bus, &[event(1, EventType::OrderCreated)])).await;
    assert!(matches!(refused, Err(BusError::Unroutable(_))));
    stack.clear().await;
}

/// The broker tells us of an event that reached no queue; where one is left, it does not tell which are missing.
async fn delete_queues(stack: &Stack) {
    for queue in Queue::ALL {
        stack.delete_queue(*queue).await;
    }
}

#[tokio::test]
async fn routing_facts_are_headers_beside_the_body() {
    let Some(stack) = Stack::rabbit() else { return };
    within(stack.bus.ping()).await.unwrap();
    let channel = stack.operator().await;
    let queue = channel
        .queue_declare("".into(), QueueDeclareOptions::exclusive(), FieldTable::default())
        .await
        .unwrap();
    let exchange = stack.config.exchange.as_str().into();
    let (name, options) = (queue.name().clone(), QueueBindOptions::default());
    channel
        .queue_bind(name.clone(), exchange, "*.*".into(), options, FieldTable::default())
        .await
        .unwrap();
    publish_at_last(&stack.bus, &[event(5, EventType::OrderCreated)]).await;
    let got = channel.basic_get(name, BasicGetOptions::default()).await.unwrap().unwrap();
    let headers = got.delivery.properties.headers().clone().unwrap();
    let header = |name: &str| match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        Some(AMQPValue::LongLongInt(number)) => number.to_string(),
        other => panic!("{name} is {other:?}"),
    };
    let order = "ord_00000000000000000000000000000008";
    for (name, value) in [
        ("event-type", "OrderCreated"),
        ("subject-type", "order"),
        ("subject-id", order),
        ("subject-version", "5"),
        ("partition-key", order),
        ("order-id", order),
        ("store-id", "str_00000000000000000000000000000007"),
        ("customer-id", "sami"),
    ] {
        assert_eq!(header(name), value);
    }
    assert!(!headers.contains_key("courier-id") && !headers.contains_key("traceparent"));
    stack.clear().await;
}

#[tokio::test]
async fn a_deleted_exchange_is_a_gap_and_not_the_end() {
    let Some(stack) = Stack::rabbit() else { return };
    let mut feed = stack.bus.node_feed();
    listening(&mut feed).await;
    stack.delete_exchange().await;
    publish_at_last(&stack.bus, &[event(1, EventType::OrderEtaChanged)]).await;
    assert_eq!(restored(&mut feed).await, [FeedItem::Lost]);
    publish_at_last(&stack.bus, &[event(2, EventType::OrderEtaChanged)]).await;
    assert_eq!(numbers(messages(&mut feed, 1).await), [2]);
    stack.clear().await;
}

#[tokio::test]
async fn a_queue_that_was_declared_otherwise_is_used_as_it_is() {
    let Some(stack) = Stack::rabbit() else { return };
    within(stack.bus.ping()).await.unwrap();
    let other = stack.beside(|config| config.delivery_limit = 7);
    let mut consumer = other.bus.consume(Queue::Timings);
    publish_at_last(&other.bus, &[event(1, EventType::OrderCreated)]).await;
    within(consumer.next()).await.unwrap().ack();
    within(other.bus.close()).await;
    stack.clear().await;
}

#[tokio::test]
async fn a_node_that_takes_nothing_loses_its_queue_and_is_told() {
    let Some(mut stack) = Stack::rabbit() else { return };
    stack.config.prefetch = 4;
    stack.config.timeout = Span::millis(500);
    let mint = Mint::seeded(1);
    let slow = Bus::connect(&stack.config, &stack.tasks, &mint).unwrap();
    let mut feed = slow.node_feed();
    listening(&mut feed).await;
    publish_at_last(&stack.bus, &events(0..100, EventType::OrderEtaChanged)).await;

    let mut word = [0; 8];
    Mint::seeded(1).fill(&mut word);
    let name = stack.names().node_queue(&hex::encode(word));
    within(async {
        loop {
            let options = QueueDeclareOptions::default().passive();
            let channel = stack.operator().await;
            let found = channel.queue_declare(name.as_str().into(), options, FieldTable::default());
            // While it is there, others are told that it is locked.
            if found.await.unwrap_err().to_string().contains("NOT_FOUND") {
                return;
            }
        }
    })
    .await;

    let before = restored(&mut feed).await;
    assert!(before.len() < 100);
    assert_eq!(before.last(), Some(&FeedItem::Lost));
    within(slow.close()).await;
    stack.clear().await;
}

#[tokio::test]
async fn wrong_credentials_are_named_as_the_reason() {
    let Some(stack) = Stack::rabbit() else { return };
    let config = stack.config.amqp_url.as_ref().map(|url| {
        let url = secrecy::ExposeSecret::expose_secret(url);
        let (_, address) = url.split_once('@').unwrap();
        format!("amqp://guest:wrong-password@{address}").into()
    });
    let stranger = stack.beside(|it| it.amqp_url = config);
    let reason = trouble(&stranger.bus).await;
    assert!(reason.contains("ACCESS_REFUSED"), "{reason}");
    assert!(!reason.contains("wrong-password"), "{reason}");
    within(stranger.bus.close()).await;
    stack.clear().await;
}

#[tokio::test]
async fn a_listener_that_never_answers_is_let_go_of() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = config::Bus {
        amqp_url: Some(format!("amqp://{address}").into()),
        timeout: Span::millis(300),
        ..config::Bus::default()
    };
    let tasks = Tasks::default();
    let bus = Bus::connect(&config, &tasks, &Mint::system()).unwrap();
    let mut greeting = Vec::new();
    // The end of the stream: lapin, left alone, would keep the socket open and a thread waiting.
    within(async { listener.accept().await.unwrap().0.read_to_end(&mut greeting).await })
        .await
        .unwrap();
    assert!(greeting.starts_with(b"AMQP"));
    assert_eq!(trouble(&bus).await, "no answer within 300ms");
    within(bus.close()).await;
    assert!(tasks.shut_down(Duration::from_secs(5)).await);
}

#[test]
fn a_malformed_url_is_refused_and_not_quoted() {
    for url in ["http://u:geheim@host", "amqp:u:geheim@host", "amqps://u:geheim@host", "geheim"] {
        let config =
            config::Bus { amqp_url: Some(url.to_owned().into()), ..config::Bus::default() };
        let refused = Bus::connect(&config, &Tasks::default(), &Mint::system()).unwrap_err();
        assert!(matches!(refused, BusError::Url));
        assert!(!refused.to_string().contains("geheim"));
    }
}
