//! Scenarios are data: what stands in `scenarios/*.toml`, with what the command line changes.

use std::{path::Path, time::Duration};

use anyhow::Context;
use serde::Deserialize;

/// Those that come with the tool.
const BUILT_IN: &[(&str, &str)] = &[
    ("fanout-one", include_str!("../scenarios/fanout-one.toml")),
    ("fanout-pairs", include_str!("../scenarios/fanout-pairs.toml")),
    ("fanout-pairs-bus", include_str!("../scenarios/fanout-pairs-bus.toml")),
    ("fanout-stores", include_str!("../scenarios/fanout-stores.toml")),
    ("fanout-bursts", include_str!("../scenarios/fanout-bursts.toml")),
    ("connect", include_str!("../scenarios/connect.toml")),
    ("reconnect", include_str!("../scenarios/reconnect.toml")),
    ("slow-readers", include_str!("../scenarios/slow-readers.toml")),
    ("live-500", include_str!("../scenarios/live-500.toml")),
    ("kitchen-rush", include_str!("../scenarios/kitchen-rush.toml")),
    ("webhook-burst", include_str!("../scenarios/webhook-burst.toml")),
    ("endpoints", include_str!("../scenarios/endpoints.toml")),
    ("messages", include_str!("../scenarios/messages.toml")),
    ("idle", include_str!("../scenarios/idle.toml")),
    ("drain", include_str!("../scenarios/drain.toml")),
    ("soak", include_str!("../scenarios/soak.toml")),
];

/// How a scenario goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Changes go out to the sockets: what one frame costs, and how long it takes.
    Fanout,
    /// Sockets do nothing: what one of them weighs.
    Idle,
    /// All connect at once.
    Connect,
    /// All are cut off, changes go on, all come back.
    Reconnect,
    /// Some stop reading: what the others feel of it.
    SlowReaders,
    /// The server is told to stop.
    Drain,
    /// Partners call.
    Webhooks,
    /// The restaurant's own systems are told of every change.
    Endpoints,
    /// Customers are told of their orders by WhatsApp.
    Messages,
    /// Sockets come and go: what stays behind.
    Soak,
}

/// What sockets watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// A store: staff.
    Store,
    /// One order: its customer.
    Order,
    /// A customer without any order.
    Customer,
}

/// How an order is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Another time of readiness: one event, as often as one likes.
    Eta,
    /// All its tickets at once, done and recalled in turn: as many events as stations, and one, in one transaction.
    Tickets,
    /// One step further in its life, and back into the kitchen after its end.
    Life,
    /// Nothing changes: an event is laid on RabbitMQ as if something had. Takes `--real`.
    Bus,
}

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// What it is for.
    pub about: String,
    /// How it goes.
    pub kind: Kind,
    /// Sockets on `topics`.
    pub sockets: usize,
    /// Topics that they share evenly.
    pub topics: usize,
    /// What they watch.
    pub topic: Topic,
    /// Further sockets, of customers: each watches one order of the stores.
    pub customers: usize,
    /// The channel of those on `topics`.
    pub channel: String,
    /// Orders of each store.
    pub orders: usize,
    /// Kitchen stations, and so tickets of each order.
    pub stations: usize,
    /// How orders are changed.
    pub change: Change,
    /// Changes in a second.
    pub rate: f64,
    /// How long one stretch of measurement lasts.
    pub seconds: f64,
    /// How often each stretch is measured.
    pub rounds: usize,
    /// How long the client's threads sleep between two looks at their sockets while changes are measured, in microseconds. 0: they wait
    /// in epoll, as latencies want it; then every write to a socket wakes a thread, which the writer pays for on one machine only.
    pub reader_pause_us: u64,
    /// Connections that changes are sent over.
    pub connections: usize,
    /// Sockets opened in a second while things are set up.
    pub connect_rate: u64,
    /// The share of sockets that stop reading.
    pub slow_share: f64,
    /// The kernel's receive buffer of those, in bytes.
    pub slow_buffer: usize,
    /// How often each socket is replaced by a new one, over all rounds.
    pub lives: usize,
    /// Endpoints that are told of every change and answer.
    pub endpoints: usize,
    /// Endpoints that never answer.
    pub dead: usize,
    /// Settings of the server.
    pub set: Vec<String>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: String::new(),
            about: String::new(),
            kind: Kind::Fanout,
            sockets: 1000,
            topics: 1,
            topic: Topic::Store,
            customers: 0,
            channel: "board".to_owned(),
            orders: 16,
            stations: 1,
            change: Change::Eta,
            rate: 10.0,
            seconds: 5.0,
            rounds: 3,
            reader_pause_us: 0,
            connections: 16,
            connect_rate: 2000,
            slow_share: 0.0,
            slow_buffer: 4096,
            lives: 60,
            endpoints: 0,
            dead: 0,
            set: Vec::new(),
        }
    }
}

impl Scenario {
    /// One of ours by its name, or a file by its path.
    pub fn load(name: &str) -> anyhow::Result<Self> {
        let ours = BUILT_IN.iter().find(|(it, _)| *it == name).map(|(_, text)| (*text).to_owned());
        let text = match ours {
            Some(text) => text,
            None if Path::new(name).extension().is_some_and(|it| it == "toml") => {
                std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?
            }
            None => anyhow::bail!("there is no scenario {name:?}; there are\n{}", Self::list()),
        };
        let scenario: Self = toml::from_str(&text).with_context(|| format!("scenario {name}"))?;
        Ok(Self { name: name.to_owned(), ..scenario })
    }

    /// What there is, for people.
    pub fn list() -> String {
        let line = |(name, text): &(&str, &str)| {
            let about = toml::from_str::<Self>(text).map(|it| it.about).unwrap_or_default();
            format!("  {name:<16} {about}\n")
        };
        BUILT_IN.iter().map(line).collect()
    }

    /// How long the client's threads sleep between two looks.
    pub const fn reader_pause(&self) -> Duration {
        Duration::from_micros(self.reader_pause_us)
    }

    /// Events that one change makes, on the floor.
    pub const fn burst(&self) -> usize {
        match self.change {
            Change::Eta | Change::Life | Change::Bus => 1,
            Change::Tickets => self.stations + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_ours_is_readable_and_says_what_it_is_for() {
        for (name, _) in BUILT_IN {
            let scenario = Scenario::load(name).unwrap();
            assert!(!scenario.about.is_empty(), "{name}");
        }
        assert!(Scenario::load("nothing").is_err());
    }
}
