//! Orders that live through everything that can happen to an order, and the events that tell of it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    channels::Shape,
    domain::{
        Actor, ActorKind, Address, Change, Command, Courier, Currency, DeliveryStatus, Envelope,
        Eta, EventData, EventId, Fact, Fulfilment, ItemOption, LocalizedText, Metadata, Order,
        OrderStatus, PaymentMethod, PaymentStatus, Reason, ReasonCode, Recorded, Report, Store,
        TicketStatus, TraceContext, samples,
    },
};

/// Everything that happens to one order, told as events.
struct Life {
    order: Option<Order>,
    now: Timestamp,
    events: Vec<Envelope<Order>>,
}

/// Every event of lives that, between them, come to every status of every axis.
pub fn events() -> Vec<Envelope<Order>> {
    let mut events = Vec::new();
    for fulfilment in Fulfilment::ALL {
        for start in [OrderStatus::PendingPayment, OrderStatus::Placed] {
            for end in OrderStatus::ALL.iter().filter(|it| it.is_terminal()) {
                let mut life = Life::begin(*fulfilment, start);
                life.goes_its_way();
                life.ends(*end);
                events.append(&mut life.events);
            }
        }
    }
    events.push(store_updated());
    events
}

/// A store's settings are changed.
fn store_updated() -> Envelope<Order> {
    let store = Store {
        id: samples::store(),
        version: 2,
        name: LocalizedText::new("Abdali", "العبدلي"),
        currency: Currency::JOD,
        timezone: "Asia/Amman".to_owned(),
        stations: vec!["grill".to_owned(), "fry".to_owned()],
        prep_minutes: 20,
        delivery_minutes: 25,
        auto_accept: true,
    };
    let data = EventData::StoreUpdated { store: Box::new(store) };
    let metadata = Metadata::new(Actor::new(ActorKind::Staff, "sara"), context());
    Envelope::new(EventId::from_uuid(Uuid::from_u128(7)), samples::moment(), data, metadata)
}

fn context() -> TraceContext {
    TraceContext {
        correlation_id: Some("0191b3c4d5e67f8091a2b3c4d5e6f708".into()),
        causation_id: Some("inb_00000000000000000000000000000007".into()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
    }
}

/// An event as it goes over the bus, and as staff and services see it on `web`.
pub fn told(event: &Envelope<Order>) -> [Value; 2] {
    [json!(event), json!(Shape::Full.event(event))]
}

impl Life {
    fn begin(fulfilment: Fulfilment, start: OrderStatus) -> Self {
        let mut draft = samples::draft(fulfilment, start);
        // Everything that may be there is there, on one of the two.
        if start == OrderStatus::Placed {
            draft.payment.method = PaymentMethod::Cash;
            draft.note = Some("birthday".to_owned());
            draft.items[0].note = Some("well done".to_owned());
            let name = LocalizedText::new("Cheese", "جبنة");
            draft.items[0].options = vec![ItemOption { name, quantity: 1 }];
            draft.address = Some(Address {
                line: Some("Paris Street 7".to_owned()),
                area: Some("Abdoun".to_owned()),
                city: Some("Amman".to_owned()),
                instructions: Some("ring twice".to_owned()),
                latitude: Some(31.95),
                longitude: Some(35.88),
            });
        }
        let mut life = Self { order: None, now: samples::moment(), events: Vec::new() };
        life.record(vec![Fact::OrderCreated { draft: Box::new(draft) }], &customer(), None);
        life
    }

    /// The machines speak of everything but the end, in their order; people do what they may.
    fn goes_its_way(&mut self) {
        self.ask(Command::Pay(PaymentStatus::Authorized));
        let ready_at = self.now + Duration::from_mins(12);
        self.ask(Command::Expect(Eta {
            ready_at,
            arrives_at: Some(ready_at + Duration::from_mins(20)),
        }));
        self.hear(Report::Order { status: OrderStatus::Accepted, reason: None });
        for status in [TicketStatus::InProgress, TicketStatus::Done] {
            for station in ["grill", "fry", "drinks"] {
                self.ask(Command::Ticket { station: station.to_owned(), to: status });
            }
        }
        self.ask(Command::Recall { station: Some("fry".to_owned()), reason: reason() });
        self.ask(Command::Ticket { station: "fry".to_owned(), to: TicketStatus::Done });
        for status in [DeliveryStatus::Searching, DeliveryStatus::Assigned, DeliveryStatus::AtStore]
        {
            self.hear(Report::Delivery {
                status,
                courier: Some(Courier {
                    id: "omar".to_owned(),
                    name: Some("Omar".to_owned()),
                    phone: Some("+962790000001".to_owned()),
                }),
                tracking_url: Some("https://track.example/981".to_owned()),
            });
        }
    }

    /// However it ends, by the courier or at the counter; then somebody turns it back, and it ends once more.
    fn ends(&mut self, end: OrderStatus) {
        for status in DeliveryStatus::ALL {
            let is_end = matches!(end, OrderStatus::Failed) == status.rank().ge(&80);
            if !status.is_terminal() && is_end {
                self.hear(Report::Delivery { status: *status, courier: None, tracking_url: None });
            }
        }
        let last = match end {
            OrderStatus::Delivered => Some(DeliveryStatus::Delivered),
            OrderStatus::Failed => Some(DeliveryStatus::Returned),
            OrderStatus::Cancelled => Some(DeliveryStatus::Cancelled),
            _ => None,
        };
        if let Some(status) = last {
            self.hear(Report::Delivery { status, courier: None, tracking_url: None });
        }
        self.hear(Report::Order { status: end, reason: Some(reason()) });
        self.ask(Command::Reopen { reason: reason(), within: Duration::from_hours(1) });
        self.hear(Report::Order { status: end, reason: None });
        for status in PaymentStatus::ALL {
            self.ask(Command::Pay(*status));
        }
    }

    fn ask(&mut self, command: Command) {
        let mut change = Change::of(self.order.clone().unwrap(), self.now);
        // Not every order may do everything: what is refused did not happen.
        if change.command(command).is_ok() {
            self.record(change.into_facts(), &Actor::new(ActorKind::Staff, "sara"), None);
        }
    }

    fn hear(&mut self, report: Report) {
        let mut change = Change::of(self.order.clone().unwrap(), self.now);
        let _whatever_came_of_it = change.merge(report);
        let occurred_at = Some(self.now - Duration::from_secs(2));
        self.record(change.into_facts(), &Actor::new(ActorKind::Partner, "generic"), occurred_at);
    }

    fn record(&mut self, facts: Vec<Fact>, actor: &Actor, occurred_at: Option<Timestamp>) {
        for fact in facts {
            let version = self.order.as_ref().map_or(0, |it| it.version) + 1;
            let recorded = Recorded {
                event_id: EventId::from_uuid(Uuid::from_u128(version.into())),
                order_id: samples::order().id,
                version,
                recorded_at: self.now,
                occurred_at,
                actor: actor.clone(),
                context: if occurred_at.is_some() { context() } else { TraceContext::default() },
                fact,
            };
            let order = recorded.fold(self.order.take()).unwrap();
            self.events.push(Envelope::of(&recorded, &order).map_order(|it| Order::clone(it)));
            self.order = Some(order);
        }
        self.now += Duration::from_micros(61_000_007);
    }
}

fn customer() -> Actor {
    Actor::new(ActorKind::Customer, "sami")
}

fn reason() -> Reason {
    Reason { code: ReasonCode::Other, note: Some("a fly in the soup".to_owned()) }
}
