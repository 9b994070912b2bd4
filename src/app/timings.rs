//! How long each store takes: kept from the events, for the kitchen screen.

use std::collections::{BTreeMap, HashMap, btree_map, hash_map::Entry};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    app::{App, Failure, events, stores::refused_at},
    auth::Caller,
    domain::{Envelope, EventType, Order, OrderStatus, Store, StoreId},
    store::{
        self,
        timings::{DayStats, Timing},
    },
};

/// Notes what events say of their orders' times, in one transaction. Noting them twice has the same effect as once.
///
/// Returns one result per event, in order. After an outer `Err` nothing is noted.
pub async fn note(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
    let mut tx = app.db.begin().await?;
    let (mut stores, mut timings) = (HashMap::new(), BTreeMap::new());
    let mut noted = Vec::with_capacity(bodies.len());
    for body in bodies {
        let event: Envelope<Order> = match events::read(body, "timings") {
            Ok(Some(event)) => event,
            skipped => {
                noted.push(skipped.map(drop));
                continue;
            }
        };
        let Some(data) = event.data.order() else {
            noted.push(Ok(()));
            continue;
        };
        let id = data.store_id;
        if let Entry::Vacant(place) = stores.entry(id) {
            place.insert(store::stores::get(&mut tx, id).await?);
        }
        let Some(Some(store)) = stores.get(&id) else {
            noted.push(Err(Failure::NoSuch("store")));
            continue;
        };
        let moved = event.event_type() == EventType::OrderStatusChanged;
        let timing = timing(&data.order, store, event.timestamp, moved);
        match timings.entry(timing.order_id) {
            btree_map::Entry::Vacant(place) => drop(place.insert(timing)),
            btree_map::Entry::Occupied(mut known) => known.get_mut().merge(&timing),
        }
        noted.push(Ok(()));
    }
    store::timings::note(&mut tx, &timings.into_values().collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(noted)
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

/// What an event at this moment says of its order; `moved` says whether the order's status moved.
fn timing(order: &Order, store: &Store, at: Timestamp, moved: bool) -> Timing {
    let moved_to = |status: OrderStatus| (moved && order.status == status).then_some(at);
    let ended = order.status.is_terminal();
    Timing {
        order_id: order.id,
        store_id: order.store_id,
        day: day(store, order.placed_at),
        placed_at: Some(order.placed_at),
        accepted_at: moved_to(OrderStatus::Accepted),
        ready_at: moved_to(OrderStatus::Ready),
        ended_at: ended.then_some(at),
        outcome: ended.then_some(order.status),
    }
}

/// The store's own day; one whose zone has vanished from the database counts in UTC.
fn day(store: &Store, at: Timestamp) -> Date {
    at.to_zoned(TimeZone::get(&store.timezone).unwrap_or(TimeZone::UTC)).date()
}
