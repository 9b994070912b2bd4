//! Who watches which topic.

use std::sync::Arc;

use dashmap::{DashMap, mapref::entry::Entry};
use indexmap::IndexMap;
use smallvec::SmallVec;

use crate::{
    domain::{OrderId, Version},
    live::{Connection, Topic},
};

/// Watchers taken out of the table at once. While they are written to, others can come and go.
const AT_ONCE: usize = 64;

/// Who watches which topic.
#[derive(Debug, Default)]
pub struct Watchers {
    topics: DashMap<Topic, Group>,
    /// The newest order event of each watched topic that is a list. That of one order is known without.
    heads: DashMap<Topic, (OrderId, Version)>,
}

/// Who watches one topic. Nearly always that is one socket, which then needs no memory of its own.
#[derive(Debug)]
enum Group {
    One(Arc<Connection>),
    /// By number: thousands may leave at the same moment.
    Many(Box<IndexMap<u64, Arc<Connection>>>),
}

impl Watchers {
    /// From now on a connection is among a topic's watchers.
    pub fn add(&self, topic: Topic, connection: &Arc<Connection>) {
        match self.topics.entry(topic) {
            Entry::Occupied(mut group) => group.get_mut().add(connection),
            Entry::Vacant(place) => {
                place.insert(Group::One(Arc::clone(connection)));
            }
        }
    }

    /// It no longer is.
    pub fn remove(&self, topic: &Topic, connection: &Connection) {
        let last = self.topics.remove_if_mut(topic, |_, group| group.remove(connection.id()));
        if last.is_some() {
            self.heads.remove(topic);
        }
    }

    /// Whether a customer watches a topic.
    pub fn has_customer(&self, topic: &Topic) -> bool {
        self.topics.get(topic).is_some_and(|it| it.has_customer())
    }

    /// The orders, and the customers' own lists, that customers watch.
    pub fn of_customers(&self) -> impl Iterator<Item = Topic> {
        let theirs = |it: &Topic| matches!(it, Topic::Order(_) | Topic::Customer(_));
        let topics = self.topics.iter().filter(move |it| theirs(it.key()) && it.has_customer());
        topics.map(|it| it.key().clone())
    }

    /// How many topics somebody watches.
    pub fn topics(&self) -> usize {
        self.topics.len()
    }

    /// Every watcher of a topic has been sent this event of an order.
    pub fn was_told(&self, topic: Topic, order: OrderId, version: Version) {
        if !matches!(topic, Topic::Order(_)) && self.topics.contains_key(&topic) {
            self.heads.insert(topic, (order, version));
        }
    }

    /// The newest order event of a topic that is a list, if there has been one while it was watched.
    pub fn head(&self, topic: &Topic) -> Option<(OrderId, Version)> {
        self.heads.get(topic).map(|it| *it)
    }

    /// Calls `each` with every watcher of a topic, those that leave or come meanwhile perhaps, nobody is passed over.
    /// The table isn't locked during the calls.
    pub fn of(&self, topic: &Topic, mut each: impl FnMut(&Arc<Connection>)) {
        let mut some = SmallVec::<[_; AT_ONCE]>::new();
        let mut end = usize::MAX;
        while end > 0 {
            // From the back: who leaves is replaced by the last one, who has then been called already.
            match self.topics.get(topic) {
                Some(group) => end = group.some_before(end, &mut some),
                None => return,
            }
            some.drain(..).for_each(|it| each(&it));
        }
    }
}

impl Group {
    fn has_customer(&self) -> bool {
        match self {
            Self::One(only) => only.is_for_customers(),
            Self::Many(all) => all.values().any(|it| it.is_for_customers()),
        }
    }

    fn add(&mut self, connection: &Arc<Connection>) {
        match self {
            Self::One(first) => {
                let both = [Arc::clone(first), Arc::clone(connection)];
                *self = Self::Many(Box::new(both.into_iter().map(|it| (it.id(), it)).collect()));
            }
            Self::Many(all) => {
                all.insert(connection.id(), Arc::clone(connection));
            }
        }
    }

    /// Whether nobody is left.
    fn remove(&mut self, id: u64) -> bool {
        match self {
            Self::One(only) => only.id() == id,
            Self::Many(all) => {
                all.swap_remove(&id);
                if all.len() < all.capacity() / 4 {
                    all.shrink_to_fit();
                }
                all.is_empty()
            }
        }
    }

    /// Copies some of those before `end`; answers where the next ones end.
    fn some_before(&self, end: usize, some: &mut SmallVec<[Arc<Connection>; AT_ONCE]>) -> usize {
        match self {
            Self::One(only) => {
                some.push(Arc::clone(only));
                0
            }
            Self::Many(all) => {
                let end = end.min(all.len());
                let start = end.saturating_sub(AT_ONCE);
                if let Some(slice) = all.get_range(start..end) {
                    some.extend(slice.values().cloned());
                }
                start
            }
        }
    }
}
