//! Snapshots in this process. The newest version wins, in whatever order they arrive.

use std::{future::ready, sync::Arc, time::Duration};

use moka::{
    future::Cache,
    ops::compute::{CompResult, Op},
};

use crate::domain::{Order, OrderId};

/// How many reads through the cache are told apart. One that is forgotten too early only costs a second read.
const FLIGHTS: u64 = 65_536;

/// A bounded map; the least used go first.
#[derive(Clone, Debug)]
pub struct Memory {
    orders: Cache<OrderId, Arc<Order>>,
    /// Used for its single flight alone: it forgets at once what it was told.
    flights: Cache<OrderId, Option<Arc<Order>>>,
}

impl Memory {
    pub fn new(entries: u64) -> Self {
        Self {
            orders: Cache::new(entries),
            flights: Cache::builder().max_capacity(FLIGHTS).time_to_live(Duration::ZERO).build(),
        }
    }

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

    pub fn forget_all(&self) {
        self.orders.invalidate_all();
    }

    /// Runs `load` once for all who want the same order at the same time.
    pub async fn once<E: Send + Sync + 'static>(
        &self,
        id: OrderId,
        load: impl Future<Output = Result<Option<Arc<Order>>, E>>,
    ) -> Result<Option<Arc<Order>>, Arc<E>> {
        self.flights.try_get_with(id, load).await
    }
}
