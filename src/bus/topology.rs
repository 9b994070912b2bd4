//! The whole topology: who is sent what, and how it is called on the broker. One line for each durable consumer.
//!
//! ```text
//! <name>.events (topic) ── <eventType>.<storeId> ──┬─► <name>.timings (quorum) ··dead··► <name>.events.dead ─► <name>.timings.dead
//!                                                  ├─► <name>.webhooks (quorum, one consumer at a time), dead letters likewise
//!                                                  ├─► <name>.notifications (quorum), and so on
//!                                                  └─► <name>.node.… (exclusive), one for each node, all events
//! ```

use metrics::counter;

use crate::{
    domain::{EventId, EventType},
    telemetry::metric,
};

/// Declares the durable consumers: their member, their word in queue names, and the events that they are sent.
macro_rules! queues {
    ($($(#[$doc:meta])* $member:ident = $word:literal <- [$($event:ident),+];)+) => {
        /// A durable consumer's queue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Queue {
            $($(#[$doc])* $member,)+
        }

        impl Queue {
            /// Every durable consumer.
            pub const ALL: &'static [Self] = &[$(Self::$member,)+];

            /// Its word, for names and log lines.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $word,)+
                }
            }

            /// The events that it is sent.
            pub const fn events(self) -> &'static [EventType] {
                match self {
                    $(Self::$member => &[$(EventType::$event),+],)+
                }
            }
        }
    };
}

queues! {
    /// How long orders take, store by store.
    Timings = "timings" <- [OrderCreated, OrderStatusChanged];
    /// Which of the restaurant's own systems are told of what.
    Webhooks = "webhooks" <- [
        OrderCreated, OrderStatusChanged, DeliveryStatusChanged, TicketStatusChanged,
        OrderEtaChanged, PaymentProcessed, StoreUpdated
    ];
    /// Who is to be told what.
    Notifications = "notifications" <- [OrderCreated, OrderStatusChanged, DeliveryStatusChanged];
}

impl Queue {
    /// Says once that a message is set aside.
    pub(in crate::bus) fn count_dead(self, event_id: Option<EventId>, why: &str) {
        let (queue, event_id) = (self.as_str(), event_id.map(tracing::field::display));
        tracing::error!(
            bus.queue = queue,
            event.id = event_id,
            "a message of {queue} cannot be handled and is now a dead letter: {why}"
        );
        counter!(metric::DEAD_LETTERS, "queue" => queue).increment(1);
    }

    /// Whether one consumer at a time is sent all of it, for whom the order of events matters; else all share it.
    pub const fn is_in_order(self) -> bool {
        matches!(self, Self::Webhooks)
    }

    /// What reaches this queue and no other on the events' exchange: a single word, so that the keys of events pass it by.
    pub const fn routing_key(self) -> &'static str {
        self.as_str()
    }

    /// Whether it is sent events of this type.
    pub fn wants(self, event_type: &str) -> bool {
        self.events().iter().any(|wanted| wanted.as_str() == event_type)
    }
}

/// What things are called on the broker. Everything follows from the exchange's name, so two servers (or two tests) with
/// different exchanges share nothing, provided that these differ before their last dot.
#[derive(Clone, Debug)]
pub struct Names {
    /// The exchange that events are published to.
    pub exchange: String,
}

impl Names {
    /// The exchange that dead letters pass through.
    pub fn dead_exchange(&self) -> String {
        format!("{}.dead", self.exchange)
    }

    /// A durable consumer's queue.
    pub fn queue(&self, queue: Queue) -> String {
        format!("{}.{}", self.prefix(), queue.as_str())
    }

    /// Where a durable consumer's dead letters wait for somebody to look at them.
    pub fn dead_queue(&self, queue: Queue) -> String {
        format!("{}.dead", self.queue(queue))
    }

    /// A node's own queue; `word` tells it from the others.
    pub fn node_queue(&self, word: &str) -> String {
        format!("{}.node.{word}", self.prefix())
    }

    fn prefix(&self) -> &str {
        self.exchange.rsplit_once('.').map_or(self.exchange.as_str(), |(prefix, _)| prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_exchange() {
        let names = Names { exchange: "orderwire.events".to_owned() };
        assert_eq!(names.queue(Queue::Timings), "orderwire.timings");
        assert_eq!(names.dead_queue(Queue::Timings), "orderwire.timings.dead");
        assert_eq!(names.dead_exchange(), "orderwire.events.dead");
        let names = Names { exchange: "events".to_owned() };
        assert_eq!(names.queue(Queue::Timings), "events.timings");
    }
}
