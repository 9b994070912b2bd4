//! Store → people: sends the notifications that are due, a bounded number at once.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    app::{
        App, Failure,
        notify::{self, Claimed, Sent, Taken},
    },
    base::load::Load,
    domain::MessageChannel,
    store::Work,
    workers::dispatcher::{Done, JobKind},
};

/// Messages looked at in one transaction.
const BATCH: usize = 32;

/// How often messages are looked for whose leases or receipts are overdue.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Messages to people.
pub struct Messages {
    /// Messages under way at once.
    at_once: usize,
    swept_at: Option<Instant>,
    /// Channels whose pace allows nothing more, and until when.
    resting: BTreeMap<MessageChannel, Instant>,
    /// Whether the last claim looked at any: there may be more.
    is_more: bool,
}

impl Messages {
    /// By every channel.
    pub fn new(app: &App) -> Self {
        let at_once = app.config.notify.at_once;
        Self { at_once, swept_at: None, resting: BTreeMap::new(), is_more: false }
    }

    fn is_resting(&self, channel: MessageChannel) -> bool {
        self.resting.get(&channel).is_some_and(|until| Instant::now() < *until)
    }
}

impl JobKind for Messages {
    const NAME: &'static str = "messages";
    const WORK: Work = Work::Notifications;
    type Partition = MessageChannel;
    type Job = Claimed;
    type Outcome = Sent;

    fn capacity(&self) -> usize {
        self.at_once
    }

    fn partition(message: &Claimed) -> MessageChannel {
        message.row.channel
    }

    async fn claim(
        &mut self,
        app: &App,
        load: &Load<MessageChannel>,
    ) -> Result<Vec<Claimed>, Failure> {
        if self.swept_at.is_none_or(|swept_at| swept_at.elapsed() >= SWEEP_EVERY) {
            notify::sweep(app).await?;
            self.swept_at = Some(Instant::now());
        }
        let mut all = Vec::new();
        self.is_more = false;
        for channel in MessageChannel::ALL {
            let free = load.free().saturating_sub(all.len()).min(BATCH);
            let Ok(limit @ 1..) = u32::try_from(free) else { break };
            if self.is_resting(*channel) {
                continue;
            }
            let taken = match notify::take(app, *channel, limit).await {
                Err(failure) if !all.is_empty() => {
                    // What was claimed of another channel is this process's to send.
                    tracing::warn!(channel = %channel, "no messages were taken: {failure}");
                    self.is_more = true;
                    break;
                }
                taken => taken?,
            };
            let Taken { looked_at, claimed, rest } = taken;
            match rest {
                Some(rest) => drop(self.resting.insert(*channel, Instant::now() + rest)),
                None => drop(self.resting.remove(channel)),
            }
            all.extend(claimed);
            self.is_more |= looked_at > 0;
        }
        Ok(all)
    }

    async fn attempt(app: &App, message: &Claimed) -> Sent {
        notify::send(app, message).await
    }

    /// Whether it was sent is unknown, so it is not sent again.
    fn panicked(_app: &App, message: &Claimed) -> Sent {
        Sent::lost(message.row.clone())
    }

    async fn settle(&mut self, app: &App, done: &[Done<Self>]) -> Result<(), Failure> {
        let sent: Vec<_> = done.iter().map(|done| &done.outcome).collect();
        notify::settle(app, &sent).await
    }

    fn wake_at(&self) -> Option<Instant> {
        let now = Instant::now();
        if self.is_more {
            return Some(now);
        }
        let rested = self.resting.values().min().copied();
        Some(rested.unwrap_or(now + SWEEP_EVERY).min(now + SWEEP_EVERY))
    }
}
