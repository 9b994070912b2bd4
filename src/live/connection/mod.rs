//! One socket as the hub sees it: where its frames go, what waits for it, and what its reader has been shown.
//!
//! The publisher writes straight to the socket, without waiting and without waking a task. Only what the kernel does not take at
//! once is queued, bounded in bytes, and leaves when the socket is writable again.

mod bounds;
mod deliver;
mod life;
mod outlet;
mod pulse;
mod queue;
mod shown;
mod task;
mod watched;

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use metrics::counter;
use parking_lot::Mutex;

#[cfg(test)]
pub(crate) use self::task::Batch;
pub(crate) use self::{bounds::Bounds, deliver::Offered, pulse::Pulse};
use self::{
    life::Life,
    queue::Queue,
    shown::Shown,
    watched::{Passage, Watched},
};
pub use self::{outlet::Outlet, pulse::Rhythm, queue::Outgoing, task::Due};
use crate::{
    channels::Shape,
    domain::{Subject, SubjectTypes},
    live::{Close, ServerFrame, Topic, websocket},
    telemetry::metric,
};

/// One socket, or one event stream.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    shape: Shape,
    outlet: Outlet,
    state: Mutex<State>,
    /// The connection's own task, for what the publisher cannot do: read, wait until the socket is writable, close.
    task: AtomicWaker,
    bounds: Arc<Bounds>,
}

#[derive(Debug)]
struct State {
    life: Life,
    watched: Watched,
    shown: Shown,
    queue: Queue,
    /// The part of the hub's waiting memory that is known to be this connection's.
    counted: usize,
    /// The number of the burst that the publisher offered last.
    last_burst: u64,
    /// Of which types of subjects, beside orders, its reader is shown events.
    sees: SubjectTypes,
    pulse: Pulse,
}

impl State {
    /// Whether frames are taken.
    fn is_open(&self) -> bool {
        self.life == Life::Open
    }
}

impl Connection {
    /// With nothing to send yet.
    pub(crate) fn new(
        id: u64,
        shape: Shape,
        outlet: Outlet,
        bounds: Arc<Bounds>,
        pulse: Pulse,
    ) -> Self {
        let state = State {
            life: Life::Open,
            watched: Watched::default(),
            shown: Shown::default(),
            queue: Queue::default(),
            counted: 0,
            last_burst: 0,
            sees: SubjectTypes::NONE,
            pulse,
        };
        Self { id, shape, outlet, state: Mutex::new(state), task: AtomicWaker::new(), bounds }
    }

    /// Its number on this node.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Whether whoever ordered is at the other end.
    pub const fn is_for_customers(&self) -> bool {
        self.shape.is_for_customers()
    }

    /// How it sees orders.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// From now on its reader is shown events about subjects of these types, beside orders, as far as they belong to its topics. The
    /// shape shows some of them only.
    pub fn see(&self, types: SubjectTypes) {
        self.state.lock().sees = self.shape.shown_of(types);
    }

    /// Where its frames go.
    pub const fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    /// What it watches.
    pub fn topics(&self) -> Vec<Topic> {
        self.state.lock().watched.topics().to_vec()
    }

    /// Sends a frame of the server itself.
    pub fn send(&self, frame: &ServerFrame<'_>) {
        self.send_frame(frame.encode());
    }

    /// Sends the complete frame of a snapshot that shows these versions, while its gate is closed. `false`: another topic has shown
    /// this reader something newer meanwhile, so the snapshot must be read again.
    pub fn send_snapshot(&self, frame: Bytes, showing: &[Subject]) -> bool {
        let mut state = self.state.lock();
        if showing.iter().any(|subject| state.shown.is_past(*subject)) {
            return false;
        }
        self.put_frame(&mut state, frame);
        true
    }

    /// Sends a complete frame.
    pub fn send_frame(&self, frame: Bytes) {
        self.put_frame(&mut self.state.lock(), frame);
    }

    /// Closes it once what waits has been sent; the first reason counts.
    pub fn close(&self, close: Close) {
        self.begin_to_close(&mut self.state.lock(), close, Some(close.code()));
    }

    /// Answers the client's close frame with the same code, and closes.
    pub fn answer_close(&self, code: Option<u16>) {
        self.begin_to_close(&mut self.state.lock(), Close::Normal, code);
    }

    /// The memory that waits for it alone, in bytes.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().counted
    }

    /// Drops what waits, and closes it as too slow: others need the memory.
    pub(crate) fn shed(&self) {
        self.give_up(&mut self.state.lock());
    }

    fn put_frame(&self, state: &mut State, frame: Bytes) {
        if !state.is_open() {
            return;
        }
        state.pulse.spoke();
        let written = if state.queue.is_empty() { self.write(state, &frame) } else { 0 };
        if written < frame.len() {
            state.queue.push(Outgoing::Frame(frame), self.shape);
            self.keep(state, written);
        }
    }

    /// Hands bytes to the kernel, past the queue, which must be empty; answers how many it took.
    fn write(&self, state: &mut State, bytes: &[u8]) -> usize {
        self.outlet.write(bytes).unwrap_or_else(|_| {
            state.life = Life::Broken;
            0
        })
    }

    /// The queue has grown, and of that so many bytes are written: keeps it within its bound, and has the task write the rest.
    fn keep(&self, state: &mut State, written: usize) {
        state.queue.wrote(written, self.shape);
        self.bound(state);
        self.count(state);
        self.task.wake();
    }

    fn write_out(&self, state: &mut State) {
        if state.queue.write_to(&self.outlet, self.shape).is_err() {
            state.life = Life::Broken;
        }
        self.count(state);
    }

    /// Newer state replaces older; a reader that even so has too much waiting is given up once it stops reading, or falls back too far.
    fn bound(&self, state: &mut State) {
        if !state.queue.exceeds(self.bounds.queue_bytes) {
            return;
        }
        self.write_out(state);
        if !state.queue.exceeds(self.bounds.queue_bytes) {
            return;
        }
        counter!(metric::LIVE_CONFLATED).increment(state.queue.conflate(self.shape) as u64);
        let stalled = state.queue.stalled_for(Instant::now()) >= self.bounds.slow_after;
        let bound = if stalled { self.bounds.queue_bytes } else { self.bounds.most_bytes() };
        if state.queue.exceeds(bound) {
            self.give_up(state);
        }
    }

    fn give_up(&self, state: &mut State) {
        state.queue.give_up(self.shape);
        self.begin_to_close(state, Close::Slow, Some(Close::Slow.code()));
    }

    fn begin_to_close(&self, state: &mut State, close: Close, code: Option<u16>) {
        if !state.is_open() {
            return;
        }
        let frame = websocket::close(code, close.reason());
        state.queue.push(Outgoing::Frame(frame), self.shape);
        state.life = Life::Closing(close);
        self.count(state);
        self.task.wake();
    }

    /// Tells the hub how much memory waits here.
    fn count(&self, state: &mut State) {
        let now = state.queue.own();
        self.bounds.changed(state.counted, now);
        state.counted = now;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        self.bounds.changed(state.counted, 0);
    }
}
