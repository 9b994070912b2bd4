//! Who of the endpoints may be sent how much now, as this process sees it.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use crate::{
    config,
    domain::EndpointId,
    outbound::{Breaker, Standing, Tolerance},
    store::endpoints::Endpoint,
};

/// Keeps count of what is under way, and of who has failed. An endpoint that fails has less and less under way, then nothing for a
/// while, then one delivery that sees whether it is back: so what is due there stays where it is, and takes no one else's place.
#[derive(Debug, Default)]
pub struct Desk {
    lanes: HashMap<EndpointId, Lane>,
    busy: usize,
    /// Who is asked first, in turn.
    turn: usize,
}

#[derive(Debug, Default)]
struct Lane {
    busy: usize,
    breaker: Breaker,
}

/// An endpoint, and how many deliveries it may be sent now.
pub type Room = (Arc<Endpoint>, u32);

impl Desk {
    /// Who has something due, and room for it.
    pub fn rooms(
        &mut self,
        settings: &config::Endpoints,
        mut waiting: Vec<(Endpoint, Option<Timestamp>)>,
        now: Timestamp,
    ) -> Vec<Room> {
        waiting.retain(|(_, due_at)| due_at.is_some_and(|it| it <= now));
        if !waiting.is_empty() {
            self.turn = self.turn.wrapping_add(1);
            let first = self.turn % waiting.len();
            waiting.rotate_left(first);
        }
        let mut left = settings.at_once_in_all.saturating_sub(self.busy);
        let mut rooms = Vec::new();
        for (endpoint, _) in waiting {
            if left == 0 {
                break;
            }
            let room = self.room(settings, endpoint.id, now).min(left);
            left -= room;
            if let Ok(room @ 1..) = u32::try_from(room) {
                rooms.push((Arc::new(endpoint), room));
            }
        }
        rooms
    }

    /// For how long the longest due delivery waits at an endpoint that is not left alone, in seconds.
    pub fn lag(&self, waiting: &[(Endpoint, Option<Timestamp>)], now: Timestamp) -> f64 {
        let is_well = |id| self.lanes.get(id).is_none_or(|it| it.breaker.failures() == 0);
        let due = waiting.iter().filter(|(it, _)| is_well(&it.id)).filter_map(|(_, due)| *due);
        due.min().map_or(0.0, |it| now.duration_since(it).as_secs_f64().max(0.0))
    }

    /// How many deliveries are under way.
    pub const fn busy(&self) -> usize {
        self.busy
    }

    /// How many endpoints are left alone.
    pub fn left_alone(&self, now: Timestamp) -> usize {
        self.lanes.values().filter(|it| it.breaker.standing(now) == Standing::Open).count()
    }

    /// So many deliveries to an endpoint are now under way.
    pub fn took(&mut self, id: EndpointId, count: usize) {
        self.busy += count;
        self.lanes.entry(id).or_default().busy += count;
    }

    /// A delivery is not under way any more; `is_down` tells whether the endpoint seems to be.
    pub fn back(
        &mut self,
        settings: &config::Endpoints,
        id: EndpointId,
        is_down: bool,
        now: Timestamp,
    ) {
        self.busy = self.busy.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        lane.busy = lane.busy.saturating_sub(1);
        if is_down {
            lane.breaker.failed(tolerance(settings), now);
        } else {
            lane.breaker = Breaker::default();
            if lane.busy == 0 {
                self.lanes.remove(&id);
            }
        }
    }

    fn room(&mut self, settings: &config::Endpoints, id: EndpointId, now: Timestamp) -> usize {
        let Some(lane) = self.lanes.get_mut(&id) else { return settings.at_once };
        if lane.breaker.standing(now) == Standing::Closed {
            let failures = lane.breaker.failures();
            let most = settings.at_once.checked_shr(failures).unwrap_or(0).max(1);
            return most.saturating_sub(lane.busy);
        }
        usize::from(lane.busy == 0 && lane.breaker.admit(tolerance(settings), now).is_ok())
    }
}

fn tolerance(settings: &config::Endpoints) -> Tolerance {
    Tolerance { failures: settings.breaker_failures, rest: *settings.breaker_rest }
}
