//! Why the bus could not do what it was asked.

use std::{sync::Arc, time::Duration};

/// Why a message may not have arrived, or why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The setting cannot be used. Does not quote it: it holds a password.
    #[error(
        "bus.amqp_url must look like amqp://user:password@host:5672/vhost; amqps is not supported"
    )]
    Url,
    /// There is no connection.
    #[error("the broker is away: {0}")]
    Away(Arc<str>),
    /// The broker, or the way to it, failed.
    #[error("the broker failed: {0}")]
    Broker(#[from] lapin::Error),
    /// The broker took a message, but could not keep it.
    #[error("the broker refused a message")]
    Refused,
    /// The broker has lost the queue that a message is for.
    #[error("no queue takes messages for {0}")]
    Unroutable(String),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The broker has ended a subscription: its queue was deleted, or moved.
    #[error("the broker has ended the subscription")]
    Cancelled,
    /// This process does not take what it is sent.
    #[error("nothing was taken from the feed for {0:?}")]
    Stuck(Duration),
    /// The bus has been closed.
    #[error("the bus is closed")]
    Closed,
}
