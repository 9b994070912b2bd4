//! HTTP → inbox: stores the calls of partners that come at the same time.

use crate::{
    app::{App, intake::Gathered},
    workers::{Step, Worker},
};

/// Stores calls, many in one transaction.
pub struct Gather {
    app: App,
    gathered: Gathered,
}

impl Gather {
    /// Of the calls that come in at this process.
    pub const fn new(app: App, gathered: Gathered) -> Self {
        Self { app, gathered }
    }
}

impl Worker for Gather {
    const NAME: &'static str = "gather";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let calls = self.gathered.store(&self.app).await;
        Ok(if calls == 0 { Step::Idle } else { Step::Worked })
    }

    async fn wait(&mut self) {
        self.gathered.wait().await;
    }

    async fn leave(mut self) {
        self.gathered.close();
        while self.gathered.store(&self.app).await > 0 {}
    }
}
