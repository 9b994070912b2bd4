//! What the tests of the cache stand on.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    base::{clock::Clock, mint::Mint},
    cache::Cache,
    config,
    domain::{
        Currency, Customer, Draft, Fulfilment, Money, Order, OrderId, OrderStatus, Payment,
        PaymentMethod, PaymentStatus, StoreId, Version,
    },
};

/// Long, because machines may be slow, but not for ever.
pub const LONG: Duration = Duration::from_secs(30);

/// A cache, and what others see of it.
pub struct Stack {
    pub cache: Cache,
    config: config::Cache,
}

impl Stack {
    pub fn memory() -> Self {
        Self::with(config::Cache::default())
    }

    /// `None` where there is no Redis and none is demanded.
    pub fn redis() -> Option<Self> {
        let config = config::Cache { redis_url: Some(url()?.into()), ..config::Cache::default() };
        Some(Self::with(config))
    }

    pub fn with(mut config: config::Cache) -> Self {
        // A machine that is busy with other tests is not what is tested.
        config.timeout = config.timeout.max(config::Span::secs(5));
        Self { cache: Cache::connect(&config, Clock::System).unwrap(), config }
    }

    /// Another node's cache.
    pub fn elsewhere(&self) -> Cache {
        Cache::connect(&self.config, Clock::System).unwrap()
    }

    pub async fn version(&self, id: OrderId) -> Option<Version> {
        Some(self.cache.get(id).await?.version)
    }

    pub async fn version_elsewhere(&self, id: OrderId) -> Option<Version> {
        Some(self.elsewhere().get(id).await?.version)
    }

    /// What another node must see of a version that was put here.
    pub fn shared(&self, version: Version) -> Option<Version> {
        self.config.redis_url.as_ref().map(|_| version)
    }
}

#[expect(clippy::disallowed_methods, reason = "tests find the real services by environment")]
pub fn url() -> Option<String> {
    let url = std::env::var("TEST_REDIS_URL").ok();
    let demanded = std::env::var("STACK").is_ok_and(|it| it == "real");
    assert!(url.is_some() || !demanded, "STACK=real needs TEST_REDIS_URL");
    url
}

/// An order that no other test knows.
pub fn order(version: Version) -> Arc<Order> {
    let draft = Draft {
        id: OrderId::from_uuid(Mint::system().uuid(Clock::System.now())),
        store_id: StoreId::from_uuid(uuid::Uuid::from_u128(7)),
        number: "118".to_owned(),
        fulfilment: Fulfilment::Pickup,
        source: "app".to_owned(),
        external_id: None,
        status: OrderStatus::Placed,
        payment: Payment { status: PaymentStatus::Captured, method: PaymentMethod::Card },
        items: Vec::new(),
        total: Money { amount: 3500, currency: Currency::from_code("JOD").unwrap() },
        customer: Customer::default(),
        address: None,
        note: None,
        eta: None,
        accept_by: None,
    };
    Arc::new(Order { version, ..Order::begin(draft, Timestamp::UNIX_EPOCH) })
}

pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work).await.expect("did not happen in time")
}
