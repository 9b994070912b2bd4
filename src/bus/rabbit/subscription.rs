//! A subscription that comes back: declares its queue, consumes, and begins again after whatever ended it.

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lapin::{Channel, message::Delivery, options::BasicAckOptions};
use tokio::sync::mpsc::{self, error::SendTimeoutError};

use crate::{
    base::backoff::Backoff,
    bus::{
        BusError, FeedItem, Queue,
        rabbit::{
            Rabbit, Settings, bindings, declare,
            link::{FIRST_DELAY, Session},
        },
    },
};

/// Who gets what is consumed.
pub enum Sink {
    /// A node's feed, through a queue of its own.
    Feed(mpsc::Sender<FeedItem>),
    /// A durable consumer. The broker sends no more than the prefetch count unanswered, so this is never full for long.
    Queue(Queue, mpsc::Sender<Delivery>),
}

/// Runs until the owner has dropped the other end, or the bus is closed. Dropping the channel on the way out makes the broker
/// requeue what was not answered, and delete a node's queue.
pub async fn supervise(sink: Sink, rabbit: Rabbit) {
    let stop = rabbit.tasks.stop();
    tokio::select! {
        () = stop.cancelled() => {}
        () = sink.abandoned() => {}
        () = keep_up(&sink, &rabbit) => {}
    }
}

async fn keep_up(sink: &Sink, rabbit: &Rabbit) {
    let Rabbit { settings, consuming, .. } = rabbit;
    let mut backoff = Backoff::new(FIRST_DELAY, settings.reconnect_cap);
    if consuming.is_down() {
        sink.say(FeedItem::Lost).await;
    }
    while let Some(session) = consuming.up().await {
        let error = match sink.open(&session, settings).await {
            Ok((channel, consumer)) => {
                backoff.reset();
                sink.say(FeedItem::Restored).await;
                let error = sink.pump(&channel, consumer, rabbit).await;
                sink.say(FeedItem::Lost).await;
                error
            }
            Err(error) => error,
        };
        let name = sink.name();
        tracing::warn!(bus.queue = name, "the subscription to {name} was interrupted: {error}");
        tokio::time::sleep(backoff.next_delay(&settings.mint)).await;
    }
}

impl Sink {
    const fn name(&self) -> &'static str {
        match self {
            Self::Feed(_) => "all events",
            Self::Queue(queue, _) => queue.as_str(),
        }
    }

    async fn abandoned(&self) {
        match self {
            Self::Feed(items) => items.closed().await,
            Self::Queue(_, deliveries) => deliveries.closed().await,
        }
    }

    /// Tells a feed how it stands; a durable consumer need not know. Fails only when nobody listens any more.
    async fn say(&self, item: FeedItem) {
        if let Self::Feed(items) = self {
            let _abandoned = items.send(item).await;
        }
    }

    async fn open(
        &self,
        session: &Session,
        settings: &Settings,
    ) -> Result<(Channel, lapin::Consumer), BusError> {
        let opening = async {
            match self {
                Self::Feed(_) => declare::exclusive(&session.connection, settings).await,
                Self::Queue(queue, _) => {
                    declare::durable(&session.connection, settings, *queue).await
                }
            }
        };
        let opened = tokio::time::timeout(settings.timeout, opening).await;
        Ok(opened.map_err(|_| BusError::Timeout(settings.timeout))??)
    }

    /// Passes on what arrives until something ends it.
    async fn pump(
        &self,
        channel: &Channel,
        consumer: lapin::Consumer,
        rabbit: &Rabbit,
    ) -> BusError {
        let ended = match self {
            Self::Feed(items) => {
                let key = declare::probe_key(consumer.queue().as_str());
                tokio::select! {
                    ended = feed(channel, consumer, items, &rabbit.settings) => ended,
                    error = cut_off(rabbit, &key) => Err(error),
                }
            }
            Self::Queue(queue, deliveries) => consume(channel, consumer, *queue, deliveries).await,
        };
        ended.err().unwrap_or(BusError::Cancelled)
    }
}

async fn consume(
    channel: &Channel,
    mut consumer: lapin::Consumer,
    queue: Queue,
    deliveries: &mpsc::Sender<Delivery>,
) -> Result<(), BusError> {
    while let Some(delivery) = consumer.next().await.transpose()? {
        if !bindings::answer(channel, queue, &delivery).await? {
            // Fails only when nobody listens any more, and then `supervise` is about to stop this.
            let _abandoned = deliveries.send(delivery).await;
        }
    }
    Ok(())
}

/// Acknowledges what it has passed on, not what was done with it: a feed's gaps are healed from the store. It acknowledges at
/// all so that the prefetch count bounds what lapin holds in memory, and in batches, so that it costs next to nothing.
async fn feed(
    channel: &Channel,
    mut consumer: lapin::Consumer,
    items: &mpsc::Sender<FeedItem>,
    settings: &Settings,
) -> Result<(), BusError> {
    let batch = u32::from(settings.prefetch).div_ceil(2);
    let mut unanswered = 0;
    let mut last_tag = 0;
    loop {
        let at_hand = consumer.next().now_or_never();
        if unanswered >= batch || (unanswered > 0 && at_hand.is_none()) {
            channel.basic_ack(last_tag, BasicAckOptions { multiple: true }).await?;
            unanswered = 0;
        }
        let arrived = match at_hand {
            Some(arrived) => arrived,
            None => consumer.next().await,
        };
        let Some(delivery) = arrived.transpose()? else { return Ok(()) };
        last_tag = delivery.delivery_tag;
        unanswered += 1;
        // Else a probe, which has done its work by arriving.
        if !delivery.data.is_empty() {
            let item = FeedItem::Message(Bytes::from(delivery.data));
            match items.send_timeout(item, settings.timeout).await {
                Ok(()) => {}
                // A node that takes nothing loses its queue, rather than let it grow on the broker.
                Err(SendTimeoutError::Timeout(_)) => {
                    return Err(BusError::Stuck(settings.timeout));
                }
                // The receiver is gone: `supervise` is about to stop this.
                Err(SendTimeoutError::Closed(_)) => return std::future::pending().await,
            }
        }
    }
}

/// Resolves when a queue is bound no longer. When the exchange is deleted, and made again by whoever publishes next, the
/// broker tells nobody, and the feed would stay silent for good.
async fn cut_off(rabbit: &Rabbit, key: &str) -> BusError {
    loop {
        tokio::time::sleep(rabbit.settings.probe_every).await;
        if let Err(error @ BusError::Unroutable(_)) = rabbit.probe(key).await {
            return error;
        }
    }
}
