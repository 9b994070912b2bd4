//! The database's clock → this node's: every due time, lease and event time of a cluster is by one clock.

use std::time::Instant;

use anyhow::Context;
use jiff::SignedDuration;
use metrics::gauge;

use crate::{
    app::App,
    telemetry::metric,
    workers::{Step, Worker},
};

/// A machine whose clock is wrong by more needs somebody's attention.
const NOTEWORTHY: SignedDuration = SignedDuration::from_secs(1);

/// Measures how far the machine's clock is from the database's, and corrects ours.
pub struct ClockSync {
    app: App,
    measured_at: Option<Instant>,
    /// What was warned of last.
    warned: Option<SignedDuration>,
}

impl ClockSync {
    /// After the first measurement. Nothing that holds a time must have been stored before.
    pub async fn measured(app: App) -> anyhow::Result<Self> {
        let mut first = Self { app, measured_at: None, warned: None };
        first.measure().await.context("cannot read the database's clock")?;
        Ok(first)
    }

    async fn measure(&mut self) -> anyhow::Result<()> {
        self.measured_at = Some(Instant::now());
        let clock = &self.app.clock;
        self.app.db.correct(clock).await?;
        let offset = clock.offset();
        gauge!(metric::CLOCK_OFFSET_SECONDS).set(offset.as_secs_f64());
        if offset.abs() <= NOTEWORTHY {
            self.warned = None;
        } else if self.warned.is_none_or(|warned| (offset - warned).abs() > NOTEWORTHY) {
            self.warned = Some(offset);
            let (seconds, which) = (offset.as_secs_f64().abs(), ahead_or_behind(offset));
            tracing::warn!(
                "the clock of this machine is {seconds:.3} s {which} the database's, which is used instead; check its time synchronisation"
            );
        }
        Ok(())
    }
}

/// Where the machine's clock stands when this must be added to it.
const fn ahead_or_behind(offset: SignedDuration) -> &'static str {
    if offset.is_negative() { "ahead of" } else { "behind" }
}

impl Worker for ClockSync {
    const NAME: &'static str = "clock_sync";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let every = *self.app.config.database.clock_every;
        if self.measured_at.is_none_or(|at| at.elapsed() >= every) {
            self.measure().await?;
        }
        Ok(Step::Idle)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(*self.app.config.database.clock_every).await;
    }
}
