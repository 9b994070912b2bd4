//! The one form of an order on the wire: each channel fills in what it shows, the rest is left out.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{
    Address, Customer, DeliveryStatus, Eta, Fulfilment, Item, ItemOption, LocalizedText, Milestone,
    Money, Order, OrderId, OrderStatus, Payment, Reason, StoreId, Ticket, Version,
};

/// An order in the shape of one channel.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub struct OrderView<'a> {
    /// Its id.
    pub id: OrderId,
    /// How many changes it has seen.
    pub version: Version,
    /// What people call it.
    pub number: &'a str,
    /// Where it stands.
    pub status: OrderStatus,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The store that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_id: Option<StoreId>,
    /// How the food reaches the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fulfilment: Option<Fulfilment>,
    /// `app`, or the slug of the partner where it was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a str>,
    /// The partner's name for the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    /// The courier's side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryView<'a>>,
    /// The money side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// The kitchen's side, one for each station.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tickets: Option<&'a [Ticket]>,
    /// What was ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<ItemView<'a>>>,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Who ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// For the kitchen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'a str>,
    /// When it will be ready and there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<Eta>,
    /// Until when the store may answer; it expires then. Only while it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accept_by: Option<Timestamp>,
    /// Why it stands where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a Reason>,
    /// Every status it had, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<&'a [Milestone]>,
    /// When it was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub placed_at: Option<Timestamp>,
}

/// The courier's side of an order.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
pub struct DeliveryView<'a> {
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Who carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub courier: Option<CourierView<'a>>,
    /// The partner's own tracking page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<&'a str>,
}

/// Who carries the order.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Courier)]
pub struct CourierView<'a> {
    /// The partner's or the restaurant's name for the courier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// As one may call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Their phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<&'a str>,
}

/// One line of an order.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Item)]
pub struct ItemView<'a> {
    /// The menu's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<&'a str>,
    /// What people call it.
    pub name: &'a LocalizedText,
    /// How many.
    pub quantity: u32,
    /// What one costs, options included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// The station that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<&'a str>,
    /// For the station.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'a str>,
    /// What was chosen with it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub options: &'a [ItemOption],
}

impl<'a> OrderView<'a> {
    /// What every channel may show.
    pub fn bare(order: &'a Order) -> Self {
        Self {
            id: order.id,
            version: order.version,
            number: &order.number,
            status: order.status,
            updated_at: order.updated_at,
            store_id: None,
            fulfilment: None,
            source: None,
            external_id: None,
            delivery: None,
            payment: None,
            tickets: None,
            items: None,
            total: None,
            customer: None,
            address: None,
            note: None,
            eta: None,
            accept_by: None,
            reason: None,
            timeline: None,
            placed_at: None,
        }
    }
}

impl<'a> DeliveryView<'a> {
    /// The courier with the given parts.
    pub fn new(order: &'a Order, id: bool, phone: bool) -> Self {
        let delivery = &order.delivery;
        let courier = delivery.courier.as_ref().map(|it| CourierView {
            id: id.then_some(it.id.as_str()),
            name: it.name.as_deref(),
            phone: it.phone.as_deref().filter(|_| phone),
        });
        let tracking_url = delivery.tracking_url.as_deref();
        Self { status: delivery.status, courier, tracking_url }
    }

    /// Only where it stands.
    pub const fn bare(order: &Order) -> Self {
        Self { status: order.delivery.status, courier: None, tracking_url: None }
    }
}

impl<'a> ItemView<'a> {
    /// All of it.
    pub fn full(item: &'a Item) -> Self {
        Self {
            sku: Some(&item.sku),
            unit_price: Some(item.unit_price),
            station: Some(&item.station),
            note: item.note.as_deref(),
            options: &item.options,
            ..Self::bare(item)
        }
    }

    /// What and how many.
    pub const fn bare(item: &'a Item) -> Self {
        Self {
            sku: None,
            name: &item.name,
            quantity: item.quantity,
            unit_price: None,
            station: None,
            note: None,
            options: &[],
        }
    }
}

/// The first word of a name: enough to greet somebody.
pub fn first_word(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or_default()
}
