//! Who watches what on this node, and the way from one event to all of them.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use jiff::Timestamp;
use metrics::{counter, gauge};
use moka::sync::Cache;

use crate::{
    channels::Shape,
    domain::{OrderId, Version},
    live::{
        Admission, Close, Connection, Event, Refused, Subscription, Topic, admission::Census,
        gate::Passage,
    },
    telemetry::metric,
};

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
    /// Events held for one subscription while its snapshot is read.
    pub gate_events: usize,
}

/// The hub of one node.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    census: Arc<Census>,
    topics: DashMap<Topic, Vec<Arc<Subscription>>>,
    connections: DashMap<u64, Arc<Connection>>,
    next_id: AtomicU64,
    /// The last version published of each order.
    published: Cache<OrderId, Version>,
    behind_since: Mutex<Option<Timestamp>>,
    draining: AtomicBool,
}

impl Hub {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            census: Arc::new(Census::new(limits.sockets, limits.sockets_per_address)),
            topics: DashMap::new(),
            connections: DashMap::new(),
            next_id: AtomicU64::new(1),
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

    /// Opens a connection. Give it back with [`Hub::disconnect`].
    pub fn connect(&self, shape: Shape) -> Arc<Connection> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(id, shape, self.limits.queue_bytes));
        self.connections.insert(id, Arc::clone(&connection));
        // After the insertion: either the drain meets this connection, or this meets the drain.
        if self.draining.load(Ordering::SeqCst) {
            connection.close(Close::Shutdown);
        }
        connection
    }

    /// Forgets a connection and its subscriptions.
    pub fn disconnect(&self, connection: &Connection, subscriptions: &[Arc<Subscription>]) {
        self.connections.remove(&connection.id());
        for subscription in subscriptions {
            self.unsubscribe(subscription);
        }
    }

    /// Starts to watch. Events are held until [`Hub::open`] is told which snapshot the socket has been sent.
    pub fn subscribe(&self, connection: &Arc<Connection>, topic: Topic) -> Arc<Subscription> {
        let subscription = Arc::new(Subscription::holding(topic.clone(), Arc::clone(connection)));
        connection.gate_closed();
        self.topics.entry(topic).or_default().push(Arc::clone(&subscription));
        subscription
    }

    /// The snapshot is in the queue; it showed these versions. What happened since follows.
    pub fn open(&self, subscription: &Subscription, shown: &[(OrderId, Version)]) {
        subscription.open(shown, |order, version| self.has_published(order, version));
    }

    /// Stops to watch.
    pub fn unsubscribe(&self, subscription: &Arc<Subscription>) {
        self.topics.remove_if_mut(subscription.topic(), |_, watchers| {
            if let Some(at) = watchers.iter().position(|it| Arc::ptr_eq(it, subscription)) {
                watchers.swap_remove(at);
            }
            watchers.is_empty()
        });
        subscription.discard(|order, version| self.has_published(order, version));
    }

    /// Gives one event to everybody who watches any of its topics. Only one task may publish.
    ///
    /// Answers `false` for what has been published before.
    pub fn publish(&self, event: &Arc<Event>) -> bool {
        let (order, version) = (event.order_id(), event.version());
        if self.has_published(order, version) {
            return false;
        }
        let mut frames = 0;
        for topic in Topic::of(event.order()) {
            let Some(watchers) = self.topics.get(&topic) else { continue };
            for subscription in watchers.iter() {
                frames += u64::from(self.offer(subscription, event));
            }
        }
        // Only now: a socket that opens a gate meanwhile must still expect this event.
        self.published.insert(order, version);
        counter!(metric::LIVE_EVENTS).increment(1);
        counter!(metric::LIVE_FRAMES).increment(frames);
        true
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
        let connections: Vec<_> =
            self.connections.iter().map(|it| Arc::clone(it.value())).collect();
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX).max(1);
        for (place, connection) in (0_u32..).zip(&connections) {
            let after = (window / count).saturating_mul(place).as_millis();
            connection.send(format!(r#"{{"type":"reconnect","afterMs":{after}}}"#));
            connection.close(Close::Shutdown);
        }
    }

    fn offer(&self, subscription: &Subscription, event: &Arc<Event>) -> bool {
        match subscription.offer(event, self.limits.gate_events) {
            Passage::Shown => true,
            Passage::Held | Passage::KnownAlready => false,
            Passage::Overflow => {
                subscription.connection().close(Close::PositionLost);
                false
            }
        }
    }

    fn has_published(&self, order: OrderId, version: Version) -> bool {
        self.published.get(&order).is_some_and(|it| version <= it)
    }

    fn tell_all(&self, frame: &str) {
        let frame = bytes::Bytes::copy_from_slice(frame.as_bytes());
        for connection in &self.connections {
            connection.send(frame.clone());
        }
    }
}
