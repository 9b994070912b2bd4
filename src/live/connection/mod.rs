//! One socket as the hub sees it: where its frames go, what waits for it, and what its reader has been shown.
//!
//! The publisher writes straight to the socket, without waiting and without waking a task. Only what the kernel does not take at
//! once is queued, bounded in bytes, and leaves when the socket is writable again.

mod life;
mod outlet;
mod pulse;
mod queue;
mod shown;
mod task;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use metrics::counter;

pub(crate) use self::pulse::Pulse;
#[cfg(test)]
pub(crate) use self::task::Batch;
use self::{life::Life, queue::Queue, shown::Shown};
pub use self::{outlet::Outlet, pulse::Rhythm, queue::Outgoing, task::Due};
use crate::{
    channels::Shape,
    domain::{OrderId, Version},
    live::{Close, Event, websocket},
    telemetry::metric,
};

/// One socket, or one event stream.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    shape: Shape,
    queue_bytes: usize,
    outlet: Outlet,
    state: Mutex<State>,
    /// The connection's own task, for what the publisher cannot do: read, wait until the socket is writable, close.
    task: AtomicWaker,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    shown: Shown,
    pulse: Pulse,
    life: Life,
    /// The publisher has queued frames that it will write at the end of its burst.
    dirty: bool,
}

impl State {
    /// Whether frames are taken.
    fn is_open(&self) -> bool {
        self.life == Life::Open
    }
}

/// What became of an offered event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is on its way.
    Taken,
    /// It is on its way once the connection is flushed.
    Dirty,
    /// It has been shown before.
    KnownAlready,
}

/// When an offered event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// At once.
    Now,
    /// At the next flush, with whatever comes until then.
    AtFlush,
}

impl Connection {
    /// With nothing to send yet.
    pub(crate) fn new(
        id: u64,
        shape: Shape,
        outlet: Outlet,
        queue_bytes: usize,
        pulse: Pulse,
    ) -> Self {
        let state = State {
            queue: Queue::default(),
            shown: Shown::default(),
            pulse,
            life: Life::Open,
            dirty: false,
        };
        Self { id, shape, queue_bytes, outlet, state: Mutex::new(state), task: AtomicWaker::new() }
    }

    /// Its number on this node.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// How it sees orders.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Where its frames go.
    pub const fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    /// Sends a text of the server itself.
    pub fn send(&self, text: impl AsRef<str>) {
        self.send_frame(websocket::text(text.as_ref().as_bytes()).0);
    }

    /// Sends the text of a snapshot that shows these versions, while its gate is closed. `false`: another topic has shown this reader
    /// something newer meanwhile, so the snapshot must be read again.
    pub fn send_snapshot(&self, text: &str, showing: &[(OrderId, Version)]) -> bool {
        let mut state = self.lock();
        if showing.iter().any(|(order, version)| state.shown.is_past(*order, *version)) {
            return false;
        }
        let frame = websocket::text(text.as_bytes()).0;
        self.put(&mut state, Outgoing::Frame(frame), When::Now);
        true
    }

    /// Sends a complete frame.
    pub fn send_frame(&self, frame: Bytes) {
        self.put(&mut self.lock(), Outgoing::Frame(frame), When::Now);
    }

    /// Closes it once what waits has been sent; the first reason counts.
    pub fn close(&self, close: Close) {
        self.begin_to_close(&mut self.lock(), close, Some(close.code()));
    }

    /// Answers the client's close frame with the same code, and closes.
    pub fn answer_close(&self, code: Option<u16>) {
        self.begin_to_close(&mut self.lock(), Close::Normal, code);
    }

    /// Sends an event for the publisher, unless a snapshot or another topic has shown it.
    pub(crate) fn offer(&self, event: &Arc<Event>, when: When) -> Offered {
        let mut state = self.lock();
        let first = state.shown.offered(event.order_id(), event.version());
        if !first || !self.show(&mut state, event, when) {
            return Offered::KnownAlready;
        }
        if when == When::Now || state.dirty {
            return Offered::Taken;
        }
        state.dirty = true;
        Offered::Dirty
    }

