//! The contract of the cache, with Redis and without. What only Redis can do wrong is in `server`.

mod server;
pub mod stack;

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::sync::Notify;

use self::stack::{Stack, order, within};
use crate::{
    base::{clock::Clock, tasks::Tasks},
    cache::{Pace, State, Turn, Watching},
    domain::Order,
};

macro_rules! contract {
    ($($name:ident,)+) => {
        mod memory {
            use crate::cache::tests::{self as contract, Stack};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    contract::$name(&Stack::memory()).await;
                }
            )+
        }

        mod redis {
            use crate::cache::tests::{self as contract, Stack};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let Some(stack) = Stack::redis() else { return };
                    contract::$name(&stack).await;
                }
            )+
        }
    };
}

contract! {
    what_is_put_can_be_got,
    an_older_version_never_replaces_a_newer_one,
    of_many_versions_at_once_the_newest_remains,
    what_is_read_elsewhere_is_remembered,
    a_failed_read_and_an_order_that_is_not_there_are_not_remembered,
    a_slow_read_does_not_hide_what_came_meanwhile,
    what_is_forgotten_here_is_gone,
    what_was_being_read_is_forgotten_with_the_rest,
    a_ping_is_answered,
    turns_are_given_once_for_all,
    an_order_that_is_forgotten_is_gone,
}

async fn turns_are_given_once_for_all(stack: &Stack) {
    let pace = Pace {
        every: Duration::from_millis(100),
        pair_every: Duration::from_mins(10),
        horizon: Duration::from_millis(350),
    };
    let number = order(1).id.to_string();
    let now = Clock::System.now();
    let given = stack.cache.turns(&number, pace, &["a", "b", "a", "c"], now).await;
    let [Turn::After(first), Turn::After(second), Turn::NotBefore(again), Turn::After(third)] =
        given[..]
    else {
        panic!("{given:?}")
    };
    assert_eq!((first + pace.every, second + pace.every), (second, third));
    assert!(Duration::from_secs(590) < again, "{again:?}");
    let (elsewhere, is_shared) = (stack.elsewhere(), stack.shared(1).is_some());
    let there = elsewhere.turns(&number, pace, &["b"], now).await;
    assert_eq!(matches!(there[0], Turn::NotBefore(_)), is_shared, "{there:?}");
}

async fn an_order_that_is_forgotten_is_gone(stack: &Stack) {
    let order = order(1);
    stack.cache.put(&order).await;
    stack.cache.forget(order.id).await;
    assert_eq!(stack.cache.get(order.id).await, None);
    assert_eq!(stack.version_elsewhere(order.id).await, None);
}

#[tokio::test]
async fn what_customers_watch_elsewhere_is_known_here_for_as_long_as_it_is_told() {
    let Some(stack) = Stack::redis() else { return };
    let topics = [1, 2].map(|it| format!("order:{}", order(it).id));
    let watched = async || stack.elsewhere().watched(&topics).await;
    let tell = async |is_all, come: &[usize], gone: &[usize], ttl| {
        let some = |which: &[usize]| which.iter().map(|it| topics[*it].clone()).collect();
        let watching = Watching { is_all, come: some(come), gone: some(gone) };
        assert!(stack.cache.tell_watching("node", &watching, ttl).await);
    };
    let long = Duration::from_mins(1);
    assert_eq!(watched().await, [false, false]);
    tell(true, &[0], &[], long).await;
    assert_eq!(watched().await, [true, false]);
    tell(false, &[1], &[0], long).await;
    assert_eq!(watched().await, [false, true]);
    tell(true, &[0, 1], &[], Duration::from_millis(50)).await;
    within(async { while watched().await != [false, false] {} }).await;
}

async fn what_is_put_can_be_got(stack: &Stack) {
    let order = order(1);
    assert_eq!(stack.cache.get(order.id).await, None);
    stack.cache.put(&order).await;
    assert_eq!(stack.cache.get(order.id).await, Some(order));
}

async fn an_older_version_never_replaces_a_newer_one(stack: &Stack) {
    let newer = order(5);
    let older = Arc::new(Order { version: 4, ..Order::clone(&newer) });
    stack.cache.put(&newer).await;
    stack.cache.put(&older).await;
    stack.cache.put_local(&older).await;
    assert_eq!(stack.version(newer.id).await, Some(5));
    assert_eq!(stack.version_elsewhere(newer.id).await, stack.shared(5));
}

