//! One socket as the hub sees it: a queue bounded in bytes, and what its reader has been shown.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use metrics::counter;
use tokio::sync::Notify;

use crate::{
    channels::Shape,
    domain::{OrderId, Version},
    live::{Close, Event},
    telemetry::metric,
};

/// One socket.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    shape: Shape,
    queue_bytes: usize,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Outgoing>,
    /// What waits in `queue`, in bytes.
    bytes: usize,
    closing: Option<Close>,
    /// The newest version shown of an order, kept only while that version may still arrive once more.
    shown: HashMap<OrderId, Version>,
    /// The event that the publisher offered last: it offers one event once for each of its topics.
    offered: Option<(OrderId, Version)>,
    /// Subscriptions whose gate is closed.
    gates: u32,
}

/// Something to be sent.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// An event, in the shape of the connection.
    Event(Arc<Event>),
    /// A snapshot or another frame, as it stands.
    Frame(Bytes),
}

/// What a socket is to do next.
#[derive(Debug)]
pub struct Batch {
    /// Send these.
    pub frames: Vec<Outgoing>,
    /// Then close, for this reason.
    pub close: Option<Close>,
}

impl Connection {
    /// An empty one.
    pub(crate) fn new(id: u64, shape: Shape, queue_bytes: usize) -> Self {
        Self { id, shape, queue_bytes, state: Mutex::default(), wake: Notify::new() }
    }

    /// Its number on this node.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// How it sees orders.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Puts a frame of the server itself into the queue.
    pub fn send(&self, frame: impl Into<Bytes>) {
        let mut state = self.lock();
        self.push(&mut state, Outgoing::Frame(frame.into()));
    }

    /// Closes it once what waits has been sent; the first reason counts.
    pub fn close(&self, close: Close) {
        self.lock().closing.get_or_insert(close);
        self.wake.notify_one();
    }

    /// Waits until there is something to do, then hands out all of it.
    pub async fn next(&self) -> Batch {
        loop {
            // Listen before looking, or a wake-up between the two is lost.
            let woken = self.wake.notified();
            if let Some(batch) = self.take() {
                return batch;
            }
            woken.await;
        }
    }

    /// Resolves once the connection is to be closed, for a writer that waits for a slow reader.
    pub async fn closed(&self) -> Close {
        loop {
            let woken = self.wake.notified();
            if let Some(close) = self.lock().closing {
                return close;
            }
            woken.await;
        }
    }

    /// Queues an event for the publisher, unless a snapshot or another topic has shown it.
    pub(crate) fn offer(&self, event: &Arc<Event>) -> bool {
        let mut state = self.lock();
        let offered = Some((event.order_id(), event.version()));
        if state.offered == offered {
            return false;
        }
        state.offered = offered;
        self.show(&mut state, event)
    }

    /// Queues events that a returning watcher has missed, while its gate is closed.
    pub fn replay(&self, missed: &[Arc<Event>]) {
        let mut state = self.lock();
        for event in missed {
            self.show(&mut state, event);
        }
    }

    /// A gate closes: from now on it matters which events this socket is shown.
    pub(crate) fn gate_closed(&self) {
        self.lock().gates += 1;
    }

    /// A gate opens behind a snapshot that showed `shown`: queues what it held, as far as it is newer.
    ///
    /// `published` tells whether the hub has given a version to everybody, so that it cannot come again.
    pub(crate) fn release(
        &self,
        shown: &[(OrderId, Version)],
        held: &[Arc<Event>],
        published: impl Fn(OrderId, Version) -> bool,
    ) {
        let mut state = self.lock();
        for (order, version) in shown {
            let known = state.shown.entry(*order).or_insert(*version);
            *known = (*known).max(*version);
        }
        for event in held {
            self.show(&mut state, event);
        }
        state.gates = state.gates.saturating_sub(1);
        if state.gates == 0 {
            state.shown.retain(|order, version| !published(*order, *version));
        }
    }

    fn show(&self, state: &mut State, event: &Arc<Event>) -> bool {
        let (order, version) = (event.order_id(), event.version());
        if state.shown.get(&order).is_some_and(|shown| version <= *shown) {
            return false;
        }
        if state.gates > 0 {
            // The same event may be held at a gate of this socket.
            state.shown.insert(order, version);
        } else {
            // Behind open gates events come in order, each once: nothing needs to be remembered.
            state.shown.remove(&order);
        }
        self.push(state, Outgoing::Event(Arc::clone(event)));
        true
    }

    fn push(&self, state: &mut State, outgoing: Outgoing) {
        if state.closing.is_some() {
            return;
        }
        state.bytes += self.size(&outgoing);
        state.queue.push_back(outgoing);
        if self.queue_bytes < state.bytes {
            self.conflate(state);
        }
        if self.queue_bytes < state.bytes {
            state.queue.clear();
            state.bytes = 0;
            state.closing = Some(Close::Slow);
        }
        self.wake.notify_one();
    }

    /// Keeps only the newest event of each order. Each carries the whole state, so nothing true is lost.
    fn conflate(&self, state: &mut State) {
        let before = state.queue.len();
        let mut seen = HashSet::new();
        let mut kept = VecDeque::with_capacity(before);
        for outgoing in state.queue.drain(..).rev() {
            let newest = match &outgoing {
                Outgoing::Event(event) => seen.insert(event.order_id()),
                Outgoing::Frame(_) => true,
            };
            if newest {
                kept.push_front(outgoing);
            }
        }
        counter!(metric::LIVE_CONFLATED).increment((before - kept.len()) as u64);
        state.bytes = kept.iter().map(|it| self.size(it)).sum();
        state.queue = kept;
    }

    fn size(&self, outgoing: &Outgoing) -> usize {
        match outgoing {
            Outgoing::Event(event) => event.frame(self.shape).len(),
            Outgoing::Frame(frame) => frame.len(),
        }
    }

    fn take(&self) -> Option<Batch> {
        let mut state = self.lock();
        if state.queue.is_empty() && state.closing.is_none() {
            return None;
        }
        state.bytes = 0;
        Some(Batch { frames: state.queue.drain(..).collect(), close: state.closing })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
