//! Puts the topology on the broker. Declaring what is there changes nothing, so every channel that matters begins with it.

use lapin::{
    Channel, Connection, Error, ErrorKind, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions,
    },
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};

use crate::bus::{Queue, rabbit::Settings};

/// AMQP's code for an orderly end.
pub const REPLY_SUCCESS: u16 = 200;

/// Any event type, any store.
const ALL_EVENTS: &str = "*.*";

/// A channel in confirm mode.
pub async fn publishing(connection: &Connection, settings: &Settings) -> Result<Channel, Error> {
    let channel = topology(connection, settings).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Consumes a durable queue.
pub async fn durable(
    connection: &Connection,
    settings: &Settings,
    queue: Queue,
) -> Result<(Channel, lapin::Consumer), Error> {
    let channel = topology(connection, settings).await?;
    let consumer = consume(&channel, settings, &settings.names.queue(queue)).await?;
    Ok((channel, consumer))
}

/// Consumes every event through a queue that lives as long as its consumer.
pub async fn exclusive(
    connection: &Connection,
    settings: &Settings,
) -> Result<(Channel, lapin::Consumer), Error> {
    let channel = topology(connection, settings).await?;
    let mut word = [0; 8];
    settings.mint.fill(&mut word);
    let (name, exchange) =
        (settings.names.node_queue(&hex::encode(word)), &settings.names.exchange);
    let options = QueueDeclareOptions::exclusive().auto_delete();
    channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await?;
    bind(&channel, &name, exchange, ALL_EVENTS).await?;
    bind(&channel, &name, exchange, &probe_key(&name)).await?;
    let consumer = consume(&channel, settings, &name).await?;
    Ok((channel, consumer))
}

/// The routing key that reaches one node's queue and no other: a single word, so that [`ALL_EVENTS`] passes it by.
pub fn probe_key(node_queue: &str) -> String {
    node_queue.replace('.', "-")
}

/// A channel on which everything durable has been declared.
async fn topology(connection: &Connection, settings: &Settings) -> Result<Channel, Error> {
    let names = &settings.names;
    // Nothing could be published without the exchange, so a queue that lost its bindings with it has missed nothing.
    let has_exchange = exchange_exists(connection, &names.exchange).await?;
    let mut channel = connection.create_channel().await?;
    exchange(&channel, &names.exchange, ExchangeKind::Topic).await?;
    exchange(&channel, &names.dead_exchange(), ExchangeKind::Direct).await?;
    for queue in Queue::ALL {
        let (name, dead_name) = (names.queue(*queue), names.dead_queue(*queue));
        channel = keep_or_declare(channel, connection, &dead_name, quorum()).await?;
        bind(&channel, &dead_name, &names.dead_exchange(), &name).await?;
        let is_known = has_exchange && queue_exists(connection, &name).await?;
        channel = keep_or_declare(channel, connection, &name, main_queue(settings, *queue)).await?;
        // A known queue that lost its bindings has missed events: that is for the relay to find, not to be hidden here.
        if !is_known {
            bind_durable(&channel, settings, *queue).await?;
        }
    }
    Ok(channel)
}

async fn queue_exists(connection: &Connection, name: &str) -> Result<bool, Error> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions::durable().passive();
    let declared = channel.queue_declare(name.into(), options, FieldTable::default()).await;
    answered(channel, declared.map(drop)).await
}

async fn exchange_exists(connection: &Connection, name: &str) -> Result<bool, Error> {
    let channel = connection.create_channel().await?;
    let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let kind = ExchangeKind::Topic;
    let declared =
        channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await;
    answered(channel, declared).await
}

/// The answer to a passive declaration, which has a channel of its own: the broker closes it over what is not there.
async fn answered(channel: Channel, declared: Result<(), Error>) -> Result<bool, Error> {
    match declared {
        Ok(()) => channel.close(REPLY_SUCCESS, "".into()).await.map(|()| true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Binds a durable queue to the events that it wants.
pub async fn bind_durable(
    channel: &Channel,
    settings: &Settings,
    queue: Queue,
) -> Result<(), Error> {
    let (name, exchange) = (settings.names.queue(queue), &settings.names.exchange);
    // For what is sent to it alone.
    bind(channel, &name, exchange, queue.routing_key()).await?;
    for event_type in queue.events() {
        bind(channel, &name, exchange, &format!("{event_type}.*")).await?;
    }
    Ok(())
}

/// Declares a queue, or leaves it as it is when it was declared otherwise: by an operator, or under another delivery limit.
/// The broker closes the channel over such a difference, hence the new one.
async fn keep_or_declare(
    channel: Channel,
    connection: &Connection,
    name: &str,
    arguments: FieldTable,
) -> Result<Channel, Error> {
    match channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await {
        Ok(_) => Ok(channel),
        Err(error) if differs(&error) => {
            tracing::warn!(
                bus.queue = name,
                "queue {name} was declared otherwise and is kept: {error}"
            );
            connection.create_channel().await
        }
        Err(error) => Err(error),
    }
}

fn differs(error: &Error) -> bool {
    is(error, &AMQPSoftError::PRECONDITIONFAILED)
}

/// Whether the broker says that there is no such thing.
pub fn is_missing(error: &Error) -> bool {
    is(error, &AMQPSoftError::NOTFOUND)
}

fn is(error: &Error, kind: &AMQPSoftError) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    matches!(error.kind(), AMQPErrorKind::Soft(it) if it == kind)
}

/// Neither bounded nor dropping: when the broker's disk is full it stops confirming, and then the outbox grows.
fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

fn main_queue(settings: &Settings, queue: Queue) -> FieldTable {
    // The broker counts returns, we count deliveries.
    let returns = i64::from(settings.delivery_limit.saturating_sub(1));
    let mut arguments = quorum();
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(returns));
    arguments.insert("x-dead-letter-exchange".into(), text(&settings.names.dead_exchange()));
    arguments.insert("x-dead-letter-routing-key".into(), text(&settings.names.queue(queue)));
    // A dead letter leaves its queue only when the other one has confirmed it; the broker wants the second setting for it.
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    if queue.is_in_order() {
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    }
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

async fn exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> Result<(), Error> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), Error> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default())
        .await
}

async fn consume(
    channel: &Channel,
    settings: &Settings,
    queue: &str,
) -> Result<lapin::Consumer, Error> {
    channel.basic_qos(settings.prefetch, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await
}
