//! The contract of the bus, kept by each of its forms. What only a broker can do wrong is in `broker`.

mod broker;
mod stack;

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;

use self::stack::{Stack, event, events, numbers, publish, routing, within};
use crate::{
    bus::{Bus, BusError, FeedItem, Message, NodeFeed, Queue},
    domain::{EventType, Routing},
};

macro_rules! contract {
    ($($name:ident,)+) => {
        mod local {
            use crate::bus::tests::{self as contract, Stack};

            $(
                #[tokio::test]
                async fn $name() {
                    let stack = Stack::local();
                    contract::$name(&stack).await;
                    stack.clear().await;
                }
            )+
        }

        mod rabbit {
            use crate::bus::tests::{self as contract, Stack};

            $(
                #[tokio::test]
                async fn $name() {
                    let Some(stack) = Stack::rabbit() else { return };
                    contract::$name(&stack).await;
                    stack.clear().await;
                }
            )+
        }
    };
}

contract! {
    a_feed_gets_what_is_published,
    every_feed_gets_everything,
    a_consumer_gets_the_events_of_its_queue_and_no_others,
    consumers_of_one_queue_share_its_messages,
    a_message_that_is_always_rejected_becomes_a_dead_letter,
    a_message_that_can_never_be_handled_becomes_a_dead_letter_at_once,
    an_event_of_a_type_that_nobody_knows_reaches_every_feed,
    a_delivery_that_is_dropped_comes_again,
    a_message_comes_again_when_its_consumer_vanishes,
    a_burst_arrives_whole_and_in_order,
    a_closed_bus_ends_its_feeds_and_consumers,
    an_empty_batch_is_published_at_once,
    the_broker_answers_a_ping,
}

/// Waits until a feed is complete; answers whether it began with a gap.
async fn listening(feed: &mut NodeFeed) {
    within(async {
        while let Some(item) = feed.next().await {
            if item == FeedItem::Restored {
                return;
            }
            assert_eq!(item, FeedItem::Lost);
        }
        panic!("the feed has ended");
    })
    .await;
}

async fn messages(feed: &mut NodeFeed, count: usize) -> Vec<Bytes> {
    let mut bodies = Vec::new();
    within(async {
        while bodies.len() < count {
            match feed.next().await {
                Some(FeedItem::Message(body)) => bodies.push(body),
                other => panic!("{other:?} after {} messages", bodies.len()),
            }
            while let Some(FeedItem::Message(body)) = feed.try_next() {
                bodies.push(body);
            }
        }
    })
    .await;
    bodies
}

