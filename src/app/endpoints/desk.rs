//! Who of the endpoints may be sent how much now, as this process sees it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

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
    /// Those whose secrets cannot be opened here.
    sealed: HashSet<EndpointId>,
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

    /// Notes whether an endpoint's secrets can be opened here, and answers it. Logs an error when they first cannot.
    pub fn can_sign(&mut self, id: EndpointId, can_open: bool) -> bool {
        if can_open {
            self.sealed.remove(&id);
        } else if self.sealed.insert(id) {
            tracing::error!(endpoint.id = %id, "deliveries wait: no key of `auth.sealing_keys` opens the endpoint's secret");
        }
        can_open
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

    /// A delivery is not under way any more; `is_tired` tells whether the endpoint seems to be down, or has too
    /// much.
    pub fn back(
        &mut self,
        settings: &config::Endpoints,
        id: EndpointId,
        is_tired: bool,
        now: Timestamp,
    ) {
        self.busy = self.busy.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        lane.busy = lane.busy.saturating_sub(1);
        if is_tired {
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

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use uuid::Uuid;

    use super::*;
    use crate::{
        config::Span,
        domain::{Actor, ActorKind, EndpointFormat},
    };

    fn settings() -> config::Endpoints {
        config::Endpoints {
            at_once: 8,
            at_once_in_all: 20,
            breaker_failures: 4,
            breaker_rest: Span::secs(10),
            ..config::Endpoints::default()
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + seconds.seconds()
    }

    fn id(number: u128) -> EndpointId {
        EndpointId::from_uuid(Uuid::from_u128(number))
    }

    fn waiting(number: u128, due_at: Option<i64>) -> (Endpoint, Option<Timestamp>) {
        let endpoint = Endpoint {
            id: id(number),
            url: String::new(),
            description: None,
            event_types: Vec::new(),
            stores: Vec::new(),
            format: EndpointFormat::Standard,
            version: String::new(),
            sealed: Vec::new(),
            former: None,
            disabled: None,
            failing_since: None,
            last_success_at: None,
            created_at: at(0),
            created_by: Actor::new(ActorKind::Staff, "hala"),
            updated_at: at(0),
        };
        (endpoint, due_at.map(at))
    }

    /// How much each may be sent at that second, if something is due everywhere.
    fn rooms(desk: &mut Desk, of: &[u128], seconds: i64) -> Vec<(EndpointId, u32)> {
        let waiting = of.iter().map(|it| waiting(*it, Some(0))).collect();
        let mut rooms: Vec<_> = desk
            .rooms(&settings(), waiting, at(seconds))
            .iter()
            .map(|(it, room)| (it.id, *room))
            .collect();
        rooms.sort();
        rooms
    }

    fn fail(desk: &mut Desk, number: u128, seconds: i64) {
        desk.took(id(number), 1);
        desk.back(&settings(), id(number), true, at(seconds));
    }

    #[test]
    fn only_what_is_due_takes_room_and_nobody_takes_more_than_their_share() {
        let mut desk = Desk::default();
        let list = vec![waiting(1, None), waiting(2, Some(5)), waiting(3, Some(6))];
        let found = desk.rooms(&settings(), list, at(5));
        assert_eq!(found.iter().map(|(it, room)| (it.id, *room)).collect::<Vec<_>>(), [(id(2), 8)]);
        desk.took(id(2), 5);
        assert_eq!(rooms(&mut desk, &[1, 2], 0), [(id(1), 8), (id(2), 3)]);
        desk.took(id(2), 3);
        assert_eq!(rooms(&mut desk, &[1, 2], 0), [(id(1), 8)]);
        assert_eq!(desk.busy(), 8);
    }

    #[test]
    fn what_all_may_have_together_is_shared_in_turn() {
        let mut desk = Desk::default();
        let mut served = std::collections::BTreeSet::new();
        for _ in 0..4 {
            let found = rooms(&mut desk, &[1, 2, 3, 4], 0);
            assert_eq!(found.iter().map(|(_, room)| room).sum::<u32>(), 20);
            served.extend(found.iter().filter(|(_, room)| *room == 8).map(|(it, _)| *it));
        }
        assert_eq!(served.len(), 4);
    }

    #[test]
    fn who_fails_gets_less_then_nothing_then_one_then_everything() {
        let mut desk = Desk::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            fail(&mut desk, 1, 0);
            seen.push(rooms(&mut desk, &[1, 2], 0));
        }
        let with = |room| vec![(id(1), room), (id(2), 8)];
        assert_eq!(seen, [with(4), with(2), with(1), vec![(id(2), 8)]]);
        assert_eq!(desk.left_alone(at(9)), 1);
        assert_eq!(rooms(&mut desk, &[1], 9), []);
        assert_eq!(rooms(&mut desk, &[1], 10), [(id(1), 1)]);
        desk.took(id(1), 1);
        assert_eq!(rooms(&mut desk, &[1], 30), [], "one at a time");
        desk.back(&settings(), id(1), true, at(30));
        assert_eq!(rooms(&mut desk, &[1], 39), []);
        assert_eq!(rooms(&mut desk, &[1], 40), [(id(1), 1)]);
        desk.took(id(1), 1);
        desk.back(&settings(), id(1), false, at(41));
        assert_eq!(rooms(&mut desk, &[1], 41), [(id(1), 8)]);
        assert_eq!((desk.busy(), desk.left_alone(at(41))), (0, 0));
    }

    #[test]
    fn only_those_who_answer_are_told_late() {
        let mut desk = Desk::default();
        let list = [waiting(1, Some(0)), waiting(2, Some(7)), waiting(3, None)];
        assert!((desk.lag(&list, at(10)) - 10.0).abs() < 1e-9);
        fail(&mut desk, 1, 0);
        assert!((desk.lag(&list, at(10)) - 3.0).abs() < 1e-9);
        assert!(desk.lag(&list, at(5)).abs() < 1e-9);
    }
}
