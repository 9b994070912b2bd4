//! A notification: one thing that one person is told of one order by one channel, and how far it has come.

use jiff::Timestamp;

use crate::domain::vocabulary::vocabulary;

vocabulary! {
    /// Who is told.
    pub enum Audience {
        /// Whoever ordered.
        Customer = "customer",
        /// Whoever answers for the store.
        Store = "store",
    }
}

vocabulary! {
    /// By what a person is reached.
    pub enum MessageChannel {
        /// WhatsApp.
        WhatsApp = "whatsapp",
        /// A text message.
        Sms = "sms",
    }
}

vocabulary! {
    /// What a message is for, in WhatsApp's words. People agree to each by itself.
    pub enum Category {
        /// News of an order that they placed.
        Utility = "utility",
        /// Anything meant to sell.
        Marketing = "marketing",
    }
}

vocabulary! {
    /// What somebody has said of being written to.
    pub enum Decision {
        /// They want it.
        Granted = "granted",
        /// They do not, or not any more.
        Withdrawn = "withdrawn",
    }
}

vocabulary! {
    /// How far a notification has come. Those from `failed` on are ends without a message.
    pub enum NotificationState {
        /// To be sent when it is due.
        Queued = "queued",
        /// On its way to the channel: from here on it may have been sent.
        Sending = "sending",
        /// Nobody knows whether the channel took it: the reply was lost. It is never sent again by itself.
        Held = "held",
        /// The channel has taken it.
        Accepted = "accepted",
        /// The channel has sent it on.
        Sent = "sent",
        /// It is on the person's phone.
        Delivered = "delivered",
        /// The person has opened it.
        Read = "read",
        /// The channel could not, or would not.
        Failed = "failed",
        /// Held until the deadline, and nothing was heard of it: it may or may not have arrived.
        Unconfirmed = "unconfirmed",
        /// It was worth nothing any more.
        Expired = "expired",
        /// There was something newer to say.
        Superseded = "superseded",
        /// The customer was watching the live page.
        Suppressed = "suppressed",
        /// The person has not agreed to it, or not any more.
        NoConsent = "no_consent",
    }
}

use NotificationState::{
    Accepted, Delivered, Expired, Failed, Held, NoConsent, Queued, Read, Sending, Sent, Superseded,
    Suppressed, Unconfirmed,
};

impl NotificationState {
    /// What follows when the channel reports `receipt`: receipts come in any order, twice, or before our own note that it was taken. Rank
    /// only rises, and a failure stays one; `None` when nothing follows.
    pub fn after(self, receipt: ReceiptStatus) -> Option<Self> {
        let told = match receipt {
            ReceiptStatus::Sent => Sent,
            ReceiptStatus::Delivered => Delivered,
            ReceiptStatus::Read => Read,
            // What has arrived has not failed.
            ReceiptStatus::Failed if self.rank()? < Delivered.rank()? => return Some(Failed),
            ReceiptStatus::Failed => return None,
        };
        (self.rank()? < told.rank()?).then_some(told)
    }

    /// How far along; `None` for ends that no receipt can change. What went out and was given up on may still turn out to have arrived.
    const fn rank(self) -> Option<u8> {
        Some(match self {
            Queued | Sending | Held | Unconfirmed => 0,
            Accepted => 1,
            Sent => 2,
            Delivered => 3,
            Read => 4,
            Failed | Expired | Superseded | Suppressed | NoConsent => return None,
        })
    }
}

vocabulary! {
    /// What a channel reports of a message that it has taken.
    pub enum ReceiptStatus {
        /// Sent on.
        Sent = "sent",
        /// On the phone.
        Delivered = "delivered",
        /// Opened.
        Read = "read",
        /// Could not be delivered.
        Failed = "failed",
    }
}

/// What came of one attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The channel has taken it, and calls it this.
    Accepted {
        /// The channel's name for the message, where it gives one.
        provider_id: Option<String>,
    },
    /// It was not taken, and may be later.
    Again {
        /// Not before this moment, where somebody said so.
        not_before: Option<Timestamp>,
        /// Whether it counts as a try: what was never sent does not.
        counts: bool,
        /// Why.
        why: Trouble,
    },
    /// Nobody knows.
    Held(Trouble),
    /// It was not taken, and will never be like this.
    Failed {
        /// Why.
        why: Trouble,
        /// Whether another channel may do better.
        fall_back: bool,
    },
}

/// Why something was not sent, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The channel's number for it, or a word of ours.
    pub code: String,
    /// For whoever looks at it. Nothing secret, nobody's number.
    pub note: String,
}

impl Trouble {
    /// What others say is cut, and freed of what no database takes.
    pub fn new(code: &str, note: impl AsRef<str>) -> Self {
        Self { code: plain(code, LONGEST_CODE), note: plain(note.as_ref(), LONGEST_NOTE) }
    }
}

/// The longest code, note and name of a message that are kept, in characters.
const LONGEST_CODE: usize = 64;
const LONGEST_NOTE: usize = 300;
const LONGEST_NAME: usize = 256;

impl Fate {
    /// The channel has taken it, and calls it this.
    pub fn accepted(provider_id: Option<&str>) -> Self {
        Self::Accepted { provider_id: provider_id.map(|it| plain(it, LONGEST_NAME)) }
    }
}

fn plain(text: &str, longest: usize) -> String {
    text.chars().filter(|it| !it.is_control()).take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_only_raise_and_a_failure_stays() {
        assert_eq!(Accepted.after(ReceiptStatus::Sent), Some(Sent));
        assert_eq!(Delivered.after(ReceiptStatus::Sent), None);
        assert_eq!(Sent.after(ReceiptStatus::Read), Some(Read));
        assert_eq!(Read.after(ReceiptStatus::Delivered), None);
        assert_eq!(Delivered.after(ReceiptStatus::Delivered), None);
        // Before our own commit that it was taken, and after its reply was lost.
        for early in [Sending, Held, Unconfirmed, Queued] {
            assert_eq!(early.after(ReceiptStatus::Delivered), Some(Delivered), "{early}");
            assert_eq!(early.after(ReceiptStatus::Failed), Some(Failed), "{early}");
        }
        assert_eq!(Sent.after(ReceiptStatus::Failed), Some(Failed));
        assert_eq!(Delivered.after(ReceiptStatus::Failed), None);
        for receipt in ReceiptStatus::ALL {
            for end in [Failed, Expired, Superseded, Suppressed, NoConsent] {
                assert_eq!(end.after(*receipt), None, "{end} {receipt}");
            }
        }
    }
}
