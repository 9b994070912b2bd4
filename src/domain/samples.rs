//! Orders for tests.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::{
    Address, Currency, Customer, Draft, Fulfilment, Item, Language, LocalizedText, Money, Order,
    OrderId, OrderStatus, Payment, PaymentMethod, PaymentStatus, StoreId,
};

/// 2026-11-20T18:00:00Z.
pub(crate) fn moment() -> Timestamp {
    Timestamp::constant(1_795_197_600, 0)
}

/// Where [`order`] is made.
pub(crate) const fn store() -> StoreId {
    StoreId::from_uuid(Uuid::from_u128(0x57))
}

/// Where it is not.
pub(crate) const fn other_store() -> StoreId {
    StoreId::from_uuid(Uuid::from_u128(0x58))
}

/// Two burgers, fries and a juice: three stations.
pub(crate) fn draft(fulfilment: Fulfilment, status: OrderStatus) -> Draft {
    let item = |sku: &str, station: &str, quantity, amount| Item {
        sku: sku.to_owned(),
        name: LocalizedText::new(sku, "طعام"),
        quantity,
        unit_price: Money { amount, currency: Currency::JOD },
        station: station.to_owned(),
        note: None,
        options: Vec::new(),
    };
    Draft {
        id: OrderId::from_uuid(Uuid::from_u128(0x0118)),
        store_id: store(),
        number: "118".to_owned(),
        fulfilment,
        source: "app".to_owned(),
        external_id: Some("gb:42".to_owned()),
        status,
        payment: Payment { status: PaymentStatus::Pending, method: PaymentMethod::Card },
        items: vec![
            item("burger", "grill", 2, 4250),
            item("fries", "fry", 1, 1500),
            item("juice", "drinks", 1, 1000),
        ],
        total: Money { amount: 11_000, currency: Currency::JOD },
        customer: Customer {
            id: Some("sami".to_owned()),
            name: Some("Sami".to_owned()),
            phone: Some("+962790000000".to_owned()),
            language: Some(Language::Arabic),
        },
        address: Some(Address { latitude: Some(31.95), ..Address::default() }),
        note: None,
        eta: None,
        accept_by: None,
    }
}

/// A delivery order that was just placed.
pub(crate) fn order() -> Order {
    Order::begin(draft(Fulfilment::Delivery, OrderStatus::Placed), moment())
}
