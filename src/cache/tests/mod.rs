//! The contract of the cache, with Redis and without. What only Redis can do wrong is in `server`.

mod server;
pub mod stack;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::Notify;

use self::stack::{Stack, order, within};
use crate::{base::tasks::Tasks, cache::State, domain::Order};

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
    many_readers_at_once_read_the_store_once,
    a_failed_read_is_told_to_its_readers_and_not_remembered,
    an_order_that_is_not_there_is_not_remembered,
    a_slow_read_does_not_hide_what_came_meanwhile,
    what_is_forgotten_here_is_read_again,
    what_was_being_read_is_forgotten_with_the_rest,
    a_ping_is_answered,
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

async fn many_readers_at_once_read_the_store_once(stack: &Stack) {
    let order = order(3);
    let (reads, tasks) = (Arc::new(AtomicU32::new(0)), Tasks::default());
    for _ in 0..100 {
        let (cache, order, reads) = (stack.cache.clone(), Arc::clone(&order), Arc::clone(&reads));
        tasks.spawn(async move {
            let load = async {
                reads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Some(Order::clone(&order)))
            };
            let read = cache.read_through(order.id, load).await.unwrap();
            assert_eq!(read.unwrap().version, 3);
        });
    }
    assert!(tasks.shut_down(stack::LONG).await);
    assert_eq!(reads.load(Ordering::Relaxed), 1);
    assert_eq!(stack.version_elsewhere(order.id).await, stack.shared(3));
}

async fn a_failed_read_is_told_to_its_readers_and_not_remembered(stack: &Stack) {
    let order = order(1);
    let failed = stack.cache.read_through(order.id, async { Err("the store is away") }).await;
    assert_eq!(*failed.unwrap_err(), "the store is away");
    let loaded = Ok::<_, &str>(Some(Order::clone(&order)));
    let read = stack.cache.read_through(order.id, async { loaded }).await;
    assert_eq!(read.unwrap(), Some(order));
}

async fn an_order_that_is_not_there_is_not_remembered(stack: &Stack) {
    let order = order(1);
    let none = stack.cache.read_through(order.id, async { Ok::<_, Infallible>(None) }).await;
    assert_eq!(none.unwrap(), None);
    let loaded = Ok::<_, Infallible>(Some(Order::clone(&order)));
    let read = stack.cache.read_through(order.id, async { loaded }).await;
    assert_eq!(read.unwrap(), Some(order));
}

async fn a_slow_read_does_not_hide_what_came_meanwhile(stack: &Stack) {
    let old = order(1);
    let new = Arc::new(Order { version: 2, ..Order::clone(&old) });
    let (reading, go_on) = (Notify::new(), Notify::new());
    let load = async {
        reading.notify_one();
        go_on.notified().await;
        Ok::<_, Infallible>(Some(Order::clone(&old)))
    };
    let overtaking = async {
        reading.notified().await;
        stack.cache.put(&new).await;
        go_on.notify_one();
    };
    let (read, ()) =
        within(async { tokio::join!(stack.cache.read_through(old.id, load), overtaking) }).await;
    assert_eq!(read.unwrap().unwrap().version, 2);
    assert_eq!(stack.version(old.id).await, Some(2));
    assert_eq!(stack.version_elsewhere(old.id).await, stack.shared(2));
}

async fn what_is_forgotten_here_is_read_again(stack: &Stack) {
    let old = order(1);
    let new = Order { version: 2, ..Order::clone(&old) };
    stack.cache.put_local(&old).await;
    stack.cache.forget_all_local();
    let read = stack.cache.read_through(old.id, async { Ok::<_, Infallible>(Some(new)) }).await;
    assert_eq!(read.unwrap().unwrap().version, 2);
}

async fn what_was_being_read_is_forgotten_with_the_rest(stack: &Stack) {
    let old = order(1);
    let new = Arc::new(Order { version: 2, ..Order::clone(&old) });
    let (reading, go_on) = (Notify::new(), Notify::new());
    let load = async {
        reading.notify_one();
        go_on.notified().await;
        Ok::<_, Infallible>(Some(Order::clone(&old)))
    };
    let forgetting = async {
        reading.notified().await;
        // The event that tells of it is lost in the gap.
        stack.elsewhere().put(&new).await;
        stack.cache.forget_all_local();
        go_on.notify_one();
    };
    let read = stack.cache.read_through(old.id, load);
    within(Box::pin(async { tokio::join!(read, forgetting) })).await.0.unwrap();
    let load = async { Ok::<_, Infallible>(Some(Order::clone(&new))) };
    let again = stack.cache.read_through(old.id, load).await;
    assert_eq!(again.unwrap().unwrap().version, 2);
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
