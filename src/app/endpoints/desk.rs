//! Who of the endpoints may be sent how much now, as this process sees it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    base::{
        circuit_breaker::{CircuitBreaker, CircuitConfig, CircuitState},
        load::Load,
    },
    config,
    domain::EndpointId,
    store::endpoints::Endpoint,
};

/// Knows which endpoints have failed. Failures halve what an endpoint is sent at once, then open its circuit; after `breaker_rest` one
/// delivery probes whether it is back. So what is due there stays in the database, and takes no capacity from others.
#[derive(Debug, Default)]
pub struct Desk {
    /// Of endpoints that have failed since their last success.
    breakers: HashMap<EndpointId, CircuitBreaker>,
    /// Who is asked first, in turn.
    turn: usize,
    /// Those whose secrets cannot be opened here.
    sealed: HashSet<EndpointId>,
}

/// An endpoint, and how many deliveries it may be sent now.
pub type Room = (Arc<Endpoint>, u32);

impl Desk {
    /// Who has something due, and room for it.
    pub fn rooms(
        &mut self,
        settings: &config::Endpoints,
        mut waiting: Vec<(Endpoint, Option<Timestamp>)>,
        load: &Load<EndpointId>,
        now: Timestamp,
    ) -> Vec<Room> {
        waiting.retain(|(_, due_at)| due_at.is_some_and(|it| it <= now));
        if !waiting.is_empty() {
            self.turn = self.turn.wrapping_add(1);
            let first = self.turn % waiting.len();
            waiting.rotate_left(first);
        }
        let mut left = load.free();
        let mut rooms = Vec::new();
        for (endpoint, _) in waiting {
            if left == 0 {
                break;
            }
            let room = self.room(settings, endpoint.id, load.of(&endpoint.id), now).min(left);
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
        let is_well = |id| !self.breakers.contains_key(id);
        let due = waiting.iter().filter(|(it, _)| is_well(&it.id)).filter_map(|(_, due)| *due);
        due.min().map_or(0.0, |it| now.duration_since(it).as_secs_f64().max(0.0))
    }

    /// How many endpoints are left alone.
    pub fn left_alone(&self, now: Timestamp) -> usize {
        self.breakers.values().filter(|it| it.state(now) == CircuitState::Open).count()
    }

    /// Hears what a delivery came to: whether the endpoint seems to be down, or has too much.
    pub fn heard(
        &mut self,
        settings: &config::Endpoints,
        id: EndpointId,
        is_tired: bool,
        now: Timestamp,
    ) {
        if is_tired {
            self.breakers.entry(id).or_default().failed(circuit(settings), now);
        } else {
            self.breakers.remove(&id);
        }
    }

    /// Forgets endpoints that are not told of events any more.
    pub fn keep(&mut self, waiting: &[(Endpoint, Option<Timestamp>)]) {
        let is_told = |id: &EndpointId| waiting.iter().any(|(endpoint, _)| endpoint.id == *id);
        self.breakers.retain(|id, _| is_told(id));
        self.sealed.retain(is_told);
    }

    fn room(
        &mut self,
        settings: &config::Endpoints,
        id: EndpointId,
        busy: usize,
        now: Timestamp,
    ) -> usize {
        let Some(breaker) = self.breakers.get_mut(&id) else {
            return settings.at_once.saturating_sub(busy);
        };
        if breaker.state(now) == CircuitState::Closed {
            let most = settings.at_once.checked_shr(breaker.failures()).unwrap_or(0).max(1);
            return most.saturating_sub(busy);
        }
        usize::from(busy == 0 && breaker.admit(circuit(settings), now).is_ok())
    }
}

fn circuit(settings: &config::Endpoints) -> CircuitConfig {
    CircuitConfig { failures: settings.breaker_failures, rest: *settings.breaker_rest }
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
    fn rooms(
        (desk, load): (&mut Desk, &Load<EndpointId>),
        of: &[u128],
        seconds: i64,
    ) -> Vec<(EndpointId, u32)> {
        let waiting = of.iter().map(|it| waiting(*it, Some(0))).collect();
        let mut rooms: Vec<_> = desk
            .rooms(&settings(), waiting, load, at(seconds))
            .iter()
            .map(|(it, room)| (it.id, *room))
            .collect();
        rooms.sort();
        rooms
    }

    fn idle() -> Load<EndpointId> {
        Load::new(settings().at_once_in_all)
    }

    fn fail(desk: &mut Desk, number: u128, seconds: i64) {
        desk.heard(&settings(), id(number), true, at(seconds));
    }

    #[test]
    fn only_what_is_due_takes_room_and_nobody_takes_more_than_their_share() {
        let (mut desk, mut load) = (Desk::default(), idle());
        let list = vec![waiting(1, None), waiting(2, Some(5)), waiting(3, Some(6))];
        let found = desk.rooms(&settings(), list, &load, at(5));
        assert_eq!(found.iter().map(|(it, room)| (it.id, *room)).collect::<Vec<_>>(), [(id(2), 8)]);
        (0..5).for_each(|_| load.began(id(2)));
        assert_eq!(rooms((&mut desk, &load), &[1, 2], 0), [(id(1), 8), (id(2), 3)]);
        (0..3).for_each(|_| load.began(id(2)));
        assert_eq!(rooms((&mut desk, &load), &[1, 2], 0), [(id(1), 8)]);
        assert_eq!(load.total(), 8);
    }

    #[test]
    fn what_all_may_have_together_is_shared_in_turn() {
        let mut desk = Desk::default();
        let mut served = std::collections::BTreeSet::new();
        for _ in 0..4 {
            let found = rooms((&mut desk, &idle()), &[1, 2, 3, 4], 0);
            assert_eq!(found.iter().map(|(_, room)| room).sum::<u32>(), 20);
            served.extend(found.iter().filter(|(_, room)| *room == 8).map(|(it, _)| *it));
        }
        assert_eq!(served.len(), 4);
    }

    #[test]
    fn who_fails_gets_less_then_nothing_then_one_then_everything() {
        let (mut desk, mut load) = (Desk::default(), idle());
        let mut seen = Vec::new();
        for _ in 0..4 {
            fail(&mut desk, 1, 0);
            seen.push(rooms((&mut desk, &load), &[1, 2], 0));
        }
        let with = |room| vec![(id(1), room), (id(2), 8)];
        assert_eq!(seen, [with(4), with(2), with(1), vec![(id(2), 8)]]);
        assert_eq!(desk.left_alone(at(9)), 1);
        assert_eq!(rooms((&mut desk, &load), &[1], 9), []);
        assert_eq!(rooms((&mut desk, &load), &[1], 10), [(id(1), 1)]);
        load.began(id(1));
        assert_eq!(rooms((&mut desk, &load), &[1], 30), [], "one at a time");
        load.ended(&id(1));
        fail(&mut desk, 1, 30);
        assert_eq!(rooms((&mut desk, &load), &[1], 39), []);
        assert_eq!(rooms((&mut desk, &load), &[1], 40), [(id(1), 1)]);
        load.began(id(1));
        load.ended(&id(1));
        desk.heard(&settings(), id(1), false, at(41));
        assert_eq!(rooms((&mut desk, &load), &[1], 41), [(id(1), 8)]);
        assert_eq!((load.total(), desk.left_alone(at(41))), (0, 0));
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
