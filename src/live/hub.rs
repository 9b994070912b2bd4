//! Who watches what on this node, and the way from one event to all of them.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use jiff::Timestamp;
use metrics::{counter, gauge};
use moka::sync::Cache;

use crate::{
    channels::Shape,
    domain::{OrderId, Version},
    live::{
        Admission, Close, Connection, Event, Outlet, Refused, Topic,
        admission::Census,
        burst::{self, Choice, Portion},
        connection::{Bounds, Offered, Pulse, Rhythm},
        watchers::Watchers,
        websocket,
        wheel::Wheel,
    },
    telemetry::metric,
};

/// The wheel turns so often between two pings of one socket, within these bounds.
const TICKS_PER_PING: u32 = 16;
const SHORTEST_TICK: Duration = Duration::from_millis(5);
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// Orders whose last published version is remembered, to drop what the bus delivers twice.
const REMEMBERED_ORDERS: u64 = 500_000;

/// The bounds of a hub.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sockets open at once.
    pub sockets: usize,
    /// Sockets open at once from one address.
    pub sockets_per_address: usize,
    /// Bytes that wait for one socket.
    pub queue_bytes: usize,
    /// How long a reader for whom more waits may go without taking a byte.
    pub slow_after: Duration,
    /// Events held for one subscription while its snapshot is read.
    pub gate_events: usize,
    /// Memory that may wait for all sockets together, in bytes.
    pub waiting_bytes: usize,
}

/// The hub of one node.
#[derive(Debug)]
pub struct Hub {
    bounds: Arc<Bounds>,
    waiting_bytes: usize,
    rhythm: Rhythm,
    census: Arc<Census>,
    watchers: Watchers,
    connections: DashMap<u64, Weak<Connection>>,
    wheel: Mutex<Wheel>,
    next_id: AtomicU64,
    /// Bursts published; a connection knows by their numbers which one it has been offered.
    bursts: AtomicU64,
    /// The last version published of each order.
    published: Cache<OrderId, Version>,
    behind_since: Mutex<Option<Timestamp>>,
    draining: AtomicBool,
}

impl Hub {
    /// An empty one.
    pub fn new(limits: Limits, rhythm: Rhythm) -> Self {
        let tick = (rhythm.ping_every / TICKS_PER_PING).clamp(SHORTEST_TICK, LONGEST_TICK);
        Self {
            bounds: Arc::new(Bounds::new(
                limits.queue_bytes,
                limits.slow_after,
                limits.gate_events,
            )),
            waiting_bytes: limits.waiting_bytes,
            rhythm,
            census: Arc::new(Census::new(limits.sockets, limits.sockets_per_address)),
            watchers: Watchers::default(),
            connections: DashMap::new(),
            wheel: Mutex::new(Wheel::new(tick)),
            next_id: AtomicU64::new(1),
            bursts: AtomicU64::new(1),
            published: Cache::builder()
                .max_capacity(REMEMBERED_ORDERS)
                .time_to_idle(Duration::from_hours(1))
                .build(),
            behind_since: Mutex::new(None),
            draining: AtomicBool::new(false),
        }
    }

    /// Takes a place for one socket before its upgrade.
    pub fn admit(&self, address: IpAddr) -> Result<Admission, Refused> {
        let admission = if self.draining.load(Ordering::Relaxed) {
            Err(Refused::Draining)
        } else {
            self.census.admit(address)
        };
        admission.inspect_err(|refused| {
            let reason = match refused {
                Refused::Full => "full",
                Refused::AddressFull => "address",
                Refused::Draining => "draining",
            };
            counter!(metric::LIVE_REFUSED, "reason" => reason).increment(1);
        })
    }

