//! Turns decided facts into what is written: log rows, the new state, the events to be published, and what partners are to be told.

use jiff::Timestamp;

use crate::{
    app::{App, Failure, partner_calls},
    domain::{
        Actor, Envelope, EventId, Fact, Order, OrderId, Recorded, Routing, TraceContext, Version,
    },
    store::{orders::Append, outbox::OutboxMessage, partner_calls::NewPartnerCall},
};

/// Who told us, and when it happened by their clock.
pub struct Testimony {
    /// Who.
    pub actor: Actor,
    /// When, if they said so.
    pub occurred_at: Option<Timestamp>,
    /// Where it came from.
    pub context: TraceContext,
}

/// What happened to one order, ready to be written.
pub struct Entry {
    previous: Version,
    recorded: Vec<Recorded>,
    messages: Vec<OutboxMessage>,
    calls: Vec<NewPartnerCall>,
    /// The order after it.
    pub order: Order,
}

impl Entry {
    /// As the store takes it.
    pub fn append(&self) -> Append<'_> {
        Append {
            previous: self.previous,
            recorded: &self.recorded,
            order: &self.order,
            messages: self.messages.clone(),
            calls: self.calls.clone(),
        }
    }

    /// What happened next to the same order, written together with this.
    pub fn extend(&mut self, next: Self) {
        self.recorded.extend(next.recorded);
        self.messages.extend(next.messages);
        self.calls.extend(next.calls);
        self.order = next.order;
    }
}

/// What is written when `facts` happen to `before` (`None`: they begin the order) at `now`.
pub fn entry(
    app: &App,
    before: Option<Order>,
    facts: Vec<Fact>,
    testimony: &Testimony,
    now: Timestamp,
) -> Result<Entry, Failure> {
    let previous: Version = before.as_ref().map_or(0, |it| it.version);
    let mut order = before;
    let mut recorded = Vec::with_capacity(facts.len());
    let mut messages = Vec::with_capacity(facts.len());
    let mut calls = Vec::new();
    for (version, fact) in (previous + 1..).zip(facts) {
        let row = Recorded {
            event_id: EventId::from_uuid(app.mint.uuid(now)),
            order_id: order_id(&fact, order.as_ref())?,
            version,
            recorded_at: now,
            occurred_at: testimony.occurred_at,
            actor: testimony.actor.clone(),
            context: testimony.context.clone(),
            fact,
        };
        calls.extend(partner_calls::calls(app, order.as_ref(), &row, now));
        let after = row.fold(order.take()).ok_or_else(nothing_to_change)?;
        messages.push(message(&Envelope::of(&row, &after))?);
        recorded.push(row);
        order = Some(after);
    }
    let order = order.ok_or_else(nothing_to_change)?;
    Ok(Entry { previous, recorded, messages, calls, order })
}

fn order_id(fact: &Fact, order: Option<&Order>) -> Result<OrderId, Failure> {
    match (fact, order) {
        (Fact::OrderCreated { draft }, None) => Ok(draft.id),
        (_, Some(order)) => Ok(order.id),
        (_, None) => Err(nothing_to_change()),
    }
}

/// An event as it is to be published.
pub fn message(event: &Envelope<&Order>) -> Result<OutboxMessage, Failure> {
    let body = serde_json::to_vec(event).map_err(|it| Failure::Internal(it.to_string()))?;
    Ok(OutboxMessage {
        event_id: event.event_id,
        routing: Routing::of(event),
        body: body.into(),
        created_at: event.timestamp,
    })
}

fn nothing_to_change() -> Failure {
    Failure::Internal("a fact without an order to fold it into".to_owned())
}
