//! The way from events to all who watch them.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use metrics::counter;

use crate::{
    live::{
        Event, Hub, Topic,
        burst::{self, Choice, Portion},
        connection::Offered,
    },
    telemetry::metric,
};

impl Hub {
    /// Gives events to everybody who watches any of their topics; a socket that several of them are for gets them in one write.
    /// Only one task may publish.
    ///
    /// What has been published before is dropped.
    pub fn publish(&self, events: &[Arc<Event>]) {
        for burst in events.chunks(burst::MOST) {
            self.publish_burst(burst);
        }
        self.shed();
    }

    fn publish_burst(&self, burst: &[Arc<Event>]) {
        let serial = self.bursts.fetch_add(1, Ordering::Relaxed);
        let fresh = self.fresh(burst);
        let mut with_other_topics = HashMap::new();
        let mut frames = 0;
        let topics = topics(&fresh);
        for (topic, &chosen) in &topics {
            let portion = Portion::of(burst, chosen);
            self.watchers.of(topic, |connection| match connection.offer(topic, &portion, serial) {
                Offered::Sent(count) => frames += u64::from(count),
                Offered::HasOtherTopics => {
                    let (_, all) = with_other_topics
                        .entry(connection.id())
                        .or_insert_with(|| (Arc::clone(connection), 0));
                    *all |= chosen;
                }
            });
        }
        // An event that several of its topics are for comes once, and the events of an order in their order.
        for (connection, chosen) in with_other_topics.into_values() {
            frames += u64::from(connection.deliver(&Portion::of(burst, chosen)));
        }
        // Only now: a socket that opens a gate meanwhile must still expect these events.
        for event in fresh.events() {
            self.published.insert(event.order_id(), event.version());
        }
        for (topic, chosen) in topics {
            if let Some(last) = Portion::of(burst, chosen).events().last() {
                self.watchers.was_told(topic, last.order_id(), last.version());
            }
        }
        counter!(metric::LIVE_EVENTS).increment(fresh.len().into());
        counter!(metric::LIVE_FRAMES).increment(frames);
    }

    /// Those that have not been published, each once.
    fn fresh<'a>(&self, burst: &'a [Arc<Event>]) -> Portion<'a> {
        let mut newest = HashMap::new();
        Portion::all(burst).narrowed(|event| {
            let (order, version) = (event.order_id(), event.version());
            let known = newest.insert(order, version).or_else(|| self.published(order));
            let is_fresh = known.is_none_or(|known| known < version);
            if let Some(known) = known.filter(|_| !is_fresh) {
                newest.insert(order, known);
            }
            is_fresh
        })
    }

    /// Too much waits for all sockets together: those for whom most waits have to go, and come back.
    pub(super) fn shed(&self) {
        if self.bounds.waiting() <= self.waiting_bytes {
            return;
        }
        let mut slow: Vec<_> =
            self.connections().into_iter().map(|it| (it.waiting(), it)).collect();
        slow.sort_by_key(|(waiting, _)| Reverse(*waiting));
        // Somewhat further down than it must be, or the next event would do it again.
        let enough = self.waiting_bytes / 10 * 9;
        for (_, connection) in slow.into_iter().take_while(|_| enough < self.bounds.waiting()) {
            connection.shed();
            counter!(metric::LIVE_SHED).increment(1);
        }
    }
}

/// The topics of events, and which of them belong to each.
fn topics(events: &Portion<'_>) -> HashMap<Topic, Choice> {
    let mut topics = HashMap::new();
    for (at, event) in events.places() {
        for topic in Topic::of(event.order()) {
            *topics.entry(topic).or_default() |= burst::bit(at);
        }
    }
    topics
}