/// Publishes as the relay does: again, until it has worked.
async fn publish_at_last(bus: &Bus, batch: &[Message]) {
    within(async {
        while let Err(error) = publish(bus, batch).await {
            assert!(!matches!(error, BusError::Closed));
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn a_feed_gets_what_is_published(stack: &Stack) {
    let mut feed = stack.bus.node_feed();
    listening(&mut feed).await;
    let message = event(1, EventType::OrderEtaChanged);
    within(publish(&stack.bus, std::slice::from_ref(&message))).await.unwrap();
    assert_eq!(messages(&mut feed, 1).await, [message.body]);
    assert_eq!(feed.try_next(), None);
}

async fn an_event_of_a_type_that_nobody_knows_reaches_every_feed(stack: &Stack) {
    let mut feed = stack.bus.node_feed();
    listening(&mut feed).await;
    let known = event(1, EventType::OrderEtaChanged);
    let routing = Routing {
        subject_type: "menu".into(),
        subject_id: "menu_7".into(),
        partition_key: "menu_7".into(),
        order_id: None,
        store_id: None,
        ..routing("MenuPublished", 3)
    };
    let foreign = Message { routing: Arc::new(routing), ..known.clone() };
    within(publish(&stack.bus, &[foreign, known])).await.unwrap();
    assert_eq!(numbers(messages(&mut feed, 2).await), [1, 1]);
}

async fn every_feed_gets_everything(stack: &Stack) {
    let mut feeds = [stack.bus.node_feed(), stack.bus.node_feed()];
    let batch = events(0..50, EventType::OrderEtaChanged);
    for feed in &mut feeds {
        listening(feed).await;
    }
    within(publish(&stack.bus, &batch)).await.unwrap();
    for feed in &mut feeds {
        assert_eq!(numbers(messages(feed, 50).await), (0..50).collect::<Vec<_>>());
    }
}

async fn a_consumer_gets_the_events_of_its_queue_and_no_others(stack: &Stack) {
    let mut consumer = stack.bus.consume(Queue::Timings);
    let batch = [
        event(1, EventType::PaymentProcessed),
        event(2, EventType::OrderCreated),
        event(3, EventType::OrderStatusChanged),
    ];
    let bus = stack.bus.clone();
    let publishing = async { publish_at_last(&bus, &batch).await };
    let consuming = async {
        for expected in [2, 3] {
            let delivery = within(consumer.next()).await.unwrap();
            assert_eq!(delivery.event_id, Some(event(expected, EventType::OrderCreated).event_id));
            assert_eq!(numbers([delivery.body.clone()]), [expected]);
            assert!(!delivery.redelivered);
            delivery.ack();
        }
    };
    tokio::join!(publishing, consuming);
    assert!(consumer.try_next().is_none());
}

async fn consumers_of_one_queue_share_its_messages(stack: &Stack) {
    let mut one = stack.bus.consume(Queue::Timings);
    let mut other = stack.bus.consume(Queue::Timings);
    let batch = events(0..200, EventType::OrderCreated);
    let consuming = async {
        let mut seen = HashSet::new();
        while seen.len() < 200 {
            let delivery = tokio::select! {
                delivery = one.next() => delivery,
                delivery = other.next() => delivery,
            };
            let delivery = delivery.unwrap();
            seen.extend(numbers([delivery.body.clone()]));
            delivery.ack();
        }
    };
    within(async { tokio::join!(publish_at_last(&stack.bus, &batch), consuming) }).await;
}

async fn a_message_that_is_always_rejected_becomes_a_dead_letter(stack: &Stack) {
    let mut consumer = stack.bus.consume(Queue::Timings);
    let batch = [event(1, EventType::OrderCreated), event(2, EventType::OrderCreated)];
    let consuming = async {
        let (mut rejected, mut acknowledged) = (0, 0);
        while rejected < Stack::DELIVERY_LIMIT || acknowledged < 1 {
            let delivery = within(consumer.next()).await.unwrap();
            if numbers([delivery.body.clone()]) == [1] {
                assert_eq!(delivery.redelivered, rejected > 0);
                rejected += 1;
                delivery.reject("it tastes of soap");
            } else {
                acknowledged += 1;
                delivery.ack();
            }
        }
    };
    let (published, ()) =
        within(async { tokio::join!(publish(&stack.bus, &batch), consuming) }).await;
    let dead = stack.dead_letters(&published.unwrap()).await;
    assert_eq!(numbers(dead), [1]);
    assert!(consumer.try_next().is_none());
}

async fn a_message_that_can_never_be_handled_becomes_a_dead_letter_at_once(stack: &Stack) {
    let mut consumer = stack.bus.consume(Queue::Timings);
    let batch = [event(1, EventType::OrderCreated), event(2, EventType::OrderCreated)];
    let consuming = async {
        let first = within(consumer.next()).await.unwrap();
        assert_eq!(numbers([first.body.clone()]), [1]);
        first.dead_letter("it tastes of soap");
        let second = within(consumer.next()).await.unwrap();
        assert_eq!(numbers([second.body.clone()]), [2]);
        second.ack();
    };
    let (published, ()) =
        within(async { tokio::join!(publish(&stack.bus, &batch), consuming) }).await;
    let dead = stack.dead_letters(&published.unwrap()).await;
    assert_eq!(numbers(dead), [1]);
    assert!(consumer.try_next().is_none());
}

async fn a_delivery_that_is_dropped_comes_again(stack: &Stack) {
    let mut consumer = stack.bus.consume(Queue::Timings);
    let batch = [event(1, EventType::OrderCreated)];
    let consuming = async {
        drop(within(consumer.next()).await.unwrap());
        let again = within(consumer.next()).await.unwrap();
        assert!(again.redelivered);
        again.ack();
    };
    tokio::join!(publish_at_last(&stack.bus, &batch), consuming);
}

async fn a_message_comes_again_when_its_consumer_vanishes(stack: &Stack) {
    let batch = [event(1, EventType::OrderCreated)];
    let mut first = stack.bus.consume(Queue::Timings);
    let consuming = async {
        let held = within(first.next()).await.unwrap();
        drop(first);
        drop(held);
        let mut second = stack.bus.consume(Queue::Timings);
        let again = within(second.next()).await.unwrap();
        assert!(again.redelivered);
        assert_eq!(numbers([again.body.clone()]), [1]);
        again.ack();
    };
    tokio::join!(publish_at_last(&stack.bus, &batch), consuming);
}

async fn a_burst_arrives_whole_and_in_order(stack: &Stack) {
    const COUNT: u32 = 5000;
    let all: Vec<_> = (0..COUNT).collect();
    let mut feed = stack.bus.node_feed();
    listening(&mut feed).await;
    let mut consumer = stack.bus.consume(Queue::Timings);
    let batch = events(0..COUNT, EventType::OrderStatusChanged);
    let consuming = async {
        let mut bodies = Vec::new();
        while bodies.len() < all.len() {
            let mut next = within(consumer.next()).await;
            while let Some(delivery) = next {
                bodies.push(delivery.body.clone());
                delivery.ack();
                next = consumer.try_next();
            }
        }
        bodies
    };
    let publishing = async { publish(&stack.bus, &batch).await.unwrap() };
    let listening = messages(&mut feed, all.len());
    let (_, worked_on, shown) = tokio::join!(publishing, consuming, listening);
    assert_eq!(numbers(worked_on), all);
    assert_eq!(numbers(shown), all);
}

async fn a_closed_bus_ends_its_feeds_and_consumers(stack: &Stack) {
    let mut feed = stack.bus.node_feed();
    let mut consumer = stack.bus.consume(Queue::Timings);
    listening(&mut feed).await;
    within(stack.bus.close()).await;
    assert_eq!(within(feed.next()).await, None);
    assert!(within(consumer.next()).await.is_none());
    let refused = within(publish(&stack.bus, &[event(1, EventType::OrderCreated)])).await;
    assert!(matches!(refused, Err(BusError::Closed)));
}

async fn an_empty_batch_is_published_at_once(stack: &Stack) {
    let published = within(publish(&stack.bus, &[])).await.unwrap();
    assert!(published.dead.is_empty());
}

async fn the_broker_answers_a_ping(stack: &Stack) {
    within(stack.bus.ping()).await.unwrap();
    let mut state = stack.bus.state();
    within(async { state.wait_for(|it| it.trouble().is_none()).await.map(drop) }).await.unwrap();
}

#[tokio::test]
async fn a_feed_that_falls_behind_in_this_process_says_so() {
    let stack = Stack::local_with(|config| config.local_capacity = 16);
    let mut feed = stack.bus.node_feed();
    listening(&mut feed).await;
    publish(&stack.bus, &events(0..20, EventType::OrderEtaChanged)).await.unwrap();
    assert_eq!(feed.next().await, Some(FeedItem::Lost));
    assert_eq!(feed.next().await, Some(FeedItem::Restored));
    assert_eq!(numbers(messages(&mut feed, 16).await), (4..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_consumer_in_this_process_that_does_not_answer_holds_up_no_feed_and_no_other_consumer() {
    let stack = Stack::local_with(|config| config.local_capacity = 16);
    let Bus::Local(local) = &stack.bus else { unreachable!() };
    let mut feed = stack.bus.node_feed();
    listening(&mut feed).await;
    let mut silent = stack.bus.consume(Queue::Notifications);
    let mut other = stack.bus.consume(Queue::Timings);
    let batch = events(1..11, EventType::OrderCreated);
    local.publish(&batch, 10).unwrap();
    for queue in local.queues() {
        for (place, message) in (1..).zip(&batch) {
            queue.put(place, message.clone());
        }
    }
    assert_eq!(numbers(messages(&mut feed, 10).await), (1..11).collect::<Vec<_>>());
    let held = within(silent.next()).await.unwrap();
    for _ in 0..10 {
        within(other.next()).await.unwrap().ack();
    }
    let [silent, other] = local.queues().try_into().unwrap();
    within(local.progress()).await;
    assert_eq!(
        other.answers().iter().map(|answer| answer.seq).collect::<Vec<_>>(),
        (1..11).collect::<Vec<_>>()
    );
    assert_eq!((other.unanswered(), other.room()), (0, 16));
    // It holds a bounded number of messages, and keeps those that it has not answered.
    assert_eq!((silent.unanswered(), silent.room(), silent.answers().len()), (10, 6, 0));
    held.dead_letter("it tastes of soap");
    let answers = silent.answers();
    assert_eq!(answers.len(), 1);
    assert!(
        answers[0]
            .dead
            .as_ref()
            .is_some_and(|(message, why)| { message.body == "1" && why == "it tastes of soap" })
    );
}
