//! Single flight: those who want the same thing at the same time share one piece of work.

use std::{hash::Hash, sync::Arc};

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

/// Work that is shared, by what it is about. For each key one piece is under way and one waits behind it, whoever and how many
/// ask. Nothing is kept of a key that nobody waits for.
pub struct Flights<K: Hash + Eq, V> {
    lanes: DashMap<K, (Arc<Lane<V>>, Passengers)>,
}

/// How many are in a lane.
type Passengers = usize;

struct Lane<V> {
    /// Held by the work under way.
    under_way: tokio::sync::Mutex<()>,
    /// The work that has not begun.
    next: Mutex<Arc<OnceCell<V>>>,
}

/// Somebody in a lane. The last one to leave takes the lane away.
struct Passenger<'a, K: Hash + Eq, V> {
    flights: &'a Flights<K, V>,
    key: K,
    lane: Arc<Lane<V>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    /// What `work`, or the same work of somebody else, has found. It **never began before this call**: whoever comes while one is
    /// under way joins the next. Should the one who works be dropped, another of those who wait does the work.
    pub async fn join<W>(&self, key: K, work: impl FnOnce() -> W) -> V
    where
        W: Future<Output = V>,
    {
        let passenger = self.board(key);
        let lane = &*passenger.lane;
        let flight = Arc::clone(&lane.next.lock());
        let found = flight.get_or_init(async || {
            let _under_way = lane.under_way.lock().await;
            lane.close(&flight);
            // On the heap: of the thousands who may wait here, only one works.
            Box::pin(work()).await
        });
        found.await.clone()
    }

    fn board(&self, key: K) -> Passenger<'_, K, V> {
        let mut entry = self.lanes.entry(key.clone()).or_default();
        entry.1 += 1;
        Passenger { flights: self, key, lane: Arc::clone(&entry.0) }
    }
}

impl<K: Hash + Eq, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { lanes: DashMap::new() }
    }
}

impl<K: Hash + Eq, V> Drop for Passenger<'_, K, V> {
    fn drop(&mut self) {
        self.flights.lanes.remove_if_mut(&self.key, |_, (_, passengers)| {
            *passengers -= 1;
            *passengers == 0
        });
    }
}

impl<V> Lane<V> {
    /// Nobody joins this one any more.
    fn close(&self, flight: &Arc<OnceCell<V>>) {
        let mut next = self.next.lock();
        if Arc::ptr_eq(&next, flight) {
            *next = Arc::default();
        }
    }
}

impl<V> Default for Lane<V> {
    fn default() -> Self {
        Self { under_way: tokio::sync::Mutex::default(), next: Mutex::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::{FutureExt, future::join_all};
    use tokio::sync::Semaphore;

    use super::*;

    /// Work that goes on when it is let; each piece answers with its number.
    struct Kitchen {
        flights: Flights<u8, u32>,
        begun: AtomicU32,
        may_end: Semaphore,
    }

    impl Kitchen {
        fn new() -> Self {
            Self {
                flights: Flights::default(),
                begun: AtomicU32::new(0),
                may_end: Semaphore::new(0),
            }
        }

        async fn ask(&self, key: u8) -> u32 {
            let work = || async {
                let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
                self.may_end.acquire().await.unwrap().forget();
                number
            };
            self.flights.join(key, work).await
        }
    }

    #[tokio::test]
    async fn whoever_comes_while_one_is_under_way_shares_the_next() {
        let kitchen = Kitchen::new();
        let mut first = Box::pin(kitchen.ask(1));
        assert!((&mut first).now_or_never().is_none());
        let mut late = Box::pin(join_all((0..1000).map(|_| kitchen.ask(1))));
        assert!((&mut late).now_or_never().is_none());
        assert_eq!(kitchen.begun.load(Ordering::Relaxed), 1, "one at a time");
        kitchen.may_end.add_permits(1);
        assert_eq!(first.await, 1);
        assert!((&mut late).now_or_never().is_none());
        let mut later = Box::pin(kitchen.ask(1));
        assert!((&mut later).now_or_never().is_none());
        kitchen.may_end.add_permits(2);
        assert_eq!(late.await, [2; 1000]);
        assert_eq!(later.await, 3);
        assert!(kitchen.flights.lanes.is_empty(), "nothing is kept of what nobody waits for");
    }

    #[tokio::test]
    async fn other_keys_do_not_wait() {
        let kitchen = Kitchen::new();
        let (mut first, mut other) = (Box::pin(kitchen.ask(1)), Box::pin(kitchen.ask(2)));
        assert!((&mut first).now_or_never().is_none() && (&mut other).now_or_never().is_none());
        assert_eq!(kitchen.begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn when_the_one_who_works_goes_away_another_takes_over() {
        let kitchen = Kitchen::new();
        let mut first = Box::pin(kitchen.ask(1));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(kitchen.ask(1));
        let mut third = Box::pin(kitchen.ask(1));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        drop(first);
        // The second one begins, and is lost as well.
        assert!((&mut second).now_or_never().is_none());
        assert_eq!(kitchen.begun.load(Ordering::Relaxed), 2);
        drop(second);
        kitchen.may_end.add_permits(1);
        assert_eq!(third.await, 3);
        assert!(kitchen.flights.lanes.is_empty());
    }
}
