//! Throws away what has expired.

use std::time::{Duration, Instant};

use crate::{
    app::{App, notify},
    store::{audit, endpoints, idempotency},
    telemetry,
    workers::{Step, Worker},
};

/// How often expired rows are looked for.
const PURGE_EVERY: Duration = Duration::from_mins(10);

/// Entries of the audit log, and deliveries, that are thrown away in one transaction: a long one would keep the writers of SQLite waiting.
const PURGED_AT_ONCE: u32 = 1000;

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

impl Housekeeping {
    async fn purge_audit(&self) -> anyhow::Result<()> {
        let Ok(before) = self.app.clock.now().checked_sub(*self.app.config.outbound.audit_keep)
        else {
            return Ok(());
        };
        loop {
            let mut tx = self.app.db.begin().await?;
            let entries = audit::purge(&mut tx, before, PURGED_AT_ONCE).await?;
            tx.commit().await?;
            if entries < u64::from(PURGED_AT_ONCE) {
                return Ok(());
            }
        }
    }

    async fn purge_deliveries(&self) -> anyhow::Result<()> {
        let Ok(before) = self.app.clock.now().checked_sub(*self.app.config.endpoints.keep) else {
            return Ok(());
        };
        loop {
            let mut tx = self.app.db.begin().await?;
            let purged = endpoints::purge(&mut tx, before, PURGED_AT_ONCE).await?;
            tx.commit().await?;
            if purged < PURGED_AT_ONCE as usize {
                return Ok(());
            }
        }
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
            self.purge_audit().await?;
            self.purge_deliveries().await?;
            notify::purge(&self.app).await?;
            self.purged_at = Some(Instant::now());
        }
        Ok(Step::Idle)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(UPKEEP_EVERY).await;
    }
}
