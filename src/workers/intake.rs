//! Inbox → orders: applies the stored calls of partners.

use crate::{
    app::{App, intake},
    store::{Signal, Work},
    workers::{Step, Worker},
};

/// Applies stored calls.
pub struct Intake {
    app: App,
    signal: Signal,
}

impl Intake {
    /// Listening from now on.
    pub fn new(app: App) -> Self {
        Self { signal: app.db.signal(Work::Inbox), app }
    }
}

impl Worker for Intake {
    const NAME: &'static str = "intake";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let calls = intake::step(&self.app).await?;
        Ok(if calls == 0 { Step::Idle } else { Step::Worked })
    }

    async fn wait(&mut self) {
        self.signal.wait().await;
    }
}
