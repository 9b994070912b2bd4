//! What the frames of one socket mean: counted, timed and checked.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
};

use serde::Deserialize;

use crate::{
    client::{
        Plan,
        check::{Arrival, Seen},
        scan::{EVENT, Scanner, Sighting},
        seat::{Seat, Stage},
    },
    record::Tally,
    world::{Order, World, hexadecimal},
};

/// One event frame in so many is also read fully.
const SAMPLE: u64 = 1009;

const PING: &[u8] = br#"{"type":"ping"}"#;

/// The listener of one thread.
#[derive(Debug)]
pub struct Hearing {
    world: Arc<World>,
    scanner: Scanner,
    /// The place of the last order that was looked up.
    last: Option<(u128, usize)>,
    heard: u64,
    /// What was counted.
    pub tally: Tally,
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    snapshot: Option<Snapshot<'a>>,
    #[serde(default)]
    resumed: bool,
    #[serde(rename = "afterMs")]
    after_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Snapshot<'a> {
    #[serde(borrow)]
    order: Option<Shown<'a>>,
    #[serde(borrow, default)]
    orders: Vec<Shown<'a>>,
}

#[derive(Deserialize)]
struct Shown<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    version: u64,
}

impl Hearing {
    /// A listener that has heard nothing.
    pub fn new(world: Arc<World>) -> Self {
        Self { world, scanner: Scanner::new(), last: None, heard: 0, tally: Tally::default() }
    }

    /// How much a socket keeps in mind.
    pub fn memory(&self, plan: &Plan) -> Box<[Seen]> {
        let count = match plan.store {
            Some(store) => self.world.orders_of.get(store).copied().unwrap_or(0),
            None => 1,
        };
        vec![Seen::default(); count].into()
    }

    /// Orders of this socket's topic whose newest version it has not seen.
    pub fn stale(&self, seat: &Seat, plan: &Plan) -> usize {
        let is_stale = |slot: usize, order: &Order| {
            let newest = order.version.load(Ordering::Relaxed);
            seat.seen.get(slot).is_some_and(|seen| seen.last() < newest)
        };
        let Some(store) = plan.store else {
            let number = plan.topic.strip_prefix("order:ord_");
            let place = number.and_then(|it| self.world.place(hexadecimal(it.as_bytes())?));
            let order = place.and_then(|it| self.world.orders.get(it));
            return order.is_some_and(|it| is_stale(0, it)).into();
        };
        let of_store = self.world.orders.iter().filter(|it| it.store == store);
        of_store.filter(|it| is_stale(it.slot, it)).count()
    }

    /// A text frame has come. Answers whether it was an event.
    pub fn text(&mut self, seat: &mut Seat, plan: &Plan, payload: &[u8], now: u64) -> bool {
        if payload.starts_with(EVENT) {
            self.event(seat, plan, payload, now);
            return true;
        }
        if payload != PING {
            self.told(seat, plan, payload, now);
        }
        false
    }

    fn event(&mut self, seat: &mut Seat, plan: &Plan, payload: &[u8], now: u64) {
        let Some(sighting) = self.scanner.read(payload) else {
            self.tally.misread += 1;
            return;
        };
        self.heard += 1;
        if self.heard % SAMPLE == 1 && !Scanner::agrees(sighting, payload) {
            self.tally.misread += 1;
        }
        if self.tally.sample.is_none() {
            self.tally.sample = Some(payload.to_vec());
        }
        self.tally.frames += 1;
        self.tally.bytes += payload.len() as u64;
        self.tally.committed.between(sighting.recorded_at, now);
        self.check(seat, plan, sighting, now);
    }

    fn check(&mut self, seat: &mut Seat, plan: &Plan, sighting: Sighting, now: u64) {
        let place = match self.last {
            Some((order, place)) if order == sighting.order => Some(place),
            _ => self.world.place(sighting.order),
        };
        let order = place.and_then(|it| self.world.orders.get(it));
        let (Some(place), Some(order)) = (place, order) else {
            *self.tally.others.entry("event of another order".to_owned()).or_default() += 1;
            return;
        };
        self.last = Some((sighting.order, place));
        let slot = if plan.store.is_some() { order.slot } else { 0 };
        let right = plan.store.is_none_or(|it| it == order.store);
        let Some(seen) = seat.seen.get_mut(slot).filter(|_| right) else {
            self.tally.misread += 1;
            return;
        };
        let due = order.due(sighting.version);
        if 0 < due {
            self.tally.due.between(due, now);
        }
        match seen.take(sighting.version) {
            Arrival::New { skipped } => self.tally.skipped += skipped,
            Arrival::Repeated => self.tally.repeated += 1,
            Arrival::Disordered => {
                self.tally.disordered += 1;
                self.tally.skipped = self.tally.skipped.saturating_sub(1);
            }
        }
    }

    fn told(&mut self, seat: &mut Seat, plan: &Plan, payload: &[u8], now: u64) {
        let Ok(told) = serde_json::from_slice::<Told<'_>>(payload) else {
            self.tally.misread += 1;
            return;
        };
        match told.kind.as_ref() {
            "subscribed" => {
                self.tally.subscribed.between(seat.due, now);
                self.tally.resumed += u64::from(told.resumed);
                if let Some(snapshot) = told.snapshot {
                    self.shown(seat, plan, snapshot);
                }
                if let Some(connection) = &mut seat.connection {
                    connection.stage = Stage::Live;
                }
                return;
            }
            "reconnect" => self.tally.hints.extend(told.after_ms),
            "error" if self.tally.complaint.is_none() => {
                self.tally.complaint = Some(String::from_utf8_lossy(payload).into_owned());
            }
            "hello" => return,
            _ => {}
        }
        *self.tally.others.entry(told.kind.into_owned()).or_default() += 1;
    }

    fn shown(&mut self, seat: &mut Seat, plan: &Plan, snapshot: Snapshot<'_>) {
        for shown in snapshot.orders.into_iter().chain(snapshot.order) {
            let number = shown.id.strip_prefix("ord_").and_then(|it| hexadecimal(it.as_bytes()));
            let order = number.and_then(|it| self.world.place(it));
            let Some(order) = order.and_then(|it| self.world.orders.get(it)) else { continue };
            let slot = if plan.store.is_some() { order.slot } else { 0 };
            let Some(seen) = seat.seen.get_mut(slot) else { continue };
            if shown.version < seen.last() {
                self.tally.went_back += 1;
            } else {
                *seen = Seen::snapshot(shown.version);
            }
        }
    }
}
