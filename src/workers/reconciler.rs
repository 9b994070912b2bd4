//! Partners → inbox: asks where orders are that have stood still, and which are open.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    app::{App, Failure, reconcile},
    base::clock,
    workers::{Step, Worker},
};

/// How often it looks whether there is somebody to ask.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Asks partners what their calls have not told.
pub struct Reconciler {
    app: App,
    /// When each partner was last asked for its open orders.
    asked: BTreeMap<String, Timestamp>,
}

impl Reconciler {
    /// Of all partners that can be reached.
    pub const fn new(app: App) -> Self {
        Self { app, asked: BTreeMap::new() }
    }

    /// Whether it is time to ask a partner for its open orders.
    fn is_time(&self, partner: &str) -> bool {
        let (now, every) = (self.app.clock.now(), *self.app.config.outbound.reconcile_after);
        let is_time = |last: &Timestamp| clock::after(*last, every) <= now;
        self.asked.get(partner).is_none_or(is_time)
    }

    /// Asks one partner whatever it is time to ask; answers how many orders it was asked about.
    async fn ask(&mut self, partner: &str) -> Result<usize, Failure> {
        if self.is_time(partner) {
            reconcile::open(&self.app, partner).await?;
            self.asked.insert(partner.to_owned(), self.app.clock.now());
        }
        reconcile::orders(&self.app, partner).await
    }
}

impl Worker for Reconciler {
    const NAME: &'static str = "reconciler";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let partners: Vec<String> = self.app.outgoing.partners().map(str::to_owned).collect();
        let (mut found, mut failed) = (Step::Idle, None);
        for partner in partners {
            match self.ask(&partner).await {
                Ok(0) => {}
                Ok(_) => found = Step::Worked,
                // The others are asked all the same.
                Err(failure) => failed = Some(failure),
            }
        }
        failed.map_or(Ok(found), |it| Err(it.into()))
    }

    async fn wait(&mut self) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
