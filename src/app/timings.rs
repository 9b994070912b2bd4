//! How long each store takes: kept from the events, for the kitchen screen.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    app::{App, Failure, stores::refused_at},
    auth::Caller,
    domain::{Envelope, EventType, Order, OrderStatus, Store, StoreId},
    store::{
        self, Tx,
        timings::{DayStats, Timing},
    },
};

/// Notes what events say of their orders' times, in one transaction. Noting them twice is noting them once.
///
/// The inner answers are those events' own, in their order; an outer failure is nobody's, and nothing is noted.
pub async fn note(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
    let mut tx = app.db.begin().await?;
    let mut noted = Vec::with_capacity(bodies.len());
    for body in bodies {
        noted.push(match note_one(&mut tx, body).await {
            Err(Failure::Store(error)) => return Err(Failure::Store(error)),
            one => one,
        });
    }
    tx.commit().await?;
    Ok(noted)
}

async fn note_one(tx: &mut Tx, body: &[u8]) -> Result<(), Failure> {
    let envelope: Envelope<Order> =
        serde_json::from_slice(body).map_err(|it| Failure::Internal(it.to_string()))?;
    let store = store::stores::get(tx, envelope.data.store_id).await?;
    let store = store.ok_or(Failure::NoSuch("store"))?;
    store::timings::note(tx, &timing(&envelope, &store)).await?;
    Ok(())
}

/// The figures of a store's day so far.
pub async fn today(app: &App, caller: &Caller, id: StoreId) -> Result<(Date, DayStats), Failure> {
    if !caller.may_read_store(id) {
        let why = "The figures of a store take the scope orders:read.";
        return Err(refused_at(caller, id, why));
    }
    let mut tx = app.db.read().await?;
    let store = store::stores::get(&mut tx, id).await?.ok_or(Failure::NoSuch("store"))?;
    let day = day(&store, app.clock.now());
    let stats = store::timings::day(&mut tx, id, day).await?;
    Ok((day, stats))
}

fn timing(envelope: &Envelope<Order>, store: &Store) -> Timing {
    let order = &envelope.data.order;
    let moved_to = |status: OrderStatus| {
        let moved = envelope.event_type == EventType::OrderStatusChanged;
        (moved && order.status == status).then_some(envelope.timestamp)
    };
    let ended = order.status.is_terminal();
    Timing {
        order_id: order.id,
        store_id: order.store_id,
        day: day(store, order.placed_at),
        placed_at: Some(order.placed_at),
        accepted_at: moved_to(OrderStatus::Accepted),
        ready_at: moved_to(OrderStatus::Ready),
        ended_at: ended.then_some(envelope.timestamp),
        outcome: ended.then_some(order.status),
    }
}

/// The store's own day; one whose zone has vanished from the database counts in UTC.
fn day(store: &Store, at: Timestamp) -> Date {
    at.to_zoned(TimeZone::get(&store.timezone).unwrap_or(TimeZone::UTC)).date()
}
