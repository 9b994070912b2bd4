//! Redis away, back, slow or wrong: nothing but time is lost.

use std::{
    net::{SocketAddr, TcpListener},
    process::Stdio,
    time::{Duration, Instant},
};

use redis::{AsyncCommands, aio::MultiplexedConnection};
use tokio::process::{Child, Command};

use crate::{
    base::clock::Clock,
    cache::{
        Cache, CacheError, State, keys,
        tests::stack::{Stack, order, url, within},
    },
    config::{self, Span},
    domain::{Order, OrderId},
};

/// A Redis of one's own, to be killed.
struct Server {
    address: SocketAddr,
    process: Option<Child>,
}

impl Server {
    /// `None` where no Redis is installed and none is demanded. Does not run yet.
    fn at_rest() -> Option<Self> {
        // A machine that has a Redis to test against has the program, too.
        url()?;
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Some(Self { address, process: None })
    }

    async fn start(&mut self) {
        let process = Command::new("redis-server")
            .args(["--port", &self.address.port().to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.process = Some(process);
        within(async {
            while self.connection().await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn kill(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }

    /// Stops the process in its tracks, or lets it go on: connections stand, nothing is answered.
    async fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().unwrap().to_string();
        assert!(Command::new("kill").args([name, &id]).status().await.unwrap().success());
    }

    async fn connection(&self) -> redis::RedisResult<MultiplexedConnection> {
        redis::Client::open(self.url())?.get_multiplexed_async_connection().await
    }

    fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    fn cache(&self) -> Cache {
        let config = config::Cache {
            redis_url: Some(self.url().into()),
            timeout: Span::millis(250),
            rest: Span::millis(20),
            ..config::Cache::default()
        };
        Cache::connect(&config, Clock::System).unwrap()
    }
}

/// Works through the cache until Redis answers again.
async fn back(cache: &Cache) {
    let probe = order(1);
    within(async {
        loop {
            cache.put(&probe).await;
            if cache.state() == State::Connected {
                return;
            }
        }
    })
    .await;
}

async fn version(cache: &Cache, id: OrderId) -> Option<u32> {
    Some(cache.get(id).await?.version)
}

#[tokio::test]
async fn redis_may_be_away_at_the_start_and_come_later() {
    let Some(mut server) = Server::at_rest() else { return };
    let (cache, order) = (server.cache(), order(1));
    cache.put(&order).await;
    assert_eq!(version(&cache, order.id).await, Some(1));
    assert_eq!(cache.state(), State::Away);
    assert!(cache.ping().await.is_err());

    server.start().await;
    back(&cache).await;
    cache.put(&order).await;
    assert_eq!(version(&server.cache(), order.id).await, Some(1));
}

#[tokio::test]
async fn redis_may_be_killed_and_come_back() {
    let Some(mut server) = Server::at_rest() else { return };
    server.start().await;
    let (cache, order) = (server.cache(), order(1));
    cache.put(&order).await;
    assert_eq!(version(&server.cache(), order.id).await, Some(1));

    server.kill().await;
    let newer = Order { version: 2, ..Order::clone(&order) }.into();
    cache.put(&newer).await;
    assert_eq!(version(&cache, order.id).await, Some(2));
    assert_eq!(cache.state(), State::Away);

    server.start().await;
    back(&cache).await;
    cache.put(&newer).await;
    assert_eq!(version(&server.cache(), order.id).await, Some(2));
}

#[tokio::test]
async fn a_frozen_redis_costs_one_timeout_and_then_nothing() {
    let Some(mut server) = Server::at_rest() else { return };
    server.start().await;
    let config = config::Cache {
        redis_url: Some(server.url().into()),
        timeout: Span::millis(200),
        rest: Span::secs(60),
        ..config::Cache::default()
    };
    let cache = Cache::connect(&config, Clock::System).unwrap();
    cache.ping().await.unwrap();
    server.signal("-STOP").await;
    let started = Instant::now();
    for _ in 0..1000 {
        cache.put(&order(1)).await;
        assert_eq!(cache.get(order(1).id).await, None);
    }
    server.signal("-CONT").await;
    // One wait of 200 ms, not two thousand; the rest is slack for a slow machine.
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(cache.state(), State::Away);
}

#[tokio::test]
async fn what_redis_missed_is_not_believed_afterwards() {
    let Some(mut server) = Server::at_rest() else { return };
    server.start().await;
    let (cache, order) = (server.cache(), order(1));
    cache.put(&order).await;
    server.signal("-STOP").await;
    cache.put(&Order { version: 2, ..Order::clone(&order) }.into()).await;
    assert_eq!(cache.state(), State::Away);
    server.signal("-CONT").await;
    back(&cache).await;
    // The late write may have arrived after all; version 1 must be gone.
    assert_ne!(version(&server.cache(), order.id).await, Some(1));
}

#[tokio::test]
async fn what_cannot_be_read_is_ignored_and_heals() {
    let Some(stack) = Stack::redis() else { return };
    let mut redis = redis::Client::open(url().unwrap())
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let (garbled, stranger, wrong_kind) = (order(3), order(3), order(3));
    let name = |it: &Order| keys::order(it.id);
    let fields = [("version", "3"), ("order", "{\"id\":")];
    redis.hset_multiple::<_, _, _, ()>(name(&garbled), &fields).await.unwrap();
    let other = serde_json::to_string(&order(9)).unwrap();
    let fields = [("version", "not a number"), ("order", &other)];
    redis.hset_multiple::<_, _, _, ()>(name(&stranger), &fields).await.unwrap();
    redis.set::<_, _, ()>(name(&wrong_kind), "a text").await.unwrap();
    for order in [garbled, stranger, wrong_kind] {
        assert_eq!(stack.cache.get(order.id).await, None);
        assert_eq!(stack.cache.state(), State::Connected);
        stack.cache.put(&order).await;
        assert_eq!(stack.version_elsewhere(order.id).await, Some(3));
    }
}

#[tokio::test]
async fn snapshots_in_redis_expire() {
    let Some(stack) = Stack::redis() else { return };
    let order = order(1);
    stack.cache.put(&order).await;
    let client = redis::Client::open(url().unwrap()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let ttl: i64 = redis.ttl(keys::order(order.id)).await.unwrap();
    assert!((3500..=3600).contains(&ttl));
}

#[test]
fn a_malformed_url_is_refused_and_not_quoted() {
    for url in
        ["http://u:geheim@host", "redis://u:geheim@host:port", "rediss://u:geheim@host", "geheim"]
    {
        let config =
            config::Cache { redis_url: Some(url.to_owned().into()), ..config::Cache::default() };
        let refused = Cache::connect(&config, Clock::System).unwrap_err();
        assert!(matches!(refused, CacheError::Url), "{refused}");
    }
}
