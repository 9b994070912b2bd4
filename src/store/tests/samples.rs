//! Orders and what happens to them, for the tests.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    domain::{
        Actor, ActorKind, Courier, Currency, Customer, DeliveryStatus, Draft, Envelope, EventData,
        EventId, Fact, Fulfilment, Item, LocalizedText, Metadata, Money, Order, OrderId,
        OrderStatus, Payment, PaymentMethod, PaymentStatus, Reason, ReasonCode, Recorded, Routing,
        Store, StoreId, TraceContext, Version,
    },
    store::{
        Tx,
        orders::{self, Append},
        outbox::OutboxMessage,
        tests::fresh,
    },
};

/// An order together with what has happened to it and is not stored yet.
pub struct Story {
    pub order: Order,
    pub news: Vec<Recorded>,
}

/// The moment that everything is counted from. It has microseconds.
pub fn noon() -> Timestamp {
    "2026-11-22T12:00:00.123456Z".parse().unwrap()
}

pub fn later(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

pub fn store_id(number: u128) -> StoreId {
    StoreId::from_uuid(Uuid::from_u128(number))
}

pub fn branch(number: u128) -> Store {
    Store {
        id: store_id(number),
        version: 1,
        name: LocalizedText::new("Abdali", "العبدلي"),
        currency: Currency::JOD,
        timezone: "Asia/Amman".to_owned(),
        stations: vec!["grill".to_owned()],
        prep_minutes: 20,
        delivery_minutes: 25,
        auto_accept: false,
    }
}

/// An event about something that this release knows nothing of.
pub fn menu(version: Version) -> Routing {
    Routing {
        event_type: "MenuPublished".into(),
        subject_type: "menu".into(),
        subject_id: "menu_7".into(),
        subject_version: version,
        partition_key: "menu_7".into(),
        order_id: None,
        store_id: None,
        customer_id: None,
        courier_id: None,
        traceparent: None,
    }
}

/// The event that tells of a store.
pub fn store_updated(store: &Store, at: Timestamp) -> OutboxMessage {
    let data = EventData::<Order>::StoreUpdated { store: Box::new(store.clone()) };
    let metadata = Metadata::new(Actor::new(ActorKind::Staff, "ahmad"), context());
    let event = Envelope::new(EventId::from_uuid(fresh()), at, data, metadata);
    OutboxMessage {
        event_id: event.event_id,
        routing: Routing::of(&event),
        body: serde_json::to_vec(&event).unwrap().into(),
        created_at: at,
    }
}

impl Story {
    /// An order of store 1 and customer `cus_1`, placed so many seconds after noon.
    pub fn placed(seconds: i64) -> Self {
        Self::begin(store_id(1), Some("cus_1"), OrderStatus::Placed, later(seconds))
    }

    pub fn begin(
        store_id: StoreId,
        customer: Option<&str>,
        status: OrderStatus,
        at: Timestamp,
    ) -> Self {
        let id = OrderId::from_uuid(fresh());
        let price = Money::new(4930, Currency::JOD);
        let draft = Draft {
            id,
            store_id,
            number: "118".to_owned(),
            fulfilment: Fulfilment::Delivery,
            source: "app".to_owned(),
            external_id: None,
            status,
            payment: Payment { status: PaymentStatus::Captured, method: PaymentMethod::Card },
            items: vec![Item {
                sku: "burger".to_owned(),
                name: LocalizedText::new("Burger \"double\"", "برغر"),
                quantity: 2,
                unit_price: price,
                station: "grill".to_owned(),
                note: None,
                options: Vec::new(),
            }],
            total: price.times(2).unwrap(),
            customer: Customer {
                id: customer.map(str::to_owned),
                name: Some("Lina".to_owned()),
                ..Customer::default()
            },
            address: None,
            note: Some("no onions 🧅".to_owned()),
            eta: None,
            accept_by: None,
        };
        let order = Order::begin(draft.clone(), at);
        let news = vec![recorded(&order, Fact::OrderCreated { draft: Box::new(draft) })];
        Self { order, news }
    }

    pub fn happen(&mut self, fact: Fact, at: Timestamp) {
        self.order.apply(&fact, at);
        self.news.push(recorded(&self.order, fact));
    }

    pub fn move_to(&mut self, to: OrderStatus, at: Timestamp) {
        let reason = to
            .is_unhappy()
            .then(|| Reason { code: ReasonCode::ALL[0], note: Some("sold out".to_owned()) });
        self.happen(Fact::OrderStatusChanged { from: self.order.status, to, reason }, at);
    }

    pub fn carried_by(&mut self, courier: &str, at: Timestamp) {
        let courier = Courier { id: courier.to_owned(), name: None, phone: None };
        self.happen(
            Fact::DeliveryStatusChanged {
                from: DeliveryStatus::None,
                to: DeliveryStatus::Assigned,
                courier: Some(courier),
                tracking_url: None,
            },
            at,
        );
    }

    pub fn append(&self) -> Append<'_> {
        let messages = self.news.iter().map(|it| OutboxMessage {
            event_id: it.event_id,
            routing: Routing {
                subject_version: it.version,
                ..Routing::of(&Envelope::of(it, &self.order))
            },
            created_at: it.recorded_at,
            body: Bytes::from(format!("{{\"version\":{}}}", it.version)),
        });
        Append {
            previous: self.news[0].version - 1,
            recorded: &self.news,
            order: &self.order,
            messages: messages.collect(),
            calls: Vec::new(),
        }
    }

    /// Stores what is not stored yet.
    pub async fn store(&mut self, tx: &mut Tx) {
        orders::append(tx, self.append()).await.unwrap();
        self.news.clear();
    }
}

/// Everything that there is to know.
fn context() -> TraceContext {
    TraceContext {
        correlation_id: Some("req-7".into()),
        causation_id: Some("inb_7".into()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
    }
}

fn recorded(order: &Order, fact: Fact) -> Recorded {
    Recorded {
        event_id: EventId::from_uuid(fresh()),
        order_id: order.id,
        version: order.version,
        recorded_at: order.updated_at,
        occurred_at: (order.version == 2).then_some(order.updated_at),
        actor: Actor::new(ActorKind::Staff, "ahmad"),
        context: if order.version == 2 { context() } else { TraceContext::default() },
        fact,
    }
}
