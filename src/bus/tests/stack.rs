//! What the tests of the bus stand on.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use lapin::{
    Connection, ConnectionProperties,
    options::{BasicGetOptions, ExchangeDeleteOptions, QueueDeleteOptions},
    types::FieldTable,
};
use uuid::Uuid;

use crate::{
    base::{
        mint::Mint,
        proxy::{Proxy, Way},
        tasks::Tasks,
    },
    bus::{Bus, BusError, Message, Names, Queue},
    config::{self, Span},
    domain::{EventId, EventType, OrderId, Routing, StoreId},
};

/// A bus that shares nothing with those of other tests: its exchange has a name of its own.
pub struct Stack {
    pub bus: Bus,
    pub tasks: Tasks,
    pub config: config::Bus,
    /// The broker itself, past any proxy.
    broker: Option<String>,
}

impl Stack {
    pub const DELIVERY_LIMIT: u32 = 3;

    pub fn local() -> Self {
        Self::local_with(|_| {})
    }

    pub fn local_with(adjust: impl FnOnce(&mut config::Bus)) -> Self {
        let mut config = Self::config();
        adjust(&mut config);
        Self::start(config, None)
    }

    /// `None` where there is no broker and none is demanded.
    pub fn rabbit() -> Option<Self> {
        let url = broker()?;
        let mut config = Self::config();
        config.amqp_url = Some(url.clone().into());
        Some(Self::start(config, Some(url)))
    }

    /// A stack whose way to the broker can be cut, and that does not wait for long.
    pub async fn behind_proxy(way: Way) -> Option<(Self, Proxy)> {
        let broker = broker()?;
        let (credentials, rest) = broker.split_once('@').unwrap();
        let (address, vhost) = rest.split_once('/').unwrap();
        let proxy = Proxy::start(address.to_owned(), way).await;
        let url = format!("{credentials}@{}/{vhost}", proxy.address);
        let mut config = Self::config();
        config.amqp_url = Some(url.into());
        config.timeout = Span::secs(1);
        config.reconnect_cap = Span::millis(200);
        Some((Self::start(config, Some(broker)), proxy))
    }

    /// A second server beside this one: another connection, the same exchange.
    pub fn beside(&self, adjust: impl FnOnce(&mut config::Bus)) -> Self {
        let mut config = self.config.clone();
        adjust(&mut config);
        Self::start(config, self.broker.clone())
    }

    fn config() -> config::Bus {
        let random = Mint::system().uuid(Timestamp::UNIX_EPOCH).simple().to_string();
        config::Bus {
            exchange: format!("test-{random}.events"),
            delivery_limit: Self::DELIVERY_LIMIT,
            local_capacity: 8192,
            probe_every: Span::secs(1),
            ..config::Bus::default()
        }
    }

    fn start(config: config::Bus, broker: Option<String>) -> Self {
        let tasks = Tasks::default();
        let bus = Bus::connect(&config, &tasks, &Mint::system()).unwrap();
        Self { bus, tasks, config, broker }
    }

    pub fn names(&self) -> Names {
        Names { exchange: self.config.exchange.clone() }
    }

    /// A connection that the bus knows nothing of.
    pub async fn operator(&self) -> lapin::Channel {
        let connection =
            Connection::connect(self.broker.as_deref().unwrap(), ConnectionProperties::default());
        connection.await.unwrap().create_channel().await.unwrap()
    }

    pub async fn delete_queue(&self, queue: Queue) {
        let name = self.names().queue(queue);
        let options = QueueDeleteOptions::default();
        self.operator().await.queue_delete(name.into(), options).await.unwrap();
    }

    /// Takes every binding of a queue away, as an operator may.
    pub async fn unbind(&self, queue: Queue) {
        let name = self.names().queue(queue);
        self.unbind_key(&name, queue.routing_key()).await;
        for event_type in queue.events() {
            self.unbind_key(&name, &format!("{event_type}.*")).await;
        }
    }

    pub async fn unbind_key(&self, queue: &str, key: &str) {
        let exchange = self.config.exchange.as_str().into();
        let channel = self.operator().await;
        channel
            .queue_unbind(queue.into(), exchange, key.into(), FieldTable::default())
            .await
            .unwrap();
    }

