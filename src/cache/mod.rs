//! Order snapshots: in this process, and behind that in Redis, if there is one. It only ever saves time: everything in it can be
//! read from the store again, and of two versions of an order the newer one wins.
//!
//! Also what processes know of each other by Redis, and do without where it is away: the pace of messages, and who watches what.

mod error;
mod keys;
mod memory;
mod pace;
mod redis;
mod together;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

pub use self::{
    error::CacheError,
    pace::{Pace, Turn},
    together::Watching,
};
use self::{memory::Memory, pace::Turns, redis::Redis};
use crate::{
    base::clock::Clock,
    config,
    domain::{Order, OrderId},
};

/// The cache. Clones share one.
#[derive(Clone, Debug)]
pub struct Cache {
    memory: Memory,
    redis: Option<Redis>,
    turns: Turns,
}

impl Cache {
    /// Takes the layers that are configured. Does not wait for Redis, nor fail without it: only a malformed URL is an error.
    pub fn connect(config: &config::Cache, clock: Clock) -> Result<Self, CacheError> {
        let redis = config.redis_url.as_ref().map(|url| Redis::connect(url, config, clock));
        Ok(Self {
            memory: Memory::new(config.memory_entries),
            redis: redis.transpose()?,
            turns: Turns::default(),
        })
    }

    /// The newest snapshot that is known here or in Redis.
    pub async fn get(&self, id: OrderId) -> Option<Arc<Order>> {
        if let Some(order) = self.memory.get(id).await {
            return Some(order);
        }
        let epoch = self.memory.epoch();
        // On the heap, as below: the way through Redis needs kilobytes, and callers are many, and most of them hit memory.
        let order = Box::pin(self.redis.as_ref()?.get(id)).await?;
        Some(self.memory.put_read(&Arc::new(order), epoch).await)
    }

    /// Remembers an order, here at once and in Redis if that answers in time.
    pub async fn put(&self, order: &Arc<Order>) {
        self.memory.put(order).await;
        if let Some(redis) = &self.redis {
            Box::pin(redis.put(order)).await;
        }
    }

    /// Remembers an order here: for what another node has put into Redis already.
    pub async fn put_local(&self, order: &Arc<Order>) {
        self.memory.put(order).await;
    }

    /// Forgets an order, here and in Redis.
    pub async fn forget(&self, id: OrderId) {
        self.memory.forget(id).await;
        if let Some(redis) = &self.redis {
            redis.forget(id).await;
        }
    }

    /// Forgets what is remembered here: after a gap in the events nobody knows which of it is still true.
    pub fn forget_all_local(&self) {
        self.memory.forget_all();
    }

    /// Remembers what `load` reads elsewhere; answers with that, or with what is known to be newer. That there is no such order
    /// is not remembered.
    pub async fn fill<E>(
        &self,
        load: impl Future<Output = Result<Option<Arc<Order>>, E>>,
    ) -> Result<Option<Arc<Order>>, E> {
        let epoch = self.memory.epoch();
        let Some(order) = load.await? else { return Ok(None) };
        if let Some(redis) = &self.redis {
            Box::pin(redis.put(&order)).await;
        }
        Ok(Some(self.memory.put_read(&order, epoch).await))
    }

    /// Gives each of these people a turn to be written to from this number, in their order. Without Redis every process keeps the pace by
    /// itself.
    pub async fn turns(
        &self,
        number: &str,
        pace: Pace,
        people: &[&str],
        now: Timestamp,
    ) -> Vec<Turn> {
        if let Some(redis) = self.redis.as_ref().filter(|it| it.admits())
            && let Ok(turns) = redis.turns(number, pace, people).await
            && turns.len() == people.len()
        {
            return turns;
        }
        self.turns.give(number, pace, people, now)
    }

    /// Tells other processes, for so long, what customers watch by way of this one; `false` when they were not told.
    pub async fn tell_watching(&self, node: &str, watching: &Watching, ttl: Duration) -> bool {
        match self.redis.as_ref().filter(|it| it.admits()) {
            Some(redis) => redis.watch(node, watching, ttl).await.is_ok(),
            None => false,
        }
    }

    /// Which of these topics customers watch by way of any process, as far as processes have told each other.
    pub async fn watched(&self, topics: &[String]) -> Vec<bool> {
        let nobody = || vec![false; topics.len()];
        match self.redis.as_ref().filter(|it| it.admits()) {
            Some(redis) if !topics.is_empty() => {
                redis.watched(topics).await.unwrap_or_else(|_| nobody())
            }
            _ => nobody(),
        }
    }

    /// How Redis stands.
    pub fn state(&self) -> State {
        match &self.redis {
            None => State::InProcess,
            Some(redis) if redis.is_resting() => State::Away,
            Some(_) => State::Connected,
        }
    }

    /// Asks Redis for an answer, also while it is left alone.
    pub async fn ping(&self) -> Result<(), CacheError> {
        match &self.redis {
            None => Ok(()),
            Some(redis) => redis.ping().await,
        }
    }
}

/// How Redis stood when it was last needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is none: this process remembers on its own.
    InProcess,
    /// It answers, or has not been asked yet.
    Connected,
    /// It failed and is left alone for a while.
    Away,
}

#[cfg(test)]
mod tests;
