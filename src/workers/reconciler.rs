//! Partners → inbox: asks where orders are that have stood still, and which are open.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    app::{App, reconcile},
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

    /// Whether it is time to ask a partner for its open orders; if so, it has been asked.
    fn is_time(&mut self, partner: &str) -> bool {
        let (now, every) = (self.app.clock.now(), *self.app.config.outbound.reconcile_after);
        let is_time = |last: &Timestamp| last.saturating_add(every).is_ok_and(|it| it <= now);
        let due = self.asked.get(partner).is_none_or(is_time);
        if due {
            self.asked.insert(partner.to_owned(), now);
        }
        due
    }
}

impl Worker for Reconciler {
    const NAME: &'static str = "reconciler";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let partners: Vec<String> = self.app.outgoing.partners().map(str::to_owned).collect();
        let mut found = Step::Idle;
        for partner in partners {
            if self.is_time(&partner) {
                reconcile::open(&self.app, &partner).await?;
            }
            if reconcile::orders(&self.app, &partner).await? > 0 {
                found = Step::Worked;
            }
        }
        Ok(found)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