    /// Opens a connection whose token ends then. Give it back with [`Hub::disconnect`].
    pub fn connect(&self, shape: Shape, outlet: Outlet, expires_at: Timestamp) -> Arc<Connection> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let pulse = Pulse::new(expires_at);
        let bounds = Arc::clone(&self.bounds);
        let connection = Arc::new(Connection::new(id, shape, outlet, bounds, pulse));
        self.connections.insert(id, Arc::downgrade(&connection));
        // Looked at with the next tick, which then knows how long to wait.
        self.wheel().put(Arc::downgrade(&connection), Instant::now());
        // After the insertion: either the drain meets this connection, or this meets the drain.
        if self.draining.load(Ordering::SeqCst) {
            connection.close(Close::Shutdown);
        }
        connection
    }

    /// Forgets a connection and what it watches.
    pub fn disconnect(&self, connection: &Connection) {
        self.connections.remove(&connection.id());
        for topic in connection.topics() {
            self.unsubscribe(connection, &topic);
        }
    }

    /// How often [`Hub::beat`] is to be called.
    pub fn tick(&self) -> Duration {
        self.wheel().tick()
    }

    /// Pings, warns and closes whatever is due.
    pub fn beat(&self, clock: Timestamp) {
        let now = Instant::now();
        let due = self.wheel().turn(now);
        let mut again = Vec::with_capacity(due.len());
        for weak in due {
            let Some(connection) = weak.upgrade() else { continue };
            if let Some(next) = connection.beat(&self.rhythm, now, clock) {
                again.push((weak, next));
            }
        }
        let mut wheel = self.wheel();
        for (connection, next) in again {
            wheel.put(connection, next);
        }
        drop(wheel);
        gauge!(metric::LIVE_WAITING).set(self.bounds.waiting() as f64);
        self.shed();
    }

    /// Starts to watch. Events are held until [`Hub::open`] is told which snapshot the socket has been sent.
    pub fn subscribe(&self, connection: &Arc<Connection>, topic: Topic) {
        connection.watch(topic.clone());
        self.watchers.add(topic, connection);
    }

    /// The snapshot is in the queue; it showed these versions. What happened since follows.
    pub fn open(&self, connection: &Connection, topic: &Topic, shown: &[(OrderId, Version)]) {
        connection.open(topic, shown, |order, version| self.has_published(order, version));
    }

    /// Stops to watch.
    pub fn unsubscribe(&self, connection: &Connection, topic: &Topic) {
        self.watchers.remove(topic, connection);
        connection.leave(topic, |order, version| self.has_published(order, version));
    }

    /// Gives events to everybody who watches any of their topics; a socket that several of them are for gets them in one write.
    /// Only one task may publish.
    ///
    /// What has been published before is dropped.
    pub fn publish(&self, events: &[Arc<Event>]) {
        for burst in events.chunks(burst::MOST) {
            self.publish_burst(burst);
        }
        self.shed();
    }

    fn publish_burst(&self, burst: &[Arc<Event>]) {
        let serial = self.bursts.fetch_add(1, Ordering::Relaxed);
        let fresh = self.fresh(burst);
        let mut with_other_topics = HashMap::new();
        let mut frames = 0;
        for (topic, chosen) in topics(&fresh) {
            let portion = Portion::of(burst, chosen);
            self.watchers.of(&topic, |connection| {
                match connection.offer(&topic, &portion, serial) {
                    Offered::Sent(count) => frames += u64::from(count),
                    Offered::HasOtherTopics => {
                        let (_, all) = with_other_topics
                            .entry(connection.id())
                            .or_insert_with(|| (Arc::clone(connection), 0));
                        *all |= chosen;
                    }
                }
            });
        }
        // An event that several of its topics are for comes once, and the events of an order in their order.
        for (connection, chosen) in with_other_topics.into_values() {
            frames += u64::from(connection.deliver(&Portion::of(burst, chosen)));
        }
        // Only now: a socket that opens a gate meanwhile must still expect these events.
        for event in fresh.events() {
            self.published.insert(event.order_id(), event.version());
        }
        counter!(metric::LIVE_EVENTS).increment(fresh.len().into());
        counter!(metric::LIVE_FRAMES).increment(frames);
    }

    /// Those that have not been published, each once.
    fn fresh<'a>(&self, burst: &'a [Arc<Event>]) -> Portion<'a> {
        let mut newest = HashMap::new();
        Portion::all(burst).narrowed(|event| {
            let (order, version) = (event.order_id(), event.version());
            let known = newest.insert(order, version).or_else(|| self.published(order));
            let is_fresh = known.is_none_or(|known| known < version);
            if let Some(known) = known.filter(|_| !is_fresh) {
                newest.insert(order, known);
            }
            is_fresh
        })
    }

    /// Too much waits for all sockets together: those for whom most waits have to go, and come back.
    fn shed(&self) {
        if self.bounds.waiting() <= self.waiting_bytes {
            return;
        }
        let mut slow: Vec<_> =
            self.connections().into_iter().map(|it| (it.waiting(), it)).collect();
        slow.sort_by_key(|(waiting, _)| Reverse(*waiting));
        // Somewhat further down than it must be, or the next event would do it again.
        let enough = self.waiting_bytes / 10 * 9;
        for (_, connection) in slow.into_iter().take_while(|_| enough < self.bounds.waiting()) {
            connection.shed();
            counter!(metric::LIVE_SHED).increment(1);
        }
    }

    /// The last version published of an order, if that is remembered.
    pub fn published(&self, order: OrderId) -> Option<Version> {
        self.published.get(&order)
    }

    /// Tells everybody that what they show may be stale.
    pub fn fall_behind(&self, since: Timestamp) {
        *self.behind_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(since);
        gauge!(metric::LIVE_BEHIND).set(1);
        self.tell_all(&format!(r#"{{"type":"behind","since":"{since}"}}"#));
    }

    /// Tells everybody that they have been sent what was missed.
    pub fn catch_up(&self) {
        *self.behind_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        gauge!(metric::LIVE_BEHIND).set(0);
        self.tell_all(r#"{"type":"caught_up"}"#);
    }

    /// Since when this node is out of touch.
    pub fn behind_since(&self) -> Option<Timestamp> {
        *self.behind_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sockets open on this node.
    pub fn open_sockets(&self) -> usize {
        self.census.open()
    }

    /// Refuses new sockets and tells each open one when to come back: spread over `window`, in the order of their numbers.
    pub fn drain(&self, window: Duration) {
        self.draining.store(true, Ordering::SeqCst);
        let connections = self.connections();
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX).max(1);
        for (place, connection) in (0_u32..).zip(&connections) {
            let after = (window / count).saturating_mul(place).as_millis();
            connection.send(format!(r#"{{"type":"reconnect","afterMs":{after}}}"#));
            connection.close(Close::Shutdown);
        }
    }

    fn has_published(&self, order: OrderId, version: Version) -> bool {
        self.published.get(&order).is_some_and(|it| version <= it)
    }

    fn tell_all(&self, text: &str) {
        let (frame, _) = websocket::text(text.as_bytes());
        for connection in self.connections() {
            connection.send_frame(frame.clone());
        }
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        self.connections.iter().filter_map(|it| it.value().upgrade()).collect()
    }

    fn wheel(&self) -> MutexGuard<'_, Wheel> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The topics of events, and which of them belong to each.
fn topics(events: &Portion<'_>) -> HashMap<Topic, Choice> {
    let mut topics = HashMap::new();
    for (at, event) in events.places() {
        for topic in Topic::of(event.order()) {
            *topics.entry(topic).or_default() |= burst::bit(at);
        }
    }
    topics
}
