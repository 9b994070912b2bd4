//! The check that durable queues are still bound to the events that they want. The broker does not say when a binding is gone, and of a
//! message that several queues want it says only when none got it.
//!
//! So an empty message, a probe, is published as each type of event, and its consumers reply to it. Behind these probes each queue gets
//! one more by its own name. A consumer that replies to the last, and not to all that are before it, has a queue that lost a binding.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
        QueueDeclareOptions,
    },
    types::FieldTable,
};

use crate::{
    bus::{
        BusError, Queue,
        rabbit::{Rabbit, declare, link::Session, send},
    },
    domain::EventType,
};

/// The AMQP type of a probe.
const PROBE: &str = "probe";

/// RabbitMQ's name for "reply to the channel that published this". Source: its documentation, "Direct Reply-to".
const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// What a check of the bindings found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingState {
    /// All are there.
    Bound,
    /// These queues had lost some, and are bound again. They have missed events.
    Lost(Vec<Queue>),
    /// Not known: a queue has no consumer, or one that does not keep up.
    Unknown,
}

impl Rabbit {
    /// Checks the bindings of all durable queues, and binds again what is not bound. Takes until the consumers have replied, at most
    /// half the time-out after the probes were published.
    pub async fn check_bindings(&self) -> Result<BindingState, BusError> {
        self.in_time(async |session: &Session| {
            let channel = session.connection.create_channel().await?;
            let found = self.probe_all(&channel).await;
            // It is closed already when a queue is missing.
            let _closed = channel.close(declare::REPLY_SUCCESS, "".into()).await;
            let found = found?;
            if let BindingState::Lost(queues) = &found {
                self.bind_again(session, queues).await;
            }
            Ok(found)
        })
        .await
    }

    async fn bind_again(&self, session: &Session, queues: &[Queue]) {
        for queue in queues {
            if declare::bind_durable(&session.channel, &self.settings, *queue).await.is_err() {
                // The queue is gone, too. The next session declares everything again.
                session.give_up();
            }
        }
    }

    async fn probe_all(&self, channel: &Channel) -> Result<BindingState, BusError> {
        let mut lost = Vec::new();
        for queue in Queue::ALL {
            match self.keeps_up(channel, *queue).await {
                Ok(true) => {}
                // Probes would pile up.
                Ok(false) => return Ok(BindingState::Unknown),
                Err(error) if declare::is_missing(&error) => {
                    return Ok(BindingState::Lost(vec![*queue]));
                }
                Err(error) => return Err(error.into()),
            }
        }
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let mut replies = channel
            .basic_consume(REPLY_TO.into(), "".into(), options, FieldTable::default())
            .await?;
        for event_type in EventType::ALL {
            // One that no queue got is found by the reply that is missing.
            self.publish_probe(channel, &key_of(*event_type), false).await?;
        }
        for queue in Queue::ALL {
            match self.publish_probe(channel, queue.routing_key(), true).await {
                Err(BusError::Unroutable(_)) => lost.push(*queue),
                other => other?,
            }
        }
        let mut heard = Replied::new();
        let grace = self.settings.probe_every.min(self.settings.timeout / 2);
        while let Some(wait) = heard.wait(&lost, grace, self.settings.timeout / 2)
            && let Ok(Some(reply)) = tokio::time::timeout(wait, replies.next()).await
        {
            heard.take(&reply?);
        }
        lost.extend(heard.with_gaps());
        let is_known = |queue: &Queue| lost.contains(queue) || heard.is_complete(*queue);
        Ok(match () {
            () if !lost.is_empty() => BindingState::Lost(lost),
            () if Queue::ALL.iter().all(is_known) => BindingState::Bound,
            () => BindingState::Unknown,
        })
    }

    /// Whether the queue is consumed, and nothing waits in it.
    async fn keeps_up(&self, channel: &Channel, queue: Queue) -> Result<bool, lapin::Error> {
        let name = self.settings.names.queue(queue);
        let options = QueueDeclareOptions::durable().passive();
        let declared = channel.queue_declare(name.into(), options, FieldTable::default()).await?;
        Ok(declared.consumer_count() > 0 && declared.message_count() == 0)
    }

    async fn publish_probe(
        &self,
        channel: &Channel,
        routing_key: &str,
        mandatory: bool,
    ) -> Result<(), BusError> {
        let properties = BasicProperties::default()
            .with_type(PROBE.into())
            .with_reply_to(REPLY_TO.into())
            .with_correlation_id(routing_key.into());
        let exchange = &self.settings.names.exchange;
        send(channel, exchange, (routing_key, mandatory), &[], properties).await
    }
}

/// What consumers have replied to, by the routing keys of the probes.
#[derive(Debug)]
struct Replied {
    since: Instant,
    keys: HashMap<Queue, HashSet<String>>,
}

impl Replied {
    fn new() -> Self {
        Self { since: Instant::now(), keys: HashMap::new() }
    }

    fn take(&mut self, reply: &Delivery) {
        let kind = reply.properties.kind().as_ref();
        let queue = Queue::ALL
            .iter()
            .find(|queue| kind.is_some_and(|kind| kind.as_str() == queue.as_str()));
        if let (Some(queue), Some(key)) = (queue, reply.properties.correlation_id()) {
            self.keys.entry(*queue).or_default().insert(key.as_str().to_owned());
        }
    }

    /// How long to wait for one more reply; `None` when none is missing. Of several consumers of a queue one may be late: `grace`.
    fn wait(&self, lost: &[Queue], grace: Duration, limit: Duration) -> Option<Duration> {
        let mut expected = Queue::ALL.iter().filter(|queue| !lost.contains(queue));
        if expected.clone().all(|queue| self.is_complete(*queue)) {
            return None;
        }
        let wait = if expected.all(|queue| self.has_last(*queue)) { grace } else { limit };
        Some(wait.min(limit.saturating_sub(self.since.elapsed())))
    }

    /// The queues whose consumers have replied to the last probe, and not to all that are before it.
    fn with_gaps(&self) -> impl Iterator<Item = Queue> {
        let gaps = |queue: &Queue| self.has_last(*queue) && !self.is_complete(*queue);
        Queue::ALL.iter().copied().filter(gaps)
    }

    fn is_complete(&self, queue: Queue) -> bool {
        self.has_last(queue)
            && queue.events().iter().all(|event_type| self.has(queue, &key_of(*event_type)))
    }

    fn has_last(&self, queue: Queue) -> bool {
        self.has(queue, queue.routing_key())
    }

    fn has(&self, queue: Queue, key: &str) -> bool {
        self.keys.get(&queue).is_some_and(|keys| keys.contains(key))
    }
}

/// By this key a probe takes the way of the events of this type.
fn key_of(event_type: EventType) -> String {
    format!("{event_type}.{PROBE}")
}

/// Replies to a probe. Not to an empty message from elsewhere, which becomes a dead letter.
pub async fn answer(
    channel: &Channel,
    queue: Queue,
    delivery: &Delivery,
) -> Result<bool, BusError> {
    let properties = &delivery.properties;
    let is_probe = properties.kind().as_ref().is_some_and(|kind| kind.as_str() == PROBE);
    if !is_probe || !delivery.data.is_empty() {
        return Ok(false);
    }
    if let (Some(to), Some(key)) = (properties.reply_to(), properties.correlation_id()) {
        let reply = BasicProperties::default()
            .with_type(queue.as_str().into())
            .with_correlation_id(key.clone());
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), to.clone(), options, &[], reply).await?;
    }
    delivery.acker.ack(BasicAckOptions::default()).await?;
    Ok(true)
}
