//! The events of all orders for one process, with its gaps announced.

use bytes::Bytes;
use tokio::sync::{
    broadcast::{self, error::RecvError, error::TryRecvError},
    mpsc,
};
use tokio_util::sync::CancellationToken;

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
    Local { events: broadcast::Receiver<Bytes>, stop: CancellationToken },
    Rabbit(mpsc::Receiver<FeedItem>),
}

impl NodeFeed {
    pub(in crate::bus) const fn local(
        events: broadcast::Receiver<Bytes>,
        stop: CancellationToken,
    ) -> Self {
        Self { source: Source::Local { events, stop }, owes_restored: true }
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
            Source::Local { events, stop } => {
                let event = tokio::select! {
                    biased;
                    () = stop.cancelled() => return None,
                    event = events.recv() => event,
                };
                match event {
                    Ok(body) => Some(FeedItem::Message(body)),
                    Err(RecvError::Lagged(_)) => Some(self.lost()),
                    Err(RecvError::Closed) => None,
                }
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
            Source::Local { events, .. } => match events.try_recv() {
                Ok(body) => Some(FeedItem::Message(body)),
                Err(TryRecvError::Lagged(_)) => Some(self.lost()),
                Err(TryRecvError::Empty | TryRecvError::Closed) => None,
            },
        }
    }

    /// What comes after an overflow is complete again, so the one word follows the other.
    const fn lost(&mut self) -> FeedItem {
        self.owes_restored = true;
        FeedItem::Lost
    }
}
