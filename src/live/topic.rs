//! What can be watched.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::domain::{IdError, Order, OrderId, OrderStatus, StoreId};

/// The longest id of a customer or courier, in bytes.
const LONGEST_ID: usize = 128;

/// Something that can be watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One order.
    Order(OrderId),
    /// The active orders of one store.
    Store(StoreId),
    /// All orders of one customer.
    Customer(Box<str>),
    /// The orders that one courier carries.
    Courier(Box<str>),
    /// Every order.
    Ops,
}

/// A text that names no topic.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The part before the colon.
    #[error("a topic is order:<id>, store:<id>, customer:<id>, courier:<id> or ops")]
    Kind,
    /// The part behind it.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The id of a customer or courier.
    #[error(
        "the id of a customer or courier has 1 to {LONGEST_ID} bytes, no control characters among them"
    )]
    Name,
}

impl Topic {
    /// Every topic that an order's events belong to. A store does not see what is not paid for.
    pub fn of(order: &Order) -> impl Iterator<Item = Self> {
        let is_with_store = order.status != OrderStatus::PendingPayment;
        let store = is_with_store.then_some(Self::Store(order.store_id));
        let customer = order.customer.id.as_deref().map(|it| Self::Customer(it.into()));
        let courier =
            order.delivery.courier.as_ref().map(|it| Self::Courier(it.id.as_str().into()));
        [Some(Self::Order(order.id)), store, customer, courier, Some(Self::Ops)]
            .into_iter()
            .flatten()
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        if text == "ops" {
            return Ok(Self::Ops);
        }
        let (kind, id) = text.split_once(':').ok_or(TopicError::Kind)?;
        match kind {
            "order" => Ok(Self::Order(id.parse()?)),
            "store" => Ok(Self::Store(id.parse()?)),
            "customer" => Ok(Self::Customer(named(id)?)),
            "courier" => Ok(Self::Courier(named(id)?)),
            _ => Err(TopicError::Kind),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(id) => write!(f, "order:{id}"),
            Self::Store(id) => write!(f, "store:{id}"),
            Self::Customer(id) => write!(f, "customer:{id}"),
            Self::Courier(id) => write!(f, "courier:{id}"),
            Self::Ops => f.write_str("ops"),
        }
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn named(id: &str) -> Result<Box<str>, TopicError> {
    let fits = !id.is_empty() && id.len() <= LONGEST_ID && !id.contains(char::is_control);
    if fits { Ok(id.into()) } else { Err(TopicError::Name) }
}
