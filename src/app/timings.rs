//! How long each store takes: kept from the events, for the kitchen screen.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    app::{App, Failure},
    auth::Caller,
    domain::{Envelope, EventType, Order, OrderStatus, Store, StoreId},
    store::{
        self,
        timings::{DayStats, Timing},
    },
};

/// Notes what an event says of its order's times. Noting it twice is noting it once.
pub async fn note(app: &App, body: &[u8]) -> Result<(), Failure> {
    let envelope: Envelope<Order> =
        serde_json::from_slice(body).map_err(|it| Failure::Internal(it.to_string()))?;
    let mut tx = app.db.begin().await?;
    let order = &envelope.data.order;
    let store =
        store::stores::get(&mut tx, order.store_id).await?.ok_or(Failure::NoSuch("store"))?;
    store::timings::note(&mut tx, &timing(&envelope, &store)).await?;
    tx.commit().await?;
    Ok(())
}

/// The figures of a store's day so far.
pub async fn today(app: &App, caller: &Caller, id: StoreId) -> Result<(Date, DayStats), Failure> {
    if !caller.may_read_store(id) {
        return Err(Failure::NoSuch("store"));
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