async fn of_many_versions_at_once_the_newest_remains(stack: &Stack) {
    const VERSIONS: u32 = 200;
    let first = order(1);
    let (tasks, nodes) = (Tasks::default(), [stack.cache.clone(), stack.elsewhere()]);
    for step in 0..VERSIONS {
        // Every version once, far from their order: 83 and 200 have no common divisor.
        let version = step * 83 % VERSIONS + 1;
        let order = Arc::new(Order { version, ..Order::clone(&first) });
        let cache = nodes[usize::from(version.is_multiple_of(2))].clone();
        tasks.spawn(async move {
            cache.put(&order).await;
            cache.put_local(&order).await;
        });
    }
    assert!(tasks.shut_down(stack::LONG).await);
    assert_eq!(stack.version_elsewhere(first.id).await, stack.shared(VERSIONS));
    let here = [nodes[0].get(first.id).await, nodes[1].get(first.id).await];
    let newest = here.iter().flatten().map(|it| it.version).max();
    assert_eq!(newest, Some(VERSIONS));
}

async fn what_is_read_elsewhere_is_remembered(stack: &Stack) {
    let order = order(3);
    let read = stack.cache.fill(async { Ok::<_, Infallible>(Some(Arc::clone(&order))) }).await;
    assert_eq!(read.unwrap(), Some(Arc::clone(&order)));
    assert_eq!(stack.version(order.id).await, Some(3));
    assert_eq!(stack.version_elsewhere(order.id).await, stack.shared(3));
}

async fn a_failed_read_and_an_order_that_is_not_there_are_not_remembered(stack: &Stack) {
    let order = order(1);
    let failed = stack.cache.fill(async { Err("the store is away") }).await;
    assert_eq!(failed.unwrap_err(), "the store is away");
    assert_eq!(stack.cache.fill(async { Ok::<_, Infallible>(None) }).await.unwrap(), None);
    assert_eq!(stack.version(order.id).await, None);
}

async fn a_slow_read_does_not_hide_what_came_meanwhile(stack: &Stack) {
    let old = order(1);
    let new = Arc::new(Order { version: 2, ..Order::clone(&old) });
    let (reading, go_on) = (Notify::new(), Notify::new());
    let load = async {
        reading.notify_one();
        go_on.notified().await;
        Ok::<_, Infallible>(Some(Arc::clone(&old)))
    };
    let overtaking = async {
        reading.notified().await;
        stack.cache.put(&new).await;
        go_on.notify_one();
    };
    let (read, ()) = within(async { tokio::join!(stack.cache.fill(load), overtaking) }).await;
    assert_eq!(read.unwrap().unwrap().version, 2);
    assert_eq!(stack.version(old.id).await, Some(2));
    assert_eq!(stack.version_elsewhere(old.id).await, stack.shared(2));
}

async fn what_is_forgotten_here_is_gone(stack: &Stack) {
    let old = order(1);
    stack.cache.put_local(&old).await;
    stack.cache.forget_all_local();
    assert_eq!(stack.version(old.id).await, None);
}

async fn what_was_being_read_is_forgotten_with_the_rest(stack: &Stack) {
    let old = order(1);
    let new = Arc::new(Order { version: 2, ..Order::clone(&old) });
    let (reading, go_on) = (Notify::new(), Notify::new());
    let load = async {
        reading.notify_one();
        go_on.notified().await;
        Ok::<_, Infallible>(Some(Arc::clone(&old)))
    };
    let forgetting = async {
        reading.notified().await;
        // The event that tells of it is lost in the gap.
        stack.elsewhere().put(&new).await;
        stack.cache.forget_all_local();
        go_on.notify_one();
    };
    let read = stack.cache.fill(load);
    within(Box::pin(async { tokio::join!(read, forgetting) })).await.0.unwrap();
    assert_ne!(stack.version(old.id).await, Some(1));
}

async fn a_ping_is_answered(stack: &Stack) {
    stack.cache.ping().await.unwrap();
    assert_ne!(stack.cache.state(), State::Away);
}

#[tokio::test]
async fn what_is_put_here_alone_stays_here() {
    let Some(stack) = Stack::redis() else { return };
    let order = order(1);
    stack.cache.put_local(&order).await;
    assert_eq!(stack.version(order.id).await, Some(1));
    assert_eq!(stack.version_elsewhere(order.id).await, None);
}
