//! Who watches what on this node, and the way from one event to all of them.

mod publish;

use std::{
    net::IpAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use jiff::Timestamp;
use metrics::gauge;
use moka::sync::Cache;
use parking_lot::Mutex;

use crate::{
    channels::Shape,
    domain::{Subject, SubjectId, Version},
    live::{
        Admission, Close, Connection, Head, Limits, Outlet, Refused, ServerFrame, Topic,
        admission::Door,
        connection::{Bounds, Pulse, Rhythm},
        watchers::Watchers,
        wheel::Wheel,
    },
    telemetry::metric,
};

/// The wheel turns so often between two pings of one socket, within these bounds.
const TICKS_PER_PING: u32 = 16;
const SHORTEST_TICK: Duration = Duration::from_millis(5);
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// Subjects whose last published version is remembered, to drop what the bus delivers twice.
const REMEMBERED_SUBJECTS: u64 = 500_000;

/// The hub of one node.
#[derive(Debug)]
pub struct Hub {
    bounds: Arc<Bounds>,
    waiting_bytes: usize,
    rhythm: Rhythm,
    door: Arc<Door>,
    watchers: Watchers,
    connections: DashMap<u64, Weak<Connection>>,
    wheel: Mutex<Wheel>,
    next_id: AtomicU64,
    /// Bursts published; a connection knows by their numbers which one it has been offered.
    bursts: AtomicU64,
    /// The last version published of each subject.
    published: Cache<SubjectId, Version>,
    behind_since: Mutex<Option<Timestamp>>,
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
            door: Arc::new(Door::new(&limits)),
            watchers: Watchers::default(),
            connections: DashMap::new(),
            wheel: Mutex::new(Wheel::new(tick)),
            next_id: AtomicU64::new(1),
            bursts: AtomicU64::new(1),
            published: Cache::builder()
                .max_capacity(REMEMBERED_SUBJECTS)
                .time_to_idle(Duration::from_hours(1))
                .build(),
            behind_since: Mutex::new(None),
        }
    }

    /// Whether anybody has a chance of a socket now: asked before anything that costs.
    pub fn knock(&self) -> Result<(), Refused> {
        self.door.knock()
    }

    /// Takes a place for one socket before its upgrade.
    pub fn admit(&self, address: IpAddr) -> Result<Admission, Refused> {
        self.door.admit(address)
    }

    /// Opens a connection whose token ends then. Give it back with [`Hub::disconnect`].
    pub fn connect(&self, shape: Shape, outlet: Outlet, expires_at: Timestamp) -> Arc<Connection> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let pulse = Pulse::new(expires_at);
        let bounds = Arc::clone(&self.bounds);
        let connection = Arc::new(Connection::new(id, shape, outlet, bounds, pulse));
        self.connections.insert(id, Arc::downgrade(&connection));
        // Looked at with the next tick, which then knows how long to wait.
        self.wheel.lock().put(Arc::downgrade(&connection), Instant::now());
        // After the insertion: either the drain meets this connection, or this meets the drain.
        if self.door.is_shut() {
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
        self.wheel.lock().tick()
    }

    /// Pings, warns and closes whatever is due.
    pub fn beat(&self, clock: Timestamp) {
        let now = Instant::now();
        let due = self.wheel.lock().turn(now);
        let mut again = Vec::with_capacity(due.len());
        for weak in due {
            let Some(connection) = weak.upgrade() else { continue };
            let heads = |topics: &[Topic]| self.heads(topics);
            if let Some(next) = connection.beat(&self.rhythm, now, clock, heads) {
                again.push((weak, next));
            }
        }
        let mut wheel = self.wheel.lock();
        for (connection, next) in again {
            wheel.put(connection, next);
        }
        drop(wheel);
        self.measure();
        self.shed();
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
    fn measure(&self) {
        gauge!(metric::LIVE_WAITING).set(self.bounds.waiting() as f64);
        gauge!(metric::LIVE_TOPICS).set(self.watchers.topics() as f64);
    }

    /// Starts to watch. Events are held until [`Hub::open`] is told which snapshot the socket has been sent.
    pub fn subscribe(&self, connection: &Arc<Connection>, topic: Topic) {
        connection.watch(topic.clone());
        self.watchers.add(topic, connection);
    }

    /// The snapshot is in the queue; it showed these versions. What happened since follows.
    pub fn open(&self, connection: &Connection, topic: &Topic, shown: &[Subject]) {
        connection.open(topic, shown, |subject| self.has_published(subject));
    }

    /// Whether a customer watches this topic by way of this process.
    pub fn is_watched_by_customers(&self, topic: &Topic) -> bool {
        self.watchers.has_customer(topic)
    }

    /// The orders, and the customers' own lists, that customers watch by way of this process.
    pub fn watched_by_customers(&self) -> impl Iterator<Item = Topic> {
        self.watchers.of_customers()
    }

    /// Stops to watch.
    pub fn unsubscribe(&self, connection: &Connection, topic: &Topic) {
        self.watchers.remove(topic, connection);
        connection.leave(topic, |subject| self.has_published(subject));
    }

    /// The newest order event of each of these topics, as far as there has been one.
    pub(crate) fn heads(&self, topics: &[Topic]) -> Vec<Head> {
        let head = |topic: &Topic| {
            let (order_id, version) = match topic {
                Topic::Order(id) => (*id, self.published(*id)?),
                list => self.watchers.head(list)?,
            };
            Some(Head { topic: topic.to_string(), order_id, version })
        };
        topics.iter().filter_map(head).collect()
    }

    /// The last version published of a subject, if that is remembered.
    pub fn published(&self, subject: impl Into<SubjectId>) -> Option<Version> {
        self.published.get(&subject.into())
    }

    /// Tells everybody that what they show may be stale.
    pub fn fall_behind(&self, since: Timestamp) {
        *self.behind_since.lock() = Some(since);
        gauge!(metric::LIVE_BEHIND).set(1);
        self.tell_all(&ServerFrame::Behind { since });
    }

    /// Tells everybody that they have been sent what was missed.
    pub fn catch_up(&self) {
        *self.behind_since.lock() = None;
        gauge!(metric::LIVE_BEHIND).set(0);
        self.tell_all(&ServerFrame::CaughtUp);
    }

    /// Since when this node is out of touch.
    pub fn behind_since(&self) -> Option<Timestamp> {
        *self.behind_since.lock()
    }

    /// Sockets open on this node.
    pub fn open_sockets(&self) -> usize {
        self.door.open()
    }

    /// Whether this node is going away, and takes no new sockets.
    pub fn is_draining(&self) -> bool {
        self.door.is_shut()
    }

    /// Takes no new sockets from now on.
    pub(crate) fn shut(&self) {
        self.door.shut();
    }

    /// Every socket and event stream.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        self.connections.iter().filter_map(|it| it.value().upgrade()).collect()
    }

    fn has_published(&self, subject: Subject) -> bool {
        self.published(subject.id).is_some_and(|known| subject.version <= known)
    }

    fn tell_all(&self, frame: &ServerFrame<'_>) {
        let frame = frame.encode();
        for connection in self.connections() {
            connection.send_frame(frame.clone());
        }
    }
}
