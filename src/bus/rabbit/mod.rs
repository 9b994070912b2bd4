//! The bus through RabbitMQ: one connection to publish, one to consume, each made again whenever it is lost.
//!
//! Two, because a broker that is short of memory stops reading from those who publish, and acknowledgements must still get
//! through. lapin's own recovery is left off: it heals connections, but neither channels nor deleted queues, and here all
//! of them take the same way back.

mod declare;
mod link;
mod subscription;

use std::{sync::Arc, time::Duration};

use futures_util::future::try_join_all;
use lapin::{
    BasicProperties, Confirmation, message::Delivery, options::BasicPublishOptions,
    uri::AMQPScheme, uri::AMQPUri,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{mpsc, watch};

use self::{
    link::{Link, Purpose, Session},
    subscription::Sink,
};
use crate::{
    base::{mint::Mint, tasks::Tasks},
    bus::{BusError, FeedItem, Message, Names, Published, Queue, State},
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
            reconnect_cap: *config.reconnect_cap,
            mint: mint.clone(),
        });
        let own = Tasks::default();
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
        let (link, settings) = (self.consuming.clone(), Arc::clone(&self.settings));
        self.tasks.spawn(subscription::supervise(sink, link, settings, self.tasks.stop()));
    }

    pub(in crate::bus) async fn ping(&self) -> Result<(), BusError> {
        self.in_time(async |session: &Session| {
            let channel = session.connection.create_channel().await?;
            Ok(channel.close(200, "ping".into()).await?)
        })
        .await
    }

    pub(in crate::bus) async fn publish(
        &self,
        messages: &[Message],
    ) -> Result<Published, BusError> {
        self.in_time(async |session: &Session| {
            let published = self.publish_on(session, messages).await;
            if published.is_err() {
                session.give_up();
            }
            published
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
        let work = async {
            let up = session.insert(self.publishing.up().await.ok_or(BusError::Closed)?);
            work(up).await
        };
        let done = tokio::time::timeout(timeout, work).await;
        match (done, session) {
            (Ok(done), _) => done,
            (Err(_), Some(session)) => {
                session.give_up();
                Err(BusError::Timeout(timeout))
            }
            (Err(_), None) => Err(self.publishing.trouble()),
        }
    }

    async fn publish_on(
        &self,
        session: &Session,
        messages: &[Message],
    ) -> Result<Published, BusError> {
        // All at once: their first polls, in order, hand the frames over; then the confirms come in together.
        let confirms = messages.iter().map(|message| self.publish_one(session, message));
        try_join_all(confirms).await?;
        Ok(Published::default())
    }

    async fn publish_one(&self, session: &Session, message: &Message) -> Result<(), BusError> {
        let routing_key = message.routing_key();
        // What only nodes listen to may find nobody listening. A durable consumer's queue must be there.
        let mandatory = Queue::ALL.iter().any(|it| it.wants(message.event_type));
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/json".into())
            .with_message_id(message.event_id.to_string().into())
            .with_type(message.event_type.as_str().into());
        let confirm = session
            .channel
            .basic_publish(
                self.settings.names.exchange.as_str().into(),
                routing_key.as_str().into(),
                BasicPublishOptions { mandatory, immediate: false },
                &message.body,
                properties,
            )
            .await?;
        match confirm.await? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(BusError::Unroutable(routing_key)),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(BusError::Refused),
        }
    }
}
