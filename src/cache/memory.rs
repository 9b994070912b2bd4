//! Snapshots in this process. The newest version wins, in whatever order they arrive.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use moka::{
    future::Cache,
    ops::compute::{CompResult, Op},
    policy::EvictionPolicy,
};

use crate::domain::{Order, OrderId};

/// A bounded map; what was not used for longest goes first.
#[derive(Clone, Debug)]
pub struct Memory {
    orders: Cache<OrderId, Arc<Order>>,
    /// Counts how often all was forgotten.
    epoch: Arc<AtomicU64>,
}

impl Memory {
    /// Keeps so many orders.
    pub fn new(entries: u64) -> Self {
        // Not by how often something is used: a full map would then turn away what was put just now.
        let by_age = EvictionPolicy::lru();
        Self {
            orders: Cache::builder().max_capacity(entries).eviction_policy(by_age).build(),
            epoch: Arc::default(),
        }
    }

    /// The newest version that was put, unless it had to make room.
    pub async fn get(&self, id: OrderId) -> Option<Arc<Order>> {
        self.orders.get(&id).await
    }

    /// Puts an order unless a newer one is there; answers with the newer of both.
    pub async fn put(&self, order: &Arc<Order>) -> Arc<Order> {
        let newest = self.orders.entry(order.id).and_compute_with(|entry| {
            let known = entry.is_some_and(|it| order.version <= it.value().version);
            ready(if known { Op::Nop } else { Op::Put(Arc::clone(order)) })
        });
        match newest.await {
            CompResult::Inserted(entry)
            | CompResult::ReplacedWith(entry)
            | CompResult::Unchanged(entry)
            | CompResult::Removed(entry) => entry.into_value(),
            CompResult::StillNone(_) => Arc::clone(order),
        }
    }

    /// The present epoch, for [`Memory::put_read`].
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Puts an order that was read elsewhere, which began in `epoch`. When all was forgotten meanwhile, it may be as old as what
    /// was forgotten, and goes, too.
    pub async fn put_read(&self, order: &Arc<Order>, epoch: u64) -> Arc<Order> {
        let newest = self.put(order).await;
        // After the put, so that no moment is left uncovered.
        if epoch != self.epoch() {
            self.orders.invalidate(&order.id).await;
        }
        newest
    }

    /// Forgets an order.
    pub async fn forget(&self, id: OrderId) {
        self.orders.invalidate(&id).await;
    }

    /// Forgets everything that was put so far, and what is being read at the moment.
    pub fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.orders.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::stack::order;

    #[tokio::test]
    async fn no_more_is_kept_than_was_asked_for() {
        let memory = Memory::new(10);
        for _ in 0..1000 {
            memory.put(&order(1)).await;
        }
        memory.orders.run_pending_tasks().await;
        assert!(memory.orders.entry_count() <= 10);
    }

    #[tokio::test]
    async fn what_was_put_last_stays() {
        let memory = Memory::new(10);
        for _ in 0..1000 {
            let order = order(1);
            memory.put(&order).await;
            memory.orders.run_pending_tasks().await;
            assert_eq!(memory.get(order.id).await, Some(order));
        }
    }
}
