//! An order as a partner tells of it: in the partner's own names, until it is one of ours.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::{
    Address, Currency, Customer, Draft, Eta, Fulfilment, Item, ItemOption, LocalizedText, Money,
    OrderId, OrderStatus, Payment, PaymentStatus, Store,
};

/// An order that was placed at a partner.
#[derive(Clone, Debug, PartialEq)]
pub struct PartnerOrder {
    /// The partner's name for the store.
    pub store: String,
    /// What people call it, where the partner gives it a short name.
    pub number: Option<String>,
    /// A rehearsal: it must never reach a kitchen.
    pub is_test: bool,
    /// Somebody at the store has taken it on already, on the partner's own tablet.
    pub is_accepted: bool,
    /// Until when the store may answer.
    pub accept_by: Option<Timestamp>,
    /// How the food reaches the customer.
    pub fulfilment: Fulfilment,
    /// The money side.
    pub payment: Payment,
    /// What was ordered.
    pub items: Vec<PartnerItem>,
    /// What it costs; left out: the sum of its items.
    pub total: Option<Amount>,
    /// The ISO 4217 code of every amount; left out: the store's.
    pub currency: Option<String>,
    /// Who ordered.
    pub customer: Customer,
    /// Where it goes.
    pub address: Option<Address>,
    /// For the kitchen.
    pub note: Option<String>,
    /// When it is expected; left out: by the store's usual times.
    pub eta: Option<Eta>,
    /// What the partner will want to hear with our answers: callback addresses, names of brand and branch. Kept beside the
    /// order's mapping.
    pub contact: Option<Value>,
}

/// One line of a partner's order.
#[derive(Clone, Debug, PartialEq)]
pub struct PartnerItem {
    /// The menu's name for it: partners give back the names that they were given.
    pub sku: String,
    /// What people call it, where the partner says.
    pub name: Option<LocalizedText>,
    /// How many.
    pub quantity: u32,
    /// What one costs, options included, where the partner says.
    pub unit_price: Option<Amount>,
    /// For the station.
    pub note: Option<String>,
    /// What was chosen with it.
    pub options: Vec<ItemOption>,
}

/// An amount as partners write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A decimal number of dinars: `9.860`.
    Decimal(String),
    /// Minor units: 9860.
    Minor(i64),
}

impl Amount {
    /// As money.
    fn of(&self, currency: Currency) -> Result<Money, Unusable> {
        match self {
            Self::Minor(amount) => Some(Money::new(*amount, currency)),
            Self::Decimal(text) => Money::from_decimal(text, currency),
        }
        .filter(|it| 0 <= it.amount)
        .ok_or(Unusable::Amount)
    }
}

/// Why a partner's order cannot become one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Nothing was ordered.
    #[error("it has no items")]
    Empty,
    /// More of something, or more chosen with it, than one orders.
    #[error(
        "a line of it has no pieces, more than {}, or more than {} options",
        Item::MOST,
        Item::MOST_OPTIONS
    )]
    TooMuch,
    /// The store sells in another currency.
    #[error("its currency is not the store's")]
    Currency,
    /// An amount that is none, is negative, or has more decimals than its currency.
    #[error("an amount in it is no amount")]
    Amount,
}

impl PartnerOrder {
    /// The order that it becomes at `store`, where people call it `number`.
    pub fn draft(
        self,
        id: OrderId,
        store: &Store,
        (source, external_id): (&str, &str),
        number: String,
        now: Timestamp,
    ) -> Result<Draft, Unusable> {
        if self.items.is_empty() {
            return Err(Unusable::Empty);
        }
        let currency = match &self.currency {
            Some(code) => Currency::from_code(code).filter(|it| *it == store.currency),
            None => Some(store.currency),
        };
        let currency = currency.ok_or(Unusable::Currency)?;
        let items: Result<Vec<_>, _> =
            self.items.into_iter().map(|it| it.item(store, currency)).collect();
        let items = items?;
        let total = match &self.total {
            Some(total) => total.of(currency)?,
            None => sum(&items, currency)?,
        };
        let waits = self.payment.status == PaymentStatus::Pending;
        Ok(Draft {
            id,
            store_id: store.id,
            number,
            fulfilment: self.fulfilment,
            source: source.to_owned(),
            external_id: Some(external_id.to_owned()),
            status: if waits { OrderStatus::PendingPayment } else { OrderStatus::Placed },
            payment: self.payment,
            items,
            total,
            customer: self.customer,
            address: self.address,
            note: self.note,
            eta: self.eta.or_else(|| store.usual_eta(self.fulfilment, now)),
            accept_by: self.accept_by,
        })
    }
}

impl PartnerItem {
    fn item(self, store: &Store, currency: Currency) -> Result<Item, Unusable> {
        if !(1..=Item::MOST).contains(&self.quantity) || Item::MOST_OPTIONS < self.options.len() {
            return Err(Unusable::TooMuch);
        }
        let unit_price = match &self.unit_price {
            Some(price) => price.of(currency)?,
            None => Money::new(0, currency),
        };
        Ok(Item {
            name: self.name.unwrap_or_else(|| LocalizedText::new(&self.sku, &self.sku)),
            sku: self.sku,
            quantity: self.quantity,
            unit_price,
            station: store.stations.first().cloned().unwrap_or_default(),
            note: self.note,
            options: self.options,
        })
    }
}

fn sum(items: &[Item], currency: Currency) -> Result<Money, Unusable> {
    let mut sum = Money::new(0, currency);
    for item in items {
        let price = item.unit_price.times(item.quantity).map_err(|_| Unusable::Amount)?;
        sum = sum.plus(price).map_err(|_| Unusable::Amount)?;
    }
    Ok(sum)
}
