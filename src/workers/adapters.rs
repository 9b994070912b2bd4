//! Files → partners: operators' own partners are taken up while the server runs.

use std::time::Duration;

use metrics::gauge;

use crate::{
    app::App,
    partners::Changes,
    telemetry::metric,
    workers::{Step, Worker},
};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Watches the folder of `adapters_dir`.
pub struct Adapters {
    app: App,
}

impl Adapters {
    /// For the partners of this process.
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

impl Worker for Adapters {
    const NAME: &'static str = "adapters";

    async fn step(&mut self) -> anyhow::Result<Step> {
        report(&self.app.partners.look()?);
        Ok(Step::Idle)
    }

    async fn wait(&mut self) {
        if self.app.config.adapters_dir.is_none() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Tells the operator what has changed.
pub fn report(changes: &Changes) {
    gauge!(metric::ADAPTERS_FAULTY).set(changes.faulty);
    for slug in &changes.defined {
        tracing::info!(partner = slug, "the adapter of {slug} is in force");
    }
    for fault in &changes.faults {
        tracing::error!(
            "an adapter has a fault, and its last good version, if any, stays in force: {fault}"
        );
    }
    if 0 < changes.gone {
        tracing::info!("{} adapters are gone", changes.gone);
    }
}
