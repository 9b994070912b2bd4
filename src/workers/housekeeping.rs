//! Throws away what has expired.

use std::time::{Duration, Instant};

use crate::{
    app::App,
    store::idempotency,
    telemetry,
    workers::{Step, Worker},
};

/// How often expired rows are looked for.
const PURGE_EVERY: Duration = Duration::from_mins(10);

/// How often the metrics are tidied, as their exporter asks for.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Throws away what has expired.
pub struct Housekeeping {
    app: App,
    purged_at: Option<Instant>,
}

impl Housekeeping {
    /// The first purge comes at once.
    pub const fn new(app: App) -> Self {
        Self { app, purged_at: None }
    }
}

impl Worker for Housekeeping {
    const NAME: &'static str = "housekeeping";

    async fn step(&mut self) -> anyhow::Result<Step> {
        telemetry::metrics().run_upkeep();
        if self.purged_at.is_none_or(|it| PURGE_EVERY <= it.elapsed()) {
            let mut tx = self.app.db.begin().await?;
            let keys = idempotency::purge(&mut tx, self.app.clock.now()).await?;
            tx.commit().await?;
            tracing::debug!(keys, "expired idempotency keys are gone");
            self.purged_at = Some(Instant::now());
        }
        Ok(Step::Idle)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(UPKEEP_EVERY).await;
    }
}
