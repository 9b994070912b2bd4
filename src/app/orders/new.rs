//! What somebody asks for when they place an order.

use serde::Deserialize;

use crate::{
    app::consents::NewConsent,
    domain::{
        Address, Customer, Eta, Fulfilment, ItemOption, LocalizedText, Money, PaymentMethod,
        PaymentStatus, StoreId,
    },
};

/// A new order, as asked for.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOrder {
    /// The store that is to make it.
    pub store_id: StoreId,
    /// How the food reaches the customer.
    pub fulfilment: Fulfilment,
    /// What is ordered; one line or more.
    pub items: Vec<NewItem>,
    /// Who orders. A customer's token fills in the id.
    #[serde(default)]
    pub customer: Customer,
    /// Where it goes; needed for a delivery.
    #[serde(default)]
    pub address: Option<Address>,
    /// How it is paid; left out: cash at the hand-over.
    #[serde(default)]
    pub payment: Option<NewPayment>,
    /// What it costs with fees and discounts; left out: the sum of its items.
    #[serde(default)]
    pub total: Option<Money>,
    /// For the kitchen.
    #[serde(default)]
    pub note: Option<String>,
    /// What people will call it; left out: the store's next number. Staff and services only.
    #[serde(default)]
    pub number: Option<String>,
    /// When it is expected; left out: by the store's usual times. Staff and services only.
    #[serde(default)]
    pub eta: Option<Eta>,
    /// The partner where it was placed. Staff and services only.
    #[serde(default)]
    pub partner: Option<PartnerRef>,
    /// What the customer has said of being written to, on placing it.
    #[serde(default)]
    pub consent: Option<NewConsent>,
}

/// One line of a new order.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewItem {
    /// The menu's name for it.
    pub sku: String,
    /// What people call it.
    pub name: LocalizedText,
    /// How many, from 1 to 999.
    pub quantity: u32,
    /// What one costs, options included, in the store's currency.
    pub unit_price: Money,
    /// The station that makes it; left out: the store's first.
    #[serde(default)]
    pub station: Option<String>,
    /// For the station.
    #[serde(default)]
    pub note: Option<String>,
    /// What was chosen with it.
    #[serde(default)]
    pub options: Vec<ItemOption>,
}

/// How a new order is paid.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPayment {
    /// How.
    pub method: PaymentMethod,
    /// Where it stands: `none`, `pending` (the order then waits as `pending_payment`), `authorized` or `captured`.
    #[serde(default)]
    pub status: Option<PaymentStatus>,
}

/// A partner's order.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartnerRef {
    /// The partner's slug: `careem`, `deliveroo`, `generic`…
    pub name: String,
    /// The partner's name for the order: its webhooks will use it.
    pub order_id: String,
    /// What the partner gave with the order, to be used when it is told what becomes of it: callback addresses, names of brand and
    /// branch.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub contact: Option<serde_json::Map<String, serde_json::Value>>,
}
