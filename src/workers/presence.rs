//! Hub → Redis: tells other processes what customers are watching by way of this one, so that nobody writes to them about it.

use std::collections::HashSet;

use crate::{
    app::{App, notify},
    cache::Watching,
    workers::{Step, Worker},
};

/// Who has not been heard of for so many rounds is gone.
const ROUNDS: u32 = 3;

/// Tells what is watched.
pub struct Presence {
    app: App,
    node: String,
    /// What others know; `None` when nobody knows what they know.
    told: Option<HashSet<String>>,
    /// Rounds since all of it was told: Redis may have lost what it knew.
    rounds: u32,
}

/// All of it is told every so many rounds.
const ALL_EVERY: u32 = 12;

impl Presence {
    /// Nothing has been told yet.
    pub fn new(app: App) -> Self {
        let node = app.mint.uuid(app.clock.now()).simple().to_string();
        Self { app, node, told: None, rounds: 0 }
    }
}

impl Worker for Presence {
    const NAME: &'static str = "presence";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let now: HashSet<_> = self
            .app
            .hub
            .watched_by_customers()
            .map(|it| notify::watched_name(&self.app, &it))
            .collect();
        self.rounds = (self.rounds + 1) % ALL_EVERY;
        let told = self.told.take().filter(|_| self.rounds != 0);
        let known = told.as_ref();
        let watching = Watching {
            is_all: known.is_none(),
            come: now
                .iter()
                .filter(|it| known.is_none_or(|known| !known.contains(*it)))
                .cloned()
                .collect(),
            gone: known.into_iter().flatten().filter(|it| !now.contains(*it)).cloned().collect(),
        };
        let ttl = self.app.config.notify.presence_every.saturating_mul(ROUNDS);
        if self.app.cache.tell_watching(&self.node, &watching, ttl).await {
            self.told = Some(now);
        }
        Ok(Step::Idle)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(*self.app.config.notify.presence_every).await;
    }
}
