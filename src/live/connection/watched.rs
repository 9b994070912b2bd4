//! The topics of a connection. Until the snapshot of one is read, its events are held at its gate: nothing that happens meanwhile
//! is missed.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::live::{Event, Topic, burst::Portion};

/// The topics of a connection.
#[derive(Debug, Default)]
pub struct Watched {
    topics: SmallVec<[Topic; 1]>,
    /// Those whose gate is closed.
    gates: Vec<Gate>,
}

#[derive(Debug)]
struct Gate {
    topic: Topic,
    held: Vec<Arc<Event>>,
}

/// What becomes of events of a topic.
#[derive(Debug, PartialEq, Eq)]
pub enum Passage {
    /// The gate is open.
    Open,
    /// They wait for the snapshot.
    Held,
    /// Too many wait.
    Overflow,
    /// The topic has just been left.
    NotWatched,
}

impl Watched {
    /// All of them.
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Whether a gate is closed.
    pub const fn has_gates(&self) -> bool {
        !self.gates.is_empty()
    }

    /// One more, its gate closed.
    pub fn add(&mut self, topic: Topic) {
        self.gates.push(Gate { topic: topic.clone(), held: Vec::new() });
        self.topics.push(topic);
    }

    /// One less.
    pub fn remove(&mut self, topic: &Topic) {
        self.topics.retain(|it| it != topic);
        self.open(topic);
    }

    /// Opens the gate of a topic and answers what it held; `None` if it is open.
    pub fn open(&mut self, topic: &Topic) -> Option<Vec<Arc<Event>>> {
        let at = self.gates.iter().position(|it| it.topic == *topic)?;
        let gate = self.gates.swap_remove(at);
        if self.gates.is_empty() {
            self.gates = Vec::new();
        }
        Some(gate.held)
    }

    /// Lets events of a topic pass, or holds them, at most `bound`.
    pub fn pass(&mut self, topic: &Topic, events: &Portion<'_>, bound: usize) -> Passage {
        let Some(gate) = self.gates.iter_mut().find(|it| it.topic == *topic) else {
            let is_watched = self.topics.contains(topic);
            return if is_watched { Passage::Open } else { Passage::NotWatched };
        };
        gate.held.extend(events.events().cloned());
        if bound < gate.held.len() { Passage::Overflow } else { Passage::Held }
    }
}
