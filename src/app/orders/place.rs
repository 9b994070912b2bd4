//! A new order: checked, numbered, recorded, and tied to its partner, in one transaction.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    app::{
        App, Failure,
        consents::NewConsent,
        idempotency::{self, KeyedRequest, Next},
        ledger::{self, Testimony},
        mappings,
        orders::{NewItem, NewOrder, check},
    },
    auth::{Caller, Role},
    domain::{
        Draft, Fact, Item, Money, Order, OrderId, OrderStatus, Payment, PaymentMethod,
        PaymentStatus, Store, TraceContext,
    },
    store::{self, Tx, idempotency::Saved},
};

/// What the restaurant's own channels are called where partners have their slug.
const OWN_SOURCE: &str = "app";

/// What became of the request.
pub enum Placed {
    /// The order is there now.
    Now(Arc<Order>, Saved),
    /// It was there already, under the same key: this was the answer.
    Before(Saved),
}

/// Places an order, once for each idempotency key. `answer` makes the answer that is stored with the key.
pub async fn place(
    app: &App,
    caller: &Caller,
    request: KeyedRequest<'_>,
    new: NewOrder,
    context: TraceContext,
    answer: impl FnOnce(&Order) -> Saved,
) -> Result<Placed, Failure> {
    let mut tx = app.db.begin().await?;
    let next = idempotency::begin(app, &mut tx, caller, request).await;
    let placed = match next {
        Ok(Next::Proceed(usage)) => {
            record(app, &mut tx, caller, new, context).await.map(|it| (usage, it))
        }
        Ok(Next::Replay(saved)) => {
            tx.roll_back().await;
            return Ok(Placed::Before(saved));
        }
        Err(failure) => Err(failure),
    };
    let (usage, order) = match placed {
        Ok(placed) => placed,
        Err(failure) => {
            // Not just dropped: whoever mends the request may use the key again at once.
            tx.roll_back().await;
            return Err(failure);
        }
    };
    let saved = answer(&order);
    usage.save(app, &mut tx, &saved).await?;
    tx.commit().await?;
    let order = Arc::new(order);
    app.cache.put_local(&order).await;
    Ok(Placed::Now(order, saved))
}

async fn record(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    new: NewOrder,
    context: TraceContext,
) -> Result<Order, Failure> {
    let store = store::stores::get(tx, new.store_id).await?.ok_or(Failure::NoSuch("store"))?;
    if caller.role != Role::Customer && !caller.may_serve_store(store.id) {
        return Err(Failure::Forbidden("This token may not place orders at this store."));
    }
    let faults = check::faults(app, &new, &store, caller);
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let now = app.clock.now();
    let contact = new.partner.as_ref().and_then(|it| it.contact.clone()).map(Value::Object);
    let consent = new.consent.clone();
    let draft = draft(app, tx, caller, new, &store, now).await?;
    if let Some((consent, phone)) = consent.zip(draft.customer.phone.as_ref()) {
        let evidence = consent.evidence.or_else(|| Some(draft.id.to_string()));
        let consent = NewConsent { evidence, ..consent };
        consent.enter(app, tx, phone, caller, true).await?;
    }
    let facts = vec![Fact::OrderCreated { draft: Box::new(draft) }];
    let testimony = Testimony { actor: caller.actor(), occurred_at: None, context };
    let entry = ledger::entry(app, None, facts, &testimony, now)?;
    store::orders::append(tx, entry.append()).await?;
    mappings::tie(app, tx, &entry.order, contact, now).await?;
    Ok(entry.order)
}

async fn draft(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    new: NewOrder,
    store: &Store,
    now: Timestamp,
) -> Result<Draft, Failure> {
    let number = match new.number {
        Some(number) => number,
        None => store::stores::next_number(tx, store.id).await?.to_string(),
    };
    let total = match new.total {
        Some(total) => total,
        None => sum(&new.items, store)?,
    };
    let payment = Payment {
        method: new.payment.map_or(PaymentMethod::Cash, |it| it.method),
        status: new.payment.and_then(|it| it.status).unwrap_or(PaymentStatus::None),
    };
    let waits = payment.status == PaymentStatus::Pending;
    let mut customer = new.customer;
    if caller.role == Role::Customer {
        customer.id = Some(caller.subject.clone());
    }
    let eta = new.eta.or_else(|| store.usual_eta(new.fulfilment, now));
    let (source, external_id) = match new.partner {
        Some(partner) => (partner.name, Some(partner.order_id)),
        None => (OWN_SOURCE.to_owned(), None),
    };
    Ok(Draft {
        id: OrderId::from_uuid(app.mint.uuid(now)),
        store_id: store.id,
        number,
        fulfilment: new.fulfilment,
        source,
        external_id,
        status: if waits { OrderStatus::PendingPayment } else { OrderStatus::Placed },
        payment,
        items: new.items.into_iter().map(|it| item(it, store)).collect(),
        total,
        customer,
        address: new.address,
        note: new.note,
        eta,
        accept_by: None,
    })
}

fn item(new: NewItem, store: &Store) -> Item {
    let station = new.station.or_else(|| store.stations.first().cloned());
    Item {
        sku: new.sku,
        name: new.name,
        quantity: new.quantity,
        unit_price: new.unit_price,
        station: station.unwrap_or_default(),
        note: new.note,
        options: new.options,
    }
}

fn sum(items: &[NewItem], store: &Store) -> Result<Money, Failure> {
    items.iter().try_fold(Money::new(0, store.currency), |sum, item| {
        Ok(sum.plus(item.unit_price.times(item.quantity)?)?)
    })
}
