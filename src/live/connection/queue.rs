//! What a connection has not been able to send yet. Empty, it holds no memory.

use std::{
    collections::{HashSet, VecDeque},
    io::{self, IoSlice},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    channels::Shape,
    live::{Event, connection::Outlet},
};

/// Frames that leave in one system call.
const FRAMES_AT_ONCE: usize = 64;

/// Something to be sent.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// An event, in the shape of the connection.
    Event(Arc<Event>),
    /// A complete frame, as it stands.
    Frame(Bytes),
}

impl Outgoing {
    /// The frame.
    pub(super) fn frame(&self, shape: Shape) -> &Bytes {
        match self {
            Self::Event(event) => event.frame(shape),
            Self::Frame(frame) => frame,
        }
    }

    /// The memory that it takes for this connection alone: events are shared.
    fn own(&self) -> usize {
        let frame = match self {
            Self::Event(_) => 0,
            Self::Frame(frame) => frame.len(),
        };
        size_of::<Self>() + frame
    }
}

/// What waits.
#[derive(Debug, Default)]
pub struct Queue(Option<Box<Waiting>>);

#[derive(Debug)]
struct Waiting {
    items: VecDeque<Outgoing>,
    /// What is still to be written, in bytes.
    bytes: usize,
    /// The memory that the items take for this connection alone, in bytes.
    own: usize,
    /// How much of the first has been written.
    written: usize,
    /// When the kernel last took something, or when the first of them came.
    progressed_at: Instant,
    /// It is worth looking for replaced state again from so many bytes on.
    conflates_from: usize,
}

impl Queue {
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What is still to be written, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |it| it.bytes)
    }

    /// The memory that this takes for its connection alone, in bytes.
    pub fn own(&self) -> usize {
        self.0.as_ref().map_or(0, |it| it.own)
    }

    /// For how long the kernel has not taken a byte, though something waits.
    pub fn stalled_for(&self, now: Instant) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |it| now.saturating_duration_since(it.progressed_at))
    }

    /// Whether more waits than `bound`, in bytes. The snapshot of a busy store may be longer, and comes again after every return of its
    /// reader: so the longest answer does not count, nor does a single event.
    pub fn exceeds(&self, bound: usize) -> bool {
        let several = self.0.as_ref().is_some_and(|it| it.items.len() > 1);
        several && bound < self.bytes() && bound + self.longest_answer() < self.bytes()
    }

    fn longest_answer(&self) -> usize {
        let items = self.0.iter().flat_map(|it| &it.items);
        let answers = items.filter_map(|it| match it {
            Outgoing::Frame(frame) => Some(frame.len()),
            Outgoing::Event(_) => None,
        });
        answers.max().unwrap_or(0)
    }

    pub fn push(&mut self, outgoing: Outgoing, shape: Shape) {
        let waiting = self.0.get_or_insert_with(|| Box::new(Waiting::new()));
        waiting.bytes += outgoing.frame(shape).len();
        waiting.own += outgoing.own();
        waiting.items.push_back(outgoing);
    }

    /// The kernel has taken so many bytes off the front.
    pub fn wrote(&mut self, count: usize, shape: Shape) {
        if let Some(waiting) = &mut self.0
            && count > 0
            && waiting.wrote(count, shape)
        {
            self.0 = None;
        }
    }

    /// Writes until nothing waits or the kernel takes no more.
    pub fn write_to(&mut self, outlet: &Outlet, shape: Shape) -> io::Result<()> {
        while let Some(waiting) = &self.0 {
            let (offered, taken) = waiting.write_some(outlet, shape)?;
            self.wrote(taken, shape);
            if taken < offered {
                break;
            }
        }
        Ok(())
    }

    /// Keeps only the newest event of each subject. Each carries the whole state, so nothing true is lost. Does nothing where it would
    /// gain little: soon after the last time.
    ///
    /// Answers how many were dropped.
    pub fn conflate(&mut self, shape: Shape) -> usize {
        match &mut self.0 {
            Some(waiting) if waiting.conflates_from <= waiting.bytes => waiting.conflate(shape),
            _ => 0,
        }
    }

    /// Drops everything but a frame that has begun: it must end, or the client could not read on.
    pub fn give_up(&mut self, shape: Shape) {
        let Some(waiting) = &mut self.0 else { return };
        waiting.items.truncate(usize::from(waiting.written > 0));
        waiting.weigh(shape);
        if waiting.items.is_empty() {
            self.0 = None;
        }
    }

    /// Everything, for those who fetch it.
    pub fn take_all(&mut self) -> Vec<Outgoing> {
        self.0.take().map(|it| it.items.into()).unwrap_or_default()
    }
}

impl Waiting {
    fn new() -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            own: 0,
            written: 0,
            progressed_at: Instant::now(),
            conflates_from: 0,
        }
    }

    /// Answers whether nothing is left.
    fn wrote(&mut self, mut count: usize, shape: Shape) -> bool {
        self.bytes = self.bytes.saturating_sub(count);
        self.progressed_at = Instant::now();
        while let Some(first) = self.items.front() {
            let rest = first.frame(shape).len() - self.written;
            if count < rest {
                self.written += count;
                return false;
            }
            count -= rest;
            self.written = 0;
            self.own -= first.own();
            self.items.pop_front();
        }
        true
    }

    /// One write; answers how many bytes it offered, and how many the kernel took.
    fn write_some(&self, outlet: &Outlet, shape: Shape) -> io::Result<(usize, usize)> {
        let mut frames = [IoSlice::new(&[]); FRAMES_AT_ONCE];
        let (mut offered, mut count, mut skip) = (0, 0, self.written);
        for (slot, item) in frames.iter_mut().zip(&self.items) {
            let rest = item.frame(shape).get(skip..).unwrap_or_default();
            skip = 0;
            offered += rest.len();
            count += 1;
            *slot = IoSlice::new(rest);
        }
        let taken = outlet.write_vectored(frames.get(..count).unwrap_or_default())?;
        Ok((offered, taken))
    }

    fn conflate(&mut self, shape: Shape) -> usize {
        let before = self.items.len();
        let started = if self.written > 0 { self.items.pop_front() } else { None };
        let mut seen = HashSet::new();
        let mut kept = VecDeque::with_capacity(before);
        for outgoing in mem::take(&mut self.items).into_iter().rev() {
            let newest = match &outgoing {
                Outgoing::Event(event) => seen.insert(event.subject().id),
                Outgoing::Frame(_) => true,
            };
            if newest {
                kept.push_front(outgoing);
            }
        }
        if let Some(started) = started {
            kept.push_front(started);
        }
        self.items = kept;
        self.weigh(shape);
        self.conflates_from = self.bytes + self.bytes / 4;
        before - self.items.len()
    }

    fn weigh(&mut self, shape: Shape) {
        let all: usize = self.items.iter().map(|it| it.frame(shape).len()).sum();
        self.bytes = all - self.written;
        self.own = self.items.iter().map(Outgoing::own).sum();
    }
}
