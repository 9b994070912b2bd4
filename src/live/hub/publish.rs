//! The way from events to all who watch them.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use metrics::counter;

use crate::{
    domain::Subject,
    live::{
        Event, Hub, Topic,
        burst::{self, Burst, Choice, Portion},
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
        for burst in Burst::all(events) {
            self.publish_burst(burst);
        }
        self.shed();
    }

    fn publish_burst(&self, burst: Burst<'_>) {
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
        // An event that several of its topics are for comes once, and the events of a subject in their order.
        for (connection, chosen) in with_other_topics.into_values() {
            frames += u64::from(connection.deliver(&Portion::of(burst, chosen)));
        }
        // Only now: a socket that opens a gate meanwhile must still expect these events.
        for event in fresh.events() {
            self.published.insert(event.subject().id, event.version());
        }
        for (topic, chosen) in topics {
            let portion = Portion::of(burst, chosen);
            if let Some((last, version)) = portion
                .events()
                .filter_map(|event| Some((event.order()?.id, event.version())))
                .last()
            {
                self.watchers.was_told(topic, last, version);
            }
        }
        counter!(metric::LIVE_EVENTS).increment(fresh.len().into());
        counter!(metric::LIVE_FRAMES).increment(frames);
    }

    /// Those that have not been published, each once.
    fn fresh<'a>(&self, burst: Burst<'a>) -> Portion<'a> {
        let mut newest = HashMap::new();
        Portion::all(burst).narrowed(|event| {
            let Subject { id, version } = event.subject();
            let known = newest.insert(id, version).or_else(|| self.published(id));
            let is_fresh = known.is_none_or(|known| known < version);
            if let Some(known) = known.filter(|_| !is_fresh) {
                newest.insert(id, known);
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
        for topic in event.topics() {
            *topics.entry(topic).or_default() |= burst::bit(at);
        }
    }
    topics
}
