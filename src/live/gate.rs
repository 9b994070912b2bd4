//! One topic of one socket. Until its snapshot is read, its events are held at the gate: nothing that happens meanwhile is missed.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::{OrderId, Version},
    live::{
        Connection, Event, Topic,
        connection::{Offered, When},
    },
};

/// One topic of one socket.
#[derive(Debug)]
pub struct Subscription {
    topic: Topic,
    connection: Arc<Connection>,
    gate: Mutex<Gate>,
}

#[derive(Debug)]
enum Gate {
    /// Holds what happens while the snapshot is read.
    Holding(Vec<Arc<Event>>),
    /// Lets through.
    Open,
}

/// What became of an event at the gate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// The gate is open: what the socket made of it.
    Through(Offered),
    /// It waits for the snapshot.
    Held,
    /// Too many wait: the position is lost.
    Overflow,
}

impl Subscription {
    /// With the gate closed.
    pub(crate) const fn holding(topic: Topic, connection: Arc<Connection>) -> Self {
        Self { topic, connection, gate: Mutex::new(Gate::Holding(Vec::new())) }
    }

    /// What it watches.
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The socket.
    pub(crate) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Lets an event through, or holds it.
    pub(crate) fn offer(&self, event: &Arc<Event>, when: When, bound: usize) -> Passage {
        match &mut *self.lock() {
            Gate::Open => Passage::Through(self.connection.offer(event, when)),
            Gate::Holding(held) if held.len() < bound => {
                held.push(Arc::clone(event));
                Passage::Held
            }
            Gate::Holding(_) => Passage::Overflow,
        }
    }

    /// Opens the gate behind a snapshot that showed these versions: what was held follows, as far as it is newer.
    pub(crate) fn open(
        &self,
        shown: &[(OrderId, Version)],
        published: impl Fn(OrderId, Version) -> bool,
    ) {
        let mut gate = self.lock();
        if let Gate::Holding(held) = mem::replace(&mut *gate, Gate::Open) {
            self.connection.release(shown, &held, published);
        }
    }

    /// Opens the gate of a subscription that is no longer wanted.
    pub(crate) fn discard(&self, published: impl Fn(OrderId, Version) -> bool) {
        if let Gate::Holding(_) = mem::replace(&mut *self.lock(), Gate::Open) {
            self.connection.release(&[], &[], published);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