    pub async fn delete_exchange(&self) {
        let name = self.config.exchange.as_str().into();
        let options = ExchangeDeleteOptions::default();
        self.operator().await.exchange_delete(name, options).await.unwrap();
    }

    /// The bodies of the dead letters: handed back, or on the broker.
    pub async fn dead_letters(&self, published: &Published) -> Vec<Bytes> {
        let Some(_) = &self.broker else {
            return published.dead.clone();
        };
        assert!(published.dead.is_empty());
        let channel = self.operator().await;
        let name = self.names().dead_queue(Queue::Timings);
        let options = BasicGetOptions { no_ack: true };
        within(async {
            loop {
                let got = channel.basic_get(name.as_str().into(), options).await.unwrap();
                match got {
                    Some(letter) => return vec![Bytes::from(letter.delivery.data)],
                    None => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }

    /// Leaves no task behind, and nothing on the broker.
    pub async fn clear(self) {
        self.bus.close().await;
        assert!(self.tasks.shut_down(Duration::from_secs(5)).await, "a task is left");
        if self.broker.is_none() {
            return;
        }
        let (channel, names) = (self.operator().await, self.names());
        for queue in Queue::ALL {
            for name in [names.queue(*queue), names.dead_queue(*queue)] {
                channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
            }
        }
        for name in [names.dead_exchange(), names.exchange] {
            channel.exchange_delete(name.into(), ExchangeDeleteOptions::default()).await.unwrap();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests find the real services by environment")]
fn broker() -> Option<String> {
    let url = std::env::var("TEST_AMQP_URL").ok();
    let demanded = std::env::var("STACK").is_ok_and(|it| it == "real");
    assert!(url.is_some() || !demanded, "STACK=real needs TEST_AMQP_URL");
    url
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Published {
    /// The bodies of what became dead letters in this process; a broker keeps these itself.
    pub dead: Vec<Bytes>,
}

/// Publishes a batch and waits until it is safe: the broker has confirmed it or, in process, every consumer has answered it.
pub async fn publish(bus: &Bus, batch: &[Message]) -> Result<Published, BusError> {
    let local = match bus {
        Bus::Rabbit(rabbit) => return rabbit.publish(batch).await.map(|()| Published::default()),
        Bus::Local(local) => local,
    };
    local.publish(batch, 0)?;
    let mut dead = Vec::new();
    for queue in local.queues() {
        let wanted: Vec<_> =
            batch.iter().filter(|it| queue.queue().wants(&it.routing.event_type)).collect();
        for message in &wanted {
            queue.put(0, (*message).clone());
        }
        let mut open = wanted.len();
        while open > 0 {
            local.progress().await;
            let answers = queue.answers();
            open -= answers.len();
            dead.extend(answers.into_iter().filter_map(|it| it.dead).map(|(it, _)| it.body));
        }
    }
    Ok(Published { dead })
}

/// An order's, at this version.
pub fn routing(event_type: &'static str, version: u32) -> Routing {
    let id = OrderId::from_uuid(Uuid::from_u128(8));
    Routing {
        event_type: event_type.into(),
        subject_type: "order".into(),
        subject_id: id.to_string().into(),
        subject_version: version,
        partition_key: id.to_string().into(),
        order_id: Some(id),
        store_id: Some(StoreId::from_uuid(Uuid::from_u128(7))),
        customer_id: Some("sami".into()),
        courier_id: None,
        traceparent: None,
    }
}

/// An event whose body is its number.
pub fn event(number: u32, event_type: EventType) -> Message {
    Message {
        event_id: EventId::from_uuid(Uuid::from_u128(number.into())),
        routing: Arc::new(routing(event_type.as_str(), number)),
        body: Bytes::from(number.to_string()),
    }
}

pub fn events(numbers: Range<u32>, event_type: EventType) -> Vec<Message> {
    numbers.map(|it| event(it, event_type)).collect()
}

pub fn numbers(bodies: impl IntoIterator<Item = Bytes>) -> Vec<u32> {
    bodies.into_iter().map(|it| std::str::from_utf8(&it).unwrap().parse().unwrap()).collect()
}

/// The wait for a condition: long, because machines may be slow, but not for ever.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("did not happen in time")
}
