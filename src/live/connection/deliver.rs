//! How events reach a connection: from the publisher, from a gate that opens, from the log.

use std::sync::Arc;

use crate::{
    domain::Subject,
    live::{
        Close, Connection, Event, Topic,
        burst::{Burst, Portion},
        connection::{Outgoing, Passage, State},
    },
};

/// What became of events that the publisher offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// So many of them are on their way; none if they wait at a gate, or have been shown.
    Sent(u32),
    /// The connection has other topics: let it have all of the burst at once, by [`Connection::deliver`].
    HasOtherTopics,
}

impl Connection {
    /// Takes those events of a burst that belong to one topic. `serial` is the burst's number: what comes twice is taken once.
    pub(crate) fn offer(&self, topic: &Topic, events: &Portion<'_>, serial: u64) -> Offered {
        let mut state = self.state.lock();
        match state.watched.pass(topic, events, self.bounds.gate_events) {
            Passage::Open if state.watched.topics().len() > 1 => Offered::HasOtherTopics,
            Passage::Open if state.last_burst == serial => Offered::Sent(0),
            Passage::Open => {
                state.last_burst = serial;
                Offered::Sent(self.show(&mut state, events))
            }
            Passage::Held | Passage::NotWatched => Offered::Sent(0),
            Passage::Overflow => {
                let close = Close::PositionLost;
                self.begin_to_close(&mut state, close, Some(close.code()));
                Offered::Sent(0)
            }
        }
    }

    /// Sends events, unless a snapshot or another topic has shown them. Answers how many were sent.
    pub(crate) fn deliver(&self, events: &Portion<'_>) -> u32 {
        self.show(&mut self.state.lock(), events)
    }

    /// Sends events that a returning watcher has missed, while its gate is closed.
    pub fn replay(&self, missed: &[Arc<Event>]) {
        self.show_all(&mut self.state.lock(), missed);
    }

    /// Watches a topic, its gate closed.
    pub(crate) fn watch(&self, topic: Topic) {
        self.state.lock().watched.add(topic);
    }

    /// Watches a topic no more. `published` tells whether the hub has given a version to everybody.
    pub(crate) fn leave(&self, topic: &Topic, published: impl Fn(Subject) -> bool) {
        let mut state = self.state.lock();
        state.watched.remove(topic);
        state.forget_shown(published);
    }

    /// A gate opens behind a snapshot that showed `shown`: sends what it held, as far as it is newer.
    pub(crate) fn open(
        &self,
        topic: &Topic,
        shown: &[Subject],
        published: impl Fn(Subject) -> bool,
    ) {
        let mut state = self.state.lock();
        let Some(held) = state.watched.open(topic) else { return };
        state.shown.by_snapshot(shown);
        self.show_all(&mut state, &held);
        state.forget_shown(published);
    }

    fn show_all(&self, state: &mut State, events: &[Arc<Event>]) {
        for burst in Burst::all(events) {
            self.show(state, &Portion::all(burst));
        }
    }

    fn show(&self, state: &mut State, events: &Portion<'_>) -> u32 {
        if !state.is_open() {
            return 0;
        }
        let held = state.watched.has_gates();
        if events.are_about_orders() && !held && state.shown.is_empty() {
            self.put_events(state, events);
            return events.len();
        }
        let sees = state.sees;
        let admitted = events.narrowed(|event| {
            let subject = event.subject();
            let is_seen = event.order().is_some() || sees.contains(subject.id.subject_type());
            is_seen && state.shown.admits(subject, held)
        });
        self.put_events(state, &admitted);
        admitted.len()
    }

    fn put_events(&self, state: &mut State, events: &Portion<'_>) {
        let Some(bytes) = events.bytes(self.shape) else { return };
        state.pulse.spoke();
        // The usual way: nothing waits, the kernel takes everything, and nothing is kept.
        let written = if state.queue.is_empty() { self.write(state, bytes) } else { 0 };
        if written == bytes.len() {
            return;
        }
        for event in events.events() {
            state.queue.push(Outgoing::Event(Arc::clone(event)), self.shape);
        }
        self.keep(state, written);
    }
}

impl State {
    /// What was shown matters only while something may come once more.
    fn forget_shown(&mut self, published: impl Fn(Subject) -> bool) {
        if !self.watched.has_gates() {
            self.shown.gates_opened(published);
        }
    }
}
