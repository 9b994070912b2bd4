//! Throws away what has expired, and gives up what nobody waits for any more.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::{
    app::{App, sealing},
    base::clock,
    config::Span,
    store::{StoreError, audit, endpoints, idempotency, inbox, notifications, partner_calls},
    workers::{Step, Worker},
};

/// How often expired rows are looked for.
const PURGE_EVERY: Duration = Duration::from_mins(10);

/// Rows that are dealt with in one transaction: a long one would keep the writers of SQLite waiting.
const AT_ONCE: u32 = 1000;

/// How often it is checked that every stored secret can be opened.
const INSPECT_EVERY: Duration = Duration::from_mins(1);

/// How often the metrics are tidied, as their exporter asks for.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// What there is to do, some rows at a time.
#[derive(Clone, Copy)]
enum Chore {
    /// Calls that are parked and came before.
    SetAside { parked_before: Timestamp },
    /// What nobody told in time.
    GiveUp,
    /// What partners were told before.
    ForgetTold { before: Timestamp },
    /// What was said to them then.
    ForgetLogged { before: Timestamp },
    /// What the restaurant's own systems were told before.
    ForgetDelivered { before: Timestamp },
    /// What people were told before.
    ForgetNotified { before: Timestamp },
    /// Partners' calls that are done with, and came before.
    ForgetCalls { before: Timestamp },
}

/// Throws away what has expired.
pub struct Housekeeping {
    app: App,
    purged_at: Option<Instant>,
    inspected_at: Option<Instant>,
}

impl Housekeeping {
    /// The first purge comes at once.
    pub const fn new(app: App) -> Self {
        Self { app, purged_at: None, inspected_at: None }
    }

    async fn purge(&self) -> anyhow::Result<()> {
        let now = self.app.clock.now();
        let ago = |span: Span| clock::before(now, *span);
        let mut tx = self.app.db.begin().await?;
        let keys = idempotency::purge(&mut tx, now).await?;
        tx.commit().await?;
        tracing::debug!(keys, "expired idempotency keys are gone");
        let config = &self.app.config;
        let parked = ago(config.workers.parked_for);
        let dead = self.each(Chore::SetAside { parked_before: parked }, now).await?;
        if 0 < dead {
            tracing::warn!("{dead} calls of partners have waited too long and are set aside");
        }
        let late = self.each(Chore::GiveUp, now).await?;
        if 0 < late {
            tracing::warn!("{late} things could not be told to partners in time");
        }
        self.each(Chore::ForgetTold { before: ago(config.outbound.calls_keep) }, now).await?;
        self.each(Chore::ForgetLogged { before: ago(config.outbound.audit_keep) }, now).await?;
        self.each(Chore::ForgetDelivered { before: ago(config.endpoints.keep) }, now).await?;
        self.each(Chore::ForgetNotified { before: ago(config.notify.keep) }, now).await?;
        self.each(Chore::ForgetCalls { before: ago(config.workers.calls_keep) }, now).await?;
        Ok(())
    }

    /// Deals with rows until fewer are left than go at once; answers how many there were.
    async fn each(&self, chore: Chore, now: Timestamp) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let mut tx = self.app.db.begin().await?;
            let rows = match chore {
                Chore::SetAside { parked_before } => {
                    inbox::abandon(&mut tx, parked_before, now, AT_ONCE).await?
                }
                Chore::GiveUp => partner_calls::give_up(&mut tx, now, AT_ONCE).await?,
                Chore::ForgetTold { before } => {
                    partner_calls::purge(&mut tx, before, AT_ONCE).await?
                }
                Chore::ForgetLogged { before } => audit::purge(&mut tx, before, AT_ONCE).await?,
                Chore::ForgetDelivered { before } => {
                    endpoints::purge(&mut tx, before, AT_ONCE).await? as u64
                }
                Chore::ForgetCalls { before } => inbox::purge(&mut tx, before, AT_ONCE).await?,
                Chore::ForgetNotified { before } => {
                    notifications::purge(&mut tx, before, AT_ONCE).await?
                }
            };
            tx.commit().await?;
            all += rows;
            if rows < u64::from(AT_ONCE) {
                return Ok(all);
            }
        }
    }
}

impl Worker for Housekeeping {
    const NAME: &'static str = "housekeeping";

    async fn step(&mut self) -> anyhow::Result<Step> {
        self.app.metrics.run_upkeep();
        if self.purged_at.is_none_or(|it| PURGE_EVERY <= it.elapsed()) {
            self.purge().await?;
            self.purged_at = Some(Instant::now());
        }
        if self.inspected_at.is_none_or(|at| at.elapsed() >= INSPECT_EVERY) {
            sealing::inspect_own(&self.app).await?.report();
            self.inspected_at = Some(Instant::now());
        }
        Ok(Step::Idle)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(UPKEEP_EVERY).await;
    }
}