    /// Writes what was offered until now.
    pub(crate) fn flush(&self) {
        let mut state = self.lock();
        state.dirty = false;
        self.write_out(&mut state);
    }

    /// Sends events that a returning watcher has missed, while its gate is closed.
    pub fn replay(&self, missed: &[Arc<Event>]) {
        let mut state = self.lock();
        for event in missed {
            self.show(&mut state, event, When::AtFlush);
        }
        self.write_out(&mut state);
    }

    /// A gate closes: from now on it matters which events this reader is shown.
    pub(crate) fn gate_closed(&self) {
        self.lock().shown.gate_closed();
    }

    /// A gate opens behind a snapshot that showed `shown`: sends what it held, as far as it is newer.
    ///
    /// `published` tells whether the hub has given a version to everybody, so that it cannot come again.
    pub(crate) fn release(
        &self,
        shown: &[(OrderId, Version)],
        held: &[Arc<Event>],
        published: impl Fn(OrderId, Version) -> bool,
    ) {
        let mut state = self.lock();
        state.shown.by_snapshot(shown);
        for event in held {
            self.show(&mut state, event, When::AtFlush);
        }
        state.shown.gate_opened(published);
        self.write_out(&mut state);
    }

    fn show(&self, state: &mut State, event: &Arc<Event>, when: When) -> bool {
        let admitted = state.shown.admits(event.order_id(), event.version());
        if admitted {
            self.put(state, Outgoing::Event(Arc::clone(event)), when);
        }
        admitted
    }

    fn put(&self, state: &mut State, outgoing: Outgoing, when: When) {
        if !state.is_open() {
            return;
        }
        state.pulse.spoke();
        if when == When::Now && state.queue.is_empty() {
            // The usual way: nothing waits, the kernel takes the frame, and nothing is kept.
            let frame = outgoing.frame(self.shape);
            match self.outlet.write(frame) {
                Ok(written) if written == frame.len() => return,
                Ok(written) => {
                    state.queue.push(outgoing, self.shape);
                    state.queue.wrote(written, self.shape);
                }
                Err(_) => state.life = Life::Broken,
            }
        } else {
            state.queue.push(outgoing, self.shape);
            self.bound(state);
        }
        if when == When::Now {
            self.task.wake();
        }
    }

    fn write_out(&self, state: &mut State) {
        if state.queue.is_empty() {
            return;
        }
        if state.queue.write_to(&self.outlet, self.shape).is_err() {
            state.life = Life::Broken;
        }
        if state.life == Life::Broken || !state.queue.is_empty() {
            // The kernel is full, or this is an event stream: its task goes on.
            self.task.wake();
        }
    }

    /// Keeps the queue within its bound: newer state replaces older; if that does not help, the reader is given up.
    fn bound(&self, state: &mut State) {
        if self.overflows(state) {
            self.write_out(state);
        }
        if self.overflows(state) {
            counter!(metric::LIVE_CONFLATED).increment(state.queue.conflate(self.shape));
        }
        if self.overflows(state) {
            state.queue.give_up(self.shape);
            self.begin_to_close(state, Close::Slow, Some(Close::Slow.code()));
        }
    }

    /// Whether too much waits. The snapshot of a busy store may be longer than the bound, and comes again after every return of its
    /// reader: so the longest answer does not count.
    fn overflows(&self, state: &State) -> bool {
        let bytes = state.queue.bytes();
        self.queue_bytes < bytes && self.queue_bytes + state.queue.longest_answer() < bytes
    }

    fn begin_to_close(&self, state: &mut State, close: Close, code: Option<u16>) {
        if !state.is_open() {
            return;
        }
        let frame = websocket::close(code, close.reason());
        state.queue.push(Outgoing::Frame(frame), self.shape);
        state.life = Life::Closing(close);
        self.task.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
