//! The way of events from the outbox to whoever works on them: RabbitMQ, or this process alone. Delivery is at least once on both.

mod consumer;
mod error;
mod feed;
mod local;
mod mailbox;
mod message;
mod rabbit;
mod state;
mod topology;

use tokio::sync::watch;

pub use self::{
    consumer::{Consumer, Delivery},
    error::BusError,
    feed::{FeedItem, NodeFeed},
    local::{Local, LocalQueue},
    message::Message,
    rabbit::{BindingState, Rabbit},
    state::State,
    topology::{Names, Queue},
};
use crate::{
    base::{mint::Mint, tasks::Tasks},
    config,
};

/// The event transport. Clones share one.
#[derive(Clone, Debug)]
pub enum Bus {
    /// Events stay in this process.
    Local(Local),
    /// Events go through a broker.
    Rabbit(Rabbit),
}

impl Bus {
    /// Takes the transport that is configured. Neither waits for the broker nor fails because of it: the connections are
    /// made, and made again, in the background until `tasks` stop or the bus is closed. Only a malformed URL is an error.
    pub fn connect(config: &config::Bus, tasks: &Tasks, mint: &Mint) -> Result<Self, BusError> {
        Ok(match &config.amqp_url {
            None => Self::Local(Local::new(config, tasks)),
            Some(url) => Self::Rabbit(Rabbit::connect(url, config, tasks, mint)?),
        })
    }

    /// The place in the outbox up to which the screens of this process were given everything. Through a broker, what is published
    /// leaves the outbox: 0.
    pub fn published_through(&self) -> i64 {
        match self {
            Self::Local(local) => local.published_through(),
            Self::Rabbit(_) => 0,
        }
    }

    /// Every order event from now on, for this process alone. Gaps are announced, not filled.
    pub fn node_feed(&self) -> NodeFeed {
        match self {
            Self::Local(local) => NodeFeed::local(local.subscribe(), local.stop()),
            Self::Rabbit(rabbit) => NodeFeed::rabbit(rabbit.subscribe()),
        }
    }

    /// The messages of a durable queue; several consumers of one queue share them.
    ///
    /// In process a queue exists from its first consumer on: consume before the first message is published. From then on the outbox
    /// keeps each event until this queue has acknowledged it.
    pub fn consume(&self, queue: Queue) -> Consumer {
        match self {
            Self::Local(local) => Consumer::local(queue, local.consume(queue), local.stop()),
            Self::Rabbit(rabbit) => Consumer::rabbit(queue, rabbit.consume(queue)),
        }
    }

    /// How the connections stand, and when that changes.
    pub fn state(&self) -> watch::Receiver<State> {
        match self {
            Self::Local(local) => local.state(),
            Self::Rabbit(rabbit) => rabbit.state(),
        }
    }

    /// Asks the broker for an answer; waits for a connection, if there is none yet, up to the configured time-out.
    pub async fn ping(&self) -> Result<(), BusError> {
        match self {
            Self::Local(_) => Ok(()),
            Self::Rabbit(rabbit) => rabbit.ping().await,
        }
    }

    /// Says goodbye to the broker: to be awaited before the runtime ends. Consumers and feeds end.
    pub async fn close(&self) {
        match self {
            Self::Local(local) => local.close(),
            Self::Rabbit(rabbit) => rabbit.close().await,
        }
    }
}

#[cfg(test)]
mod tests;
