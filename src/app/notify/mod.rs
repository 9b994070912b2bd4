//! Nobody misses it: who is told what, sent once, and followed until it has arrived.
//!
//! Events become rows ([`note`]), rows that are due are looked at and claimed ([`take`]), what was claimed is sent ([`send`]), what came
//! of it is written down ([`settle`]), and what channels report moves rows on ([`receive`]). A row is moved to `sending` before its request
//! is made, and never sent again by itself once it may have gone out.

mod decide;
mod evaluate;
mod facts;
mod heard;
mod listing;
mod pace;
mod receipts;
mod row;
mod rules;
mod select;
mod send;
mod settle;
mod take;
mod wording;

use std::collections::HashMap;

use jiff::Timestamp;
use parking_lot::Mutex;

pub use self::{
    facts::watched_name,
    listing::{Told, list, read, retry, told},
    receipts::{Handshake, handshake, receive},
    rules::{Stops, release_template, rules_of, set_rules, templates},
    select::note,
    send::{Sent, send},
    settle::{settle, sweep},
    take::{Claimed, Taken, take},
};
use crate::{
    app::App,
    base::{
        circuit_breaker::{CircuitBreaker, CircuitConfig, CircuitState},
        clock,
    },
    config::Config,
    domain::MessageChannel,
    messaging::{BadTemplates, Carriers, Catalogue, Unusable},
};

/// What people are written to with.
pub struct Messaging {
    /// The channels.
    pub carriers: Carriers,
    /// The words.
    pub catalogue: Catalogue,
    /// Channels whose account there is of no use. Only those that have said so.
    circuits: Mutex<HashMap<MessageChannel, CircuitBreaker>>,
}

/// Messages cannot be sent as configured. For the operator.
#[derive(Debug, thiserror::Error)]
pub enum CannotNotify {
    /// The channels.
    #[error(transparent)]
    Channels(#[from] Unusable),
    /// The words.
    #[error(transparent)]
    Templates(#[from] BadTemplates),
    /// A place in a template that nothing can fill, or a rule that cannot be.
    #[error("`notify.templates_file`: {0}")]
    Parameter(String),
}

impl Messaging {
    /// As configured.
    pub fn new(config: &Config) -> Result<Self, CannotNotify> {
        let catalogue = Catalogue::new(config.notify.templates_file.as_deref())?;
        if let Some(fault) = rules::unknown_parameter(&catalogue) {
            return Err(CannotNotify::Parameter(fault));
        }
        if let Some(fault) = rules::faults(&catalogue, catalogue.usual_rules()).first() {
            return Err(CannotNotify::Parameter(format!("{} {}", fault.field, fault.message)));
        }
        Ok(Self { carriers: Carriers::new(config)?, catalogue, circuits: Mutex::default() })
    }

    /// Whether a message may be sent by this channel now; if not, the time of the next probe.
    fn admit(&self, app: &App, channel: MessageChannel, now: Timestamp) -> Result<(), Timestamp> {
        let mut circuits = self.circuits.lock();
        circuits.get_mut(&channel).map_or(Ok(()), |circuit| circuit.admit(config(app), now))
    }

    /// A channel's account cannot be used; answers from when on it is tried again.
    fn broken(&self, app: &App, channel: MessageChannel, now: Timestamp) -> Timestamp {
        let mut circuits = self.circuits.lock();
        let circuit = circuits.entry(channel).or_default();
        circuit.failed(config(app), now);
        clock::after(now, config(app).rest)
    }

    /// A channel's account can be used.
    fn works(&self, channel: MessageChannel) {
        self.circuits.lock().remove(&channel);
    }

    /// The state of a channel's circuit.
    pub fn circuit(&self, channel: MessageChannel, now: Timestamp) -> CircuitState {
        let circuits = self.circuits.lock();
        circuits.get(&channel).map_or(CircuitState::Closed, |circuit| circuit.state(now))
    }
}

fn config(app: &App) -> CircuitConfig {
    CircuitConfig { failures: 1, rest: *app.config.whatsapp.rest }
}
