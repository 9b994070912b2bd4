//! Time → orders: what nobody answers in time expires.

use std::time::Duration;

use crate::{
    app::{App, deadlines},
    workers::{Step, Worker},
};

/// How often it looks: deadlines are minutes away, and a kitchen's clock shows seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Ends orders whose time to be answered is over.
pub struct Deadlines {
    app: App,
}

impl Deadlines {
    /// For the orders of all stores.
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

impl Worker for Deadlines {
    const NAME: &'static str = "deadlines";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let ended = deadlines::step(&self.app).await?;
        Ok(if ended == 0 { Step::Idle } else { Step::Worked })
    }

    async fn wait(&mut self) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
