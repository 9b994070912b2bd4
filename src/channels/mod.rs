//! What each kind of screen sees of an order. Pure.

mod board;
mod courier;
mod kiosk;
mod kitchen;
pub mod message;
mod mobile;
mod view;
mod web;

use std::borrow::Borrow;

use serde::{Deserialize, Serialize};

pub use self::view::OrderView;
use crate::domain::{Actor, Envelope, Metadata, Order, SubjectTypes};

/// The channel that a screen asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The customer's phone.
    Mobile,
    /// Full pages.
    Web,
    /// The store's own kiosk.
    Kiosk,
    /// The kitchen screen.
    Kitchen,
    /// The courier's app.
    Courier,
    /// The ready board.
    Board,
}

/// What is sent: a channel, and for `web` how much its reader may know. Frames are encoded once for each shape in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `mobile`.
    Mobile,
    /// `web` for somebody who holds a tracking link.
    Link,
    /// `web` for the customer.
    Customer,
    /// `web` for staff and services: everything.
    Full,
    /// `kiosk`.
    Kiosk,
    /// `kitchen`.
    Kitchen,
    /// `courier`.
    Courier,
    /// `board`.
    Board,
}

impl Shape {
    /// Whether it is made for whoever ordered.
    pub const fn is_for_customers(self) -> bool {
        matches!(self, Self::Mobile | Self::Link | Self::Customer)
    }

    /// The channel it belongs to.
    pub const fn channel(self) -> Channel {
        match self {
            Self::Mobile => Channel::Mobile,
            Self::Link | Self::Customer | Self::Full => Channel::Web,
            Self::Kiosk => Channel::Kiosk,
            Self::Kitchen => Channel::Kitchen,
            Self::Courier => Channel::Courier,
            Self::Board => Channel::Board,
        }
    }

    /// What this shape shows of an order.
    pub fn view(self, order: &Order) -> OrderView<'_> {
        match self {
            Self::Mobile => mobile::view(order),
            Self::Link => web::for_link(order),
            Self::Customer | Self::Full => web::full(order),
            Self::Kiosk => kiosk::view(order),
            Self::Kitchen => kitchen::view(order),
            Self::Courier => courier::view(order),
            Self::Board => board::view(order),
        }
    }

    /// An event as this shape shows it.
    pub fn event<O: Borrow<Order>>(self, event: &Envelope<O>) -> Envelope<OrderView<'_>> {
        let mut shown = event.map_order(|order| self.view(order.borrow()));
        if !self.names_origins() {
            shown.metadata = Metadata {
                actor: Actor { id: None, ..shown.metadata.actor },
                correlation_id: None,
                causation_id: None,
                traceparent: None,
                ..shown.metadata
            };
        }
        // Its note is free text: whoever is not shown it with the order is not told it beside the order.
        if shown.data.order().is_some_and(|data| data.order.reason.is_none()) {
            shown.metadata.reason = None;
        }
        shown
    }

    /// Those of these types of subjects, beside orders, that this shape shows events about. All that an event says of such a subject is
    /// shown then.
    pub const fn shown_of(self, types: SubjectTypes) -> SubjectTypes {
        match self {
            Self::Full | Self::Kitchen => types,
            Self::Mobile
            | Self::Link
            | Self::Customer
            | Self::Kiosk
            | Self::Courier
            | Self::Board => SubjectTypes::NONE,
        }
    }

    /// Whether the reader may know who at the store did something, and by which request.
    const fn names_origins(self) -> bool {
        match self {
            Self::Full | Self::Kitchen => true,
            Self::Mobile
            | Self::Link
            | Self::Customer
            | Self::Kiosk
            | Self::Courier
            | Self::Board => false,
        }
    }
}

/// One of something for each shape.
#[derive(Debug, Default)]
pub struct PerShape<T>([T; 8]);

impl<T> PerShape<T> {
    /// That of one shape.
    pub const fn of(&self, shape: Shape) -> &T {
        let [mobile, link, customer, full, kiosk, kitchen, courier, board] = &self.0;
        match shape {
            Shape::Mobile => mobile,
            Shape::Link => link,
            Shape::Customer => customer,
            Shape::Full => full,
            Shape::Kiosk => kiosk,
            Shape::Kitchen => kitchen,
            Shape::Courier => courier,
            Shape::Board => board,
        }
    }
}

#[cfg(test)]
mod tests;
