//! The bus through RabbitMQ: one connection to publish, one to consume, each made again whenever it is lost.
//!
//! Two, because a broker that is short of memory stops reading from those who publish, and acknowledgements must still get
//! through. lapin's own recovery is left off: it heals connections, but neither channels nor deleted queues, and here all
//! of them take the same way back.

mod bindings;
mod declare;
mod headers;
mod link;
mod subscription;

use std::{sync::Arc, time::Duration};

use futures_util::future::{join, try_join_all};
use lapin::{
    BasicProperties, Channel, Confirmation, message::Delivery, options::BasicPublishOptions,
    options::QueueDeclareOptions, types::FieldTable, uri::AMQPScheme, uri::AMQPUri,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{mpsc, watch};

pub use self::bindings::BindingState;
use self::{
    link::{Link, Purpose, Session},
    subscription::Sink,
};
use crate::{
    base::{mint::Mint, tasks::Tasks},
    bus::{BusError, FeedItem, Message, Names, Queue, State},
    config,
};

/// Seconds of silence after which both sides probe the connection; after twice that it counts as lost.
const HEARTBEAT: u16 = 5;

/// How long closing may take: a broker that does not answer does not hold up a shutdown.
const CLOSING: Duration = Duration::from_secs(3);

/// What AMQP calls a message that survives a restart.
const PERSISTENT: u8 = 2;

/// A broker. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Rabbit {
    settings: Arc<Settings>,
    publishing: Link,
    consuming: Link,
    state: watch::Receiver<State>,
    /// Its own, so that it can be closed alone.
    tasks: Tasks,
}

#[derive(Debug)]
struct Settings {
    uri: AMQPUri,
    names: Names,
    prefetch: u16,
    delivery_limit: u32,
    timeout: Duration,
    probe_every: Duration,
    reconnect_cap: Duration,
    mint: Mint,
}

