//! Store → people: sends what is due, a bounded number at once, and writes down what came of it.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::sync::mpsc;

use crate::{
    app::{
        App,
        notify::{self, Claimed, Sent, Taken},
    },
    domain::MessageChannel,
    store::{Signal, Work},
    workers::{Step, Worker},
};

/// Messages looked at in one transaction.
const BATCH: usize = 32;

/// How often messages are looked for whose fate should be known by now.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Sends what is due.
pub struct Messages {
    app: App,
    signal: Signal,
    /// Messages under way. Each reports once, so there is always room.
    under_way: usize,
    report: mpsc::Sender<Sent>,
    reports: mpsc::Receiver<Sent>,
    /// What came of some, and is not written down yet.
    sent: Vec<Sent>,
    swept_at: Option<Instant>,
    /// Channels that have no turns left, and until when.
    resting: BTreeMap<MessageChannel, Instant>,
}

impl Messages {
    /// Listening from now on.
    pub fn new(app: App) -> Self {
        let (report, reports) = mpsc::channel(app.config.notify.at_once);
        Self {
            signal: app.db.signal(Work::Notifications),
            app,
            under_way: 0,
            report,
            reports,
            sent: Vec::new(),
            swept_at: None,
            resting: BTreeMap::new(),
        }
    }

    /// Writes down what came of messages. What cannot be written down is kept, and comes first the next time.
    async fn settle(&mut self) -> anyhow::Result<Step> {
        while let Ok(sent) = self.reports.try_recv() {
            self.sent.push(sent);
        }
        if self.sent.is_empty() {
            return Ok(Step::Idle);
        }
        notify::settle(&self.app, &self.sent).await?;
        self.under_way -= self.sent.len();
        self.sent.clear();
        Ok(Step::Worked)
    }

    async fn send(&mut self) -> anyhow::Result<Step> {
        let mut found = Step::Idle;
        for channel in MessageChannel::ALL {
            let free = self.app.config.notify.at_once.saturating_sub(self.under_way).min(BATCH);
            let Ok(limit @ 1..) = u32::try_from(free) else { return Ok(found) };
            if self.resting.get(channel).is_some_and(|until| Instant::now() < *until) {
                continue;
            }
            let Taken { looked_at, claimed, rest } =
                notify::take(&self.app, *channel, limit).await?;
            match rest {
                Some(rest) => drop(self.resting.insert(*channel, Instant::now() + rest)),
                None => drop(self.resting.remove(channel)),
            }
            for message in claimed {
                self.begin(message);
            }
            if looked_at > 0 {
                found = Step::Worked;
            }
        }
        Ok(found)
    }

    /// Sends a message in a task of its own, which reports once, whatever happens.
    fn begin(&mut self, message: Claimed) {
        self.under_way += 1;
        let (app, report) = (self.app.clone(), self.report.clone());
        self.app.tasks.spawn(async move {
            let row = message.row.clone();
            let sent = AssertUnwindSafe(notify::send(&app, message)).catch_unwind().await;
            let sent = sent.unwrap_or_else(|_| Sent::lost(row));
            // Only a worker that is gone does not listen: then the message is held until a receipt comes.
            let _is_heard = report.send(sent).await;
        });
    }

    /// When a channel may be used again that has no turns left.
    fn rested(&self) -> tokio::time::Instant {
        let soonest = self.resting.values().min().copied();
        soonest.unwrap_or_else(|| Instant::now() + SWEEP_EVERY).into()
    }
}

impl Worker for Messages {
    const NAME: &'static str = "messages";

    async fn step(&mut self) -> anyhow::Result<Step> {
        if self.swept_at.is_none_or(|it| SWEEP_EVERY <= it.elapsed()) {
            notify::sweep(&self.app).await?;
            self.swept_at = Some(Instant::now());
        }
        let settled = self.settle().await?;
        let sent = self.send().await?;
        Ok(if settled == Step::Worked || sent == Step::Worked { Step::Worked } else { Step::Idle })
    }

    async fn wait(&mut self) {
        let rested = self.rested();
        tokio::select! {
            () = self.signal.wait() => {}
            () = tokio::time::sleep_until(rested) => {}
            sent = self.reports.recv() => self.sent.extend(sent),
        }
    }

    /// What is under way is waited for: its fate would be unknown otherwise.
    async fn leave(mut self) {
        while self.sent.len() < self.under_way {
            match self.reports.recv().await {
                Some(sent) => self.sent.push(sent),
                None => break,
            }
        }
        if let Err(failure) = notify::settle(&self.app, &self.sent).await {
            tracing::warn!("what came of some messages could not be written down: {failure}");
        }
    }
}
