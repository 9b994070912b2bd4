//! What every channel provides: words for a message, and a judgement of the answer.

use jiff::Timestamp;

use crate::{
    domain::{Fate, NotificationId, Trouble},
    messaging::template::Worded,
    outbound::{Exchange, Request},
};

/// Something to be sent to one person.
#[derive(Clone, Debug)]
pub struct Message {
    /// The notification: comes back with receipts, where the channel can do that.
    pub id: NotificationId,
    /// Whom, in E.164.
    pub to: String,
    /// What.
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A template with its parameters.
    Template(Worded),
    /// Plain words, in answer to somebody who wrote to us.
    Text(String),
}

impl Content {
    /// What the person will read.
    pub fn text(&self) -> &str {
        match self {
            Self::Template(worded) => &worded.text,
            Self::Text(text) => text,
        }
    }
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// For this message alone.
    Fate(Fate),
    /// The template cannot be used at present, by anybody; the message may go in other words.
    TemplateStopped(Trouble),
    /// Our account there is of no use until somebody has mended it; the message itself is all right.
    AccountBroken(Trouble),
}

/// One channel.
pub trait Carrier: Send + Sync {
    /// What it is called in metrics, and in the audit log.
    fn name(&self) -> &'static str;

    /// The request that sends a message; `None` when writing it down is all there is to do.
    fn word(&self, message: &Message) -> Result<Option<Request>, Trouble>;

    /// What came of it. `attempts` counts this one.
    fn judge(&self, exchange: &Exchange, attempts: u32, now: Timestamp) -> Judgement;
}
