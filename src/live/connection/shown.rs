//! What a connection's reader has been shown, as far as it may come once more.
//!
//! Behind open gates the publisher brings the events of a subject in the order of their versions, each once, so nothing needs to be
//! remembered. While a gate is closed, or a snapshot is ahead of the publisher, something does.

use std::collections::HashMap;

use crate::domain::{Subject, SubjectId, Version};

/// The newest version shown of a subject, kept only while that version may still arrive once more.
#[derive(Debug, Default)]
pub struct Shown(Option<Box<Versions>>);

/// Boxed as a whole: nearly every socket has none, and there are many sockets.
#[derive(Debug, Default)]
struct Versions(HashMap<SubjectId, Version>);

impl Shown {
    /// Whether nothing is remembered.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this event is to be shown; from now on it has been. `held`: the same event may be held at a gate of this socket.
    pub fn admits(&mut self, subject: Subject, held: bool) -> bool {
        let versions = &mut self.0.get_or_insert_default().0;
        if versions.get(&subject.id).is_some_and(|shown| subject.version <= *shown) {
            return false;
        }
        if held {
            versions.insert(subject.id, subject.version);
        } else {
            versions.remove(&subject.id);
            self.let_go();
        }
        true
    }

    /// Whether something newer has been shown meanwhile, so that this version would be a step back.
    pub fn is_past(&self, subject: Subject) -> bool {
        let shown = self.0.as_ref().and_then(|it| it.0.get(&subject.id));
        shown.is_some_and(|shown| subject.version < *shown)
    }

    /// A snapshot showed these.
    pub fn by_snapshot(&mut self, shown: &[Subject]) {
        let versions = &mut self.0.get_or_insert_default().0;
        for Subject { id, version } in shown {
            let known = versions.entry(*id).or_insert(*version);
            *known = (*known).max(*version);
        }
    }

    /// All gates are open. `published` tells whether a version has gone to everybody, so that it cannot come again.
    pub fn gates_opened(&mut self, published: impl Fn(Subject) -> bool) {
        if let Some(versions) = &mut self.0 {
            versions.0.retain(|id, version| !published(Subject { id: *id, version: *version }));
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        if self.0.as_ref().is_some_and(|it| it.0.is_empty()) {
            self.0 = None;
        }
    }
}
