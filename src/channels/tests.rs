//! Who sees what: the personal data of one order, looked for in every shape.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    channels::Shape,
    domain::{
        Actor, ActorKind, Address, Courier, Currency, Customer, Delivery, DeliveryStatus, Draft,
        Envelope, EventId, Fact, Fulfilment, Item, Language, LocalizedText, Money, Order, OrderId,
        OrderStatus, Payment, PaymentMethod, PaymentStatus, Reason, ReasonCode, Recorded, StoreId,
        TraceContext,
    },
};

fn order() -> Order {
    let price = Money::new(4250, Currency::JOD);
    let draft = Draft {
        id: OrderId::from_uuid(Uuid::from_u128(1)),
        store_id: StoreId::from_uuid(Uuid::from_u128(2)),
        number: "118".to_owned(),
        fulfilment: Fulfilment::Delivery,
        source: "careem".to_owned(),
        external_id: Some("70011223".to_owned()),
        status: OrderStatus::Placed,
        payment: Payment { status: PaymentStatus::None, method: PaymentMethod::Cash },
        items: vec![Item {
            sku: "itm-9".to_owned(),
            name: LocalizedText::new("Burger", "برغر"),
            quantity: 2,
            unit_price: price,
            station: "grill".to_owned(),
            note: Some("no onions".to_owned()),
            options: Vec::new(),
        }],
        total: Money::new(8500, Currency::JOD),
        customer: Customer {
            id: Some("cus-77".to_owned()),
            name: Some("Sara Haddad".to_owned()),
            phone: Some("+962790000001".to_owned()),
            language: Some(Language::Arabic),
        },
        address: Some(Address {
            line: Some("Rainbow Street 12".to_owned()),
            area: Some("Jabal Amman".to_owned()),
            ..Address::default()
        }),
        note: Some("ring twice".to_owned()),
        eta: None,
        accept_by: None,
    };
    let mut order = Order::begin(draft, Timestamp::UNIX_EPOCH);
    order.delivery = Delivery {
        status: DeliveryStatus::Assigned,
        courier: Some(Courier {
            id: "crr-5".to_owned(),
            name: Some("Samer Odeh".to_owned()),
            phone: Some("+962790000002".to_owned()),
        }),
        tracking_url: None,
    };
    order
}

/// Which of these words a shape shows.
fn shows(shape: Shape) -> Vec<&'static str> {
    let text = serde_json::to_string(&shape.view(&order())).unwrap();
    [
        "Sara",
        "Haddad",
        "+962790000001",
        "Rainbow",
        "Jabal",
        "Odeh",
        "+962790000002",
        "Burger",
        "4250",
    ]
    .into_iter()
    .filter(|word| text.contains(word))
    .collect()
}

#[test]
fn each_shape_shows_what_its_reader_may_know_and_no_more() {
    assert_eq!(shows(Shape::Full).len(), 9);
    assert_eq!(shows(Shape::Customer).len(), 9);
    assert_eq!(shows(Shape::Link), ["Sara", "Jabal", "Odeh", "+962790000002", "Burger", "4250"]);
    assert_eq!(
        shows(Shape::Courier),
        ["Sara", "Haddad", "+962790000001", "Rainbow", "Jabal", "Odeh", "+962790000002", "Burger"]
    );
    assert_eq!(shows(Shape::Kitchen), ["Burger"]);
    assert_eq!(shows(Shape::Kiosk), ["Burger"]);
    assert!(shows(Shape::Mobile).is_empty());
    assert!(shows(Shape::Board).is_empty());
}

#[test]
fn a_reason_is_told_only_where_the_order_shows_it() {
    let reason = Reason { code: ReasonCode::Other, note: Some("Sara called".to_owned()) };
    let (from, to) = (OrderStatus::Placed, OrderStatus::Cancelled);
    let recorded = Recorded {
        event_id: EventId::from_uuid(Uuid::from_u128(3)),
        order_id: order().id,
        version: 2,
        recorded_at: Timestamp::UNIX_EPOCH,
        occurred_at: None,
        actor: Actor::new(ActorKind::Staff, "omar"),
        context: TraceContext::default(),
        fact: Fact::OrderStatusChanged { from, to, reason: Some(reason) },
    };
    let after = recorded.fold(Some(order())).unwrap();
    let event = Envelope::of(&recorded, &after);
    let told = |shape: Shape| shape.event(&event).metadata.reason.is_some();
    for shape in [Shape::Board, Shape::Kiosk, Shape::Courier] {
        assert!(!told(shape), "{shape:?}");
    }
    for shape in [Shape::Full, Shape::Kitchen, Shape::Customer, Shape::Mobile, Shape::Link] {
        assert!(told(shape), "{shape:?}");
    }
}
