//! How a partner speaks and what it understands: one file for each says it.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    domain::{DeliveryStatus, OrderId, PartnerAction},
    simulator::partners::book::{Entry, Standing},
};

/// The word for a status in a table.
pub fn word(
    words: &[(DeliveryStatus, &'static str)],
    status: DeliveryStatus,
) -> Option<&'static str> {
    words.iter().find(|(it, _)| *it == status).map(|(_, word)| *word)
}

/// What can be asked of a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nothing: what it withholds is only made up for by what it says later.
    Nothing,
    /// Where one of its orders stands.
    OneOrder,
    /// That, and which are open.
    OpenOrders,
}

/// A call, before it is signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// How.
    pub method: Method,
    /// Where, behind the partner's name in our address; empty, or with a slash in front.
    pub path: String,
    /// What.
    pub body: Value,
}

impl Said {
    /// Posted to the partner's one address.
    pub const fn posted(body: Value) -> Self {
        Self { method: Method::POST, path: String::new(), body }
    }
}

/// What a partner is told by us.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// Of which of its orders.
    pub name: String,
    /// What.
    pub action: PartnerAction,
    /// Our name for the order, where it is told.
    pub ours: Option<OrderId>,
}

/// One request to a partner: its method, its path behind the partner's name by segments, and its body.
pub struct Heard<'a> {
    /// `PUT`…
    pub method: &'a Method,
    /// `["orders", "70011223"]`
    pub path: &'a [&'a str],
    /// Null when it is no JSON.
    pub body: &'a Value,
}

/// How one partner speaks.
pub trait Voice: Sync {
    /// Its words for where a delivery stands, in their order.
    fn words(&self) -> &'static [(DeliveryStatus, &'static str)];

    /// What it can be asked.
    fn answers(&self) -> Answers;

    /// Whether it is told when the food waits; else its couriers see it.
    fn is_told_of_food(&self) -> bool;

    /// That an order was placed there. `here` is where it is reached itself. `None` where people cannot order.
    fn placed(&self, entry: &Entry, here: &str) -> Option<Said>;

    /// Where the delivery stands, by its own word; `None` while it does not know what the call would have to name.
    fn delivery(&self, entry: &Entry, status: DeliveryStatus, now: Timestamp) -> Option<Said>;

    /// That the order is called off; `None` like that, and where it never says so.
    fn cancelled(&self, entry: &Entry, now: Timestamp) -> Option<Said>;

    /// The headers that prove who says it. `id` is the same over all attempts.
    fn proof(
        &self,
        secret: &str,
        id: &str,
        now: Timestamp,
        body: &[u8],
    ) -> Vec<(&'static str, String)>;

    /// What it understands of a request to it.
    fn hear(&self, heard: &Heard<'_>) -> Option<Told>;

    /// What it answers when it is asked where an order stands.
    fn answer(&self, entry: &Entry, standing: &Standing) -> Value;
}
