//! How partners are asked where their orders stand, for when their calls do not come.

use jiff::Timestamp;
use serde_json::Value;

use crate::{outbound::Request, partners::outbound::Line};

/// A question to a partner, with all that may be needed for it.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Names this one question.
    pub id: &'a str,
    /// By our clock.
    pub now: Timestamp,
    /// Where the partner is reached.
    pub line: &'a Line,
}

/// How one partner is asked. What it answers is turned into the calls that it would have made to say the same: they go the way of all
/// calls, are kept like them, and say nothing new where nothing is new.
pub trait Inquiry: Sync {
    /// The question where one order stands; `None` where it cannot be asked.
    fn about_order(
        &self,
        external_id: &str,
        contact: &Value,
        asking: &Asking<'_>,
    ) -> Option<Request>;

    /// What the answer to it says.
    fn said_of_order(&self, external_id: &str, answer: Value) -> Vec<Value>;

    /// The question which orders are open, so that those are found of which we never heard; `None` where it cannot be asked.
    fn about_open(&self, _asking: &Asking<'_>) -> Option<Request> {
        None
    }

    /// What the answer to it says.
    fn said_of_open(&self, _answer: Value) -> Vec<Value> {
        Vec::new()
    }
}
