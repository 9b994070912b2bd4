//! The channel of a server without credentials: what would have been sent is written down, and can be looked at.

use jiff::Timestamp;

use crate::{
    domain::{Fate, Trouble},
    messaging::{Carrier, Judgement, Message},
    outbound::{Exchange, Request},
};

/// Messages that go nowhere.
pub struct LocalOutbox;

impl Carrier for LocalOutbox {
    fn name(&self) -> &'static str {
        "local"
    }

    fn word(&self, _: &Message) -> Result<Option<Request>, Trouble> {
        Ok(None)
    }

    fn judge(&self, _: &Exchange, _: u32, _: Timestamp) -> Judgement {
        Judgement::Fate(Fate::Accepted { provider_id: None })
    }
}