impl Rabbit {
    pub(in crate::bus) fn connect(
        url: &SecretString,
        config: &config::Bus,
        tasks: &Tasks,
        mint: &Mint,
    ) -> Result<Self, BusError> {
        let mut uri: AMQPUri = url.expose_secret().parse().map_err(|_| BusError::Url)?;
        if uri.scheme != AMQPScheme::AMQP {
            return Err(BusError::Url);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let settings = Arc::new(Settings {
            uri,
            names: Names { exchange: config.exchange.clone() },
            prefetch: config.prefetch,
            delivery_limit: config.delivery_limit,
            timeout: *config.timeout,
            probe_every: *config.probe_every,
            reconnect_cap: *config.reconnect_cap,
            mint: mint.clone(),
        });
        let own = tasks.separate();
        let (state_sender, state) = watch::channel(State::default());
        let publishing = Link::open(Purpose::Publish, &settings, &state_sender, &own);
        let consuming = Link::open(Purpose::Consume, &settings, &state_sender, &own);
        let rabbit = Self { settings, publishing, consuming, state, tasks: own };
        tasks.spawn(rabbit.clone().close_after(tasks.stop()));
        Ok(rabbit)
    }

    async fn close_after(self, stop: tokio_util::sync::CancellationToken) {
        let closed = self.tasks.stop();
        tokio::select! {
            () = stop.cancelled() => self.close().await,
            () = closed.cancelled() => {}
        }
    }

    pub(in crate::bus) async fn close(&self) {
        if !self.tasks.shut_down(CLOSING).await {
            tracing::warn!("the broker does not answer our goodbye");
        }
    }

    pub(in crate::bus) fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    pub(in crate::bus) fn subscribe(&self) -> mpsc::Receiver<FeedItem> {
        let (sender, receiver) = mpsc::channel(usize::from(self.settings.prefetch));
        self.supervise(Sink::Feed(sender));
        receiver
    }

    pub(in crate::bus) fn consume(&self, queue: Queue) -> mpsc::Receiver<Delivery> {
        let (sender, receiver) = mpsc::channel(usize::from(self.settings.prefetch));
        self.supervise(Sink::Queue(queue, sender));
        receiver
    }

    fn supervise(&self, sink: Sink) {
        self.tasks.spawn(subscription::supervise(sink, self.clone()));
    }

    pub(in crate::bus) async fn ping(&self) -> Result<(), BusError> {
        self.in_time(async |session: &Session| {
            let channel = session.connection.create_channel().await?;
            Ok(channel.close(200, "ping".into()).await?)
        })
        .await
    }

    /// Publishes a batch. `Ok` means that every message is safe: the broker has confirmed it. After an error none, some or all of them
    /// have been published: publish the batch again.
    ///
    /// While the broker is away this waits for it, up to the configured time-out.
    pub async fn publish(&self, messages: &[Message]) -> Result<(), BusError> {
        if messages.is_empty() {
            return Ok(());
        }
        // All at once: their first polls, in order, hand the frames over; then the confirms come in together.
        self.in_time(async |session: &Session| {
            let published =
                try_join_all(messages.iter().map(|message| self.publish_one(session, message)));
            let (published, there) = join(published, self.look(session, messages)).await;
            // First, as it says why the other failed.
            there?;
            published.map(drop)
        })
        .await
    }

    /// Publishes a batch again, to one durable queue alone.
    pub async fn publish_to(&self, queue: Queue, messages: &[Message]) -> Result<(), BusError> {
        self.in_time(async |session: &Session| {
            let key = queue.routing_key();
            let exchange = &self.settings.names.exchange;
            let sent = messages.iter().map(|message| {
                send(&session.channel, exchange, (key, true), &message.body, properties(message))
            });
            try_join_all(sent).await.map(drop)
        })
        .await
    }

    /// Of a message that several durable queues are to get, the broker says only when none has got it. So the same channel, which
    /// does one thing after the other, is asked right behind the messages whether all the queues are there.
    async fn look(&self, session: &Session, messages: &[Message]) -> Result<(), BusError> {
        let is_shared = |it: &&str| 1 < Queue::ALL.iter().filter(|to| to.wants(it)).count();
        let types = messages.iter().map(|it| &*it.routing.event_type);
        let shared: Vec<&str> = types.filter(is_shared).collect();
        let queues = Queue::ALL.iter().filter(|to| shared.iter().any(|it| to.wants(it)));
        let there = queues.map(async |queue| {
            let name = self.settings.names.queue(*queue);
            let options = QueueDeclareOptions::default().passive();
            let looked =
                session.channel.queue_declare(name.as_str().into(), options, FieldTable::default());
            looked.await.map_err(|error| {
                if declare::is_missing(&error) { BusError::Unroutable(name) } else { error.into() }
            })
        });
        try_join_all(there).await.map(drop)
    }

    /// Sends an empty message by this key. [`BusError::Unroutable`]: no queue is bound by it; the next session then
    /// declares everything again.
    async fn probe(&self, key: &str) -> Result<(), BusError> {
        self.in_time(async |session: &Session| {
            let exchange = &self.settings.names.exchange;
            send(&session.channel, exchange, (key, true), &[], BasicProperties::default()).await
        })
        .await
    }

    /// Does something with the publishing connection, as soon as there is one.
    async fn in_time<T>(
        &self,
        work: impl AsyncFnOnce(&Session) -> Result<T, BusError>,
    ) -> Result<T, BusError> {
        let timeout = self.settings.timeout;
        let mut session = None;
        let in_session = async {
            let session = session.insert(self.publishing.up().await.ok_or(BusError::Closed)?);
            work(session).await
        };
        let done = tokio::time::timeout(timeout, in_session).await;
        let Some(session) = session else {
            return Err(if done.is_ok() { BusError::Closed } else { self.publishing.trouble() });
        };
        let done = done.unwrap_or(Err(BusError::Timeout(timeout)));
        if done.is_err() {
            // What state it is in is anybody's guess; a new one is cheap, and redeclares what may be missing.
            session.give_up();
        }
        done
    }

    async fn publish_one(&self, session: &Session, message: &Message) -> Result<(), BusError> {
        // What only nodes listen to may find nobody listening. A durable consumer's queue must be there.
        let routing = &*message.routing;
        let mandatory = Queue::ALL.iter().any(|it| it.wants(&routing.event_type));
        let properties = properties(message).with_headers(headers::of(routing));
        let exchange = &self.settings.names.exchange;
        let to = (&*routing.routing_key(), mandatory);
        send(&session.channel, exchange, to, &message.body, properties).await
    }
}

/// Publishes on a channel in confirm mode, and waits for the confirm. `to`: the routing key, and whether there must be a queue for it.
async fn send(
    channel: &Channel,
    exchange: &str,
    (routing_key, mandatory): (&str, bool),
    body: &[u8],
    properties: BasicProperties,
) -> Result<(), BusError> {
    let options = BasicPublishOptions { mandatory, immediate: false };
    let sent = channel
        .basic_publish(exchange.into(), routing_key.into(), options, body, properties)
        .await?;
    match sent.await? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(BusError::Unroutable(routing_key.to_owned())),
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(BusError::Refused),
    }
}

fn properties(message: &Message) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message.event_id.to_string().into())
        .with_type((&*message.routing.event_type).into())
}
