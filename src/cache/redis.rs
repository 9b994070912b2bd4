//! Snapshots in Redis, shared by all nodes. Every call is short, and none is made while Redis is known to be away.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisResult,
    Script, aio::MultiplexedConnection,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{
    base::{
        circuit_breaker::{CircuitBreaker, CircuitConfig, CircuitState},
        clock::Clock,
    },
    cache::{CacheError, keys},
    config,
    domain::{Order, OrderId},
};

/// Puts a snapshot unless a newer one is there. An equal one is replaced, so that a broken entry heals.
const PUT: &str = r"
    local known = redis.pcall('HGET', KEYS[1], 'version')
    if type(known) == 'table' then
        redis.call('DEL', KEYS[1])
        known = false
    end
    if known and (tonumber(known) or 0) > tonumber(ARGV[1]) then
        return 0
    end
    redis.call('HSET', KEYS[1], 'version', ARGV[1], 'order', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return 1
";

/// Orders that changed while Redis was away, at most. With more, Redis is left alone until what it holds has expired.
const MISSED: usize = 100_000;

/// The layer in Redis. Clones share one connection.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    /// Hung up after every failure, so that the next call begins with a new one.
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    put: Script,
    clock: Clock,
    circuit: Mutex<CircuitBreaker>,
    circuit_config: CircuitConfig,
    missed: Mutex<Missed>,
    timeout: Duration,
    ttl: Duration,
}

/// What Redis was not told while it was away. Its snapshots of these orders are old; other nodes may still read them until this
/// one has had them forgotten, but these nodes have been told the newer versions by event.
#[derive(Default)]
struct Missed {
    /// Redis must not be asked before it has forgotten these.
    orders: HashSet<OrderId>,
    /// Set when there were too many of them: Redis must not be asked before all that it holds has expired.
    until: Option<Instant>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("circuit", &self.shared.circuit).finish_non_exhaustive()
    }
}

impl Redis {
    /// Does not connect before the first call.
    pub fn connect(
        url: &SecretString,
        config: &config::Cache,
        clock: Clock,
    ) -> Result<Self, CacheError> {
        let info = url.expose_secret().into_connection_info().map_err(|_| CacheError::Url)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(CacheError::Url);
        }
        let shared = Shared {
            client: Client::open(info)?,
            connection: tokio::sync::Mutex::default(),
            put: Script::new(PUT),
            clock,
            circuit: Mutex::default(),
            circuit_config: CircuitConfig { failures: 1, rest: *config.rest },
            missed: Mutex::default(),
            timeout: *config.timeout,
            ttl: *config.ttl,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The snapshot, if Redis answers and holds one that can be read.
    pub async fn get(&self, id: OrderId) -> Option<Order> {
        if !self.is_trustworthy().await {
            return None;
        }
        let get = async |connection: &mut MultiplexedConnection| {
            match connection.hget(keys::order(id), "order").await {
                // Not what we have put there, but no reason to leave Redis alone.
                Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
                got => got,
            }
        };
        let json: Option<Vec<u8>> = self.call(get).await.ok()?;
        let order = serde_json::from_slice::<Order>(&json?);
        if let Err(error) = &order {
            tracing::warn!(order.id = %id, "the snapshot of {id} in Redis cannot be read: {error}");
        }
        order.ok().filter(|it| it.id == id)
    }

    /// Puts the snapshot unless a newer one is there, or Redis is away.
    pub async fn put(&self, order: &Order) {
        if !self.is_trustworthy().await || self.try_put(order).await.is_err() {
            self.miss(order.id);
        }
    }

    /// Forgets a snapshot, now or when Redis answers again.
    pub async fn forget(&self, id: OrderId) {
        self.miss(id);
        let _is_done = self.is_trustworthy().await;
    }

    /// Whether it failed when it was last needed.
    pub fn is_resting(&self) -> bool {
        let Shared { missed, circuit, clock, .. } = &*self.shared;
        missed.lock().until.is_some() || circuit.lock().state(clock.now()) != CircuitState::Closed
    }

    /// Whether it may be asked for what has nothing to do with snapshots.
    pub fn admits(&self) -> bool {
        let Shared { circuit, circuit_config, clock, .. } = &*self.shared;
        circuit.lock().admit(*circuit_config, clock.now()).is_ok()
    }

    /// Asks for an answer, whatever the circuit's state.
    pub async fn ping(&self) -> Result<(), CacheError> {
        self.call(async |connection: &mut MultiplexedConnection| connection.ping().await).await
    }

    async fn try_put(&self, order: &Order) -> Result<(), CacheError> {
        // An order is plain data: it always has a JSON form.
        let Ok(json) = serde_json::to_vec(order) else { return Ok(()) };
        let ttl = u64::try_from(self.shared.ttl.as_millis()).unwrap_or(u64::MAX);
        let mut put = self.shared.put.key(keys::order(order.id));
        put.arg(order.version).arg(json).arg(ttl);
        self.call(async |connection: &mut MultiplexedConnection| put.invoke_async(connection).await)
            .await
    }

    /// Whether Redis may be asked: it is not resting, and holds nothing that it should have been told is old.
    async fn is_trustworthy(&self) -> bool {
        {
            let mut missed = self.shared.missed.lock();
            missed.until = missed.until.filter(|it| Instant::now() < *it);
            if missed.until.is_some() {
                return false;
            }
        }
        self.admits() && self.forget_missed().await.is_ok()
    }

    async fn forget_missed(&self) -> Result<(), CacheError> {
        let missed: Vec<_> = self.shared.missed.lock().orders.iter().copied().collect();
        for ids in missed.chunks(1000) {
            let names: Vec<_> = ids.iter().copied().map(keys::order).collect();
            let forget =
                async |connection: &mut MultiplexedConnection| connection.unlink(&names).await;
            self.call::<()>(forget).await?;
            let mut missed = self.shared.missed.lock();
            for id in ids {
                missed.orders.remove(id);
            }
        }
        Ok(())
    }

    fn miss(&self, id: OrderId) {
        let mut missed = self.shared.missed.lock();
        if missed.until.is_none() {
            missed.orders.insert(id);
        }
        if MISSED < missed.orders.len() {
            missed.orders = HashSet::new();
            missed.until = Some(Instant::now() + self.shared.ttl);
            tracing::warn!("Redis has missed too much: it is left alone until its entries expire");
        }
    }

    /// Asks something, unless Redis takes too long.
    pub(in crate::cache) async fn call<T>(
        &self,
        ask: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, CacheError> {
        let Shared { circuit, circuit_config, clock, timeout, .. } = &*self.shared;
        let asked = async { ask(&mut self.connection().await?).await };
        let answer = match tokio::time::timeout(*timeout, asked).await {
            Ok(answer) => answer.map_err(CacheError::from),
            Err(_) => Err(CacheError::Timeout(*timeout)),
        };
        match &answer {
            Ok(_) if circuit.lock().succeeded() => tracing::info!("Redis answers again"),
            Ok(_) => {}
            Err(error) => {
                if circuit.lock().failed(*circuit_config, clock.now()) {
                    tracing::warn!("doing without Redis: {error}");
                }
                // Held only by somebody who is connecting, and then there is nothing to hang up.
                if let Ok(mut connection) = self.shared.connection.try_lock() {
                    *connection = None;
                }
            }
        }
        answer
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.shared.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        // Bounded by `call`, connecting and all.
        let settings =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let made =
            self.shared.client.get_multiplexed_async_connection_with_config(&settings).await?;
        Ok(connection.insert(made).clone())
    }
}
