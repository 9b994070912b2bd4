//! The events of all orders for one process, with its gaps announced.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bus::mailbox::{Mail, Mailbox};

/// What a feed says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedItem {
    /// An event envelope, as JSON.
    Message(Bytes),
    /// From here on events may be missing.
    Lost,
    /// From here on no event is missing. Whoever reads the store now has missed nothing. Also a feed's first word, when
    /// it has not had to begin with [`FeedItem::Lost`].
    Restored,
}

/// This process's own subscription to every event.
#[derive(Debug)]
pub struct NodeFeed {
    source: Source,
    owes_restored: bool,
}

#[derive(Debug)]
enum Source {
    Local { mailbox: Arc<Mailbox>, stop: CancellationToken },
    Rabbit(mpsc::Receiver<FeedItem>),
}

impl NodeFeed {
    pub(in crate::bus) const fn local(mailbox: Arc<Mailbox>, stop: CancellationToken) -> Self {
        Self { source: Source::Local { mailbox, stop }, owes_restored: true }
    }

    pub(in crate::bus) const fn rabbit(items: mpsc::Receiver<FeedItem>) -> Self {
        Self { source: Source::Rabbit(items), owes_restored: false }
    }

    /// Waits for the next item; `None` once the bus is closed. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<FeedItem> {
        if std::mem::take(&mut self.owes_restored) {
            return Some(FeedItem::Restored);
        }
        match &mut self.source {
            Source::Rabbit(items) => items.recv().await,
            Source::Local { mailbox, stop } => {
                let mail = tokio::select! {
                    biased;
                    () = stop.cancelled() => return None,
                    mail = mailbox.next() => mail,
                };
                Some(self.item(mail))
            }
        }
    }

    /// What is there already, without waiting: for those who take a burst as a whole.
    pub fn try_next(&mut self) -> Option<FeedItem> {
        if std::mem::take(&mut self.owes_restored) {
            return Some(FeedItem::Restored);
        }
        match &mut self.source {
            Source::Rabbit(items) => items.try_recv().ok(),
            Source::Local { mailbox, .. } => mailbox.try_next().map(|mail| self.item(mail)),
        }
    }

    fn item(&mut self, mail: Mail) -> FeedItem {
        match mail {
            Mail::Message(body) => FeedItem::Message(body),
            Mail::Lost => {
                // What comes after an overflow is complete again, so the one word follows the other.
                self.owes_restored = true;
                FeedItem::Lost
            }
        }
    }
}
