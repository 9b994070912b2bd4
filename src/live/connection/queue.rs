//! What a connection has not been able to send yet. Empty, it holds no memory.

use std::{
    collections::{HashSet, VecDeque},
    io::{self, IoSlice},
    sync::Arc,
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
}

/// What waits.
#[derive(Debug, Default)]
pub struct Queue {
    items: VecDeque<Outgoing>,
    /// What they weigh, without what has been written of the first.
    bytes: usize,
    /// How much of the first has been written.
    written: usize,
}

impl Queue {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The length of the longest frame that is no event.
    pub fn longest_answer(&self) -> usize {
        let answers = self.items.iter().filter_map(|it| match it {
            Outgoing::Frame(frame) => Some(frame.len()),
            Outgoing::Event(_) => None,
        });
        answers.max().unwrap_or(0)
    }

    pub fn push(&mut self, outgoing: Outgoing, shape: Shape) {
        self.bytes += outgoing.frame(shape).len();
        self.items.push_back(outgoing);
    }

    /// The kernel has taken so many bytes off the front.
    pub fn wrote(&mut self, mut count: usize, shape: Shape) {
        self.bytes = self.bytes.saturating_sub(count);
        while let Some(first) = self.items.front() {
            let rest = first.frame(shape).len() - self.written;
            if count < rest {
                self.written += count;
                return;
            }
            count -= rest;
            self.written = 0;
            self.items.pop_front();
        }
        self.items = VecDeque::new();
    }

    /// Writes until nothing waits or the kernel takes no more.
    pub fn write_to(&mut self, outlet: &Outlet, shape: Shape) -> io::Result<()> {
        while !self.items.is_empty() {
            let mut frames = [IoSlice::new(&[]); FRAMES_AT_ONCE];
            let mut offered = 0;
            let mut skip = self.written;
            let mut count = 0;
            for (slot, item) in frames.iter_mut().zip(&self.items) {
                let rest = item.frame(shape).get(skip..).unwrap_or_default();
                skip = 0;
                offered += rest.len();
                count += 1;
                *slot = IoSlice::new(rest);
            }
            let taken = outlet.write_vectored(frames.get(..count).unwrap_or_default())?;
            self.wrote(taken, shape);
            if taken < offered {
                break;
            }
        }
        Ok(())
    }

    /// Keeps only the newest event of each order. Each carries the whole state, so nothing true is lost.
    ///
    /// Answers how many were dropped.
    pub fn conflate(&mut self, shape: Shape) -> u64 {
        let before = self.items.len();
        let started = if self.written > 0 { self.items.pop_front() } else { None };
        let mut seen = HashSet::new();
        let mut kept = VecDeque::with_capacity(before);
        for outgoing in self.items.drain(..).rev() {
            let newest = match &outgoing {
                Outgoing::Event(event) => seen.insert(event.order_id()),
                Outgoing::Frame(_) => true,
            };
            if newest {
                kept.push_front(outgoing);
            }
        }
        // A frame that has begun must end, or the client could not read on.
        if let Some(started) = started {
            kept.push_front(started);
        }
        self.items = kept;
        self.weigh(shape);
        (before - self.items.len()) as u64
    }

    /// Drops everything but a frame that has begun.
    pub fn give_up(&mut self, shape: Shape) {
        self.items.truncate(usize::from(self.written > 0));
        self.weigh(shape);
    }

    /// Everything, for those who fetch it.
    pub fn take_all(&mut self) -> Vec<Outgoing> {
        self.bytes = 0;
        std::mem::take(&mut self.items).into()
    }

    fn weigh(&mut self, shape: Shape) {
        let all: usize = self.items.iter().map(|it| it.frame(shape).len()).sum();
        self.bytes = all - self.written;
    }
}
