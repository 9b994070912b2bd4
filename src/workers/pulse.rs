//! Time → hub: pings, silence and the ends of tokens, for all sockets of this node.

use std::time::Duration;

use crate::{
    app::App,
    workers::{Step, Worker},
};

/// Turns the hub's wheel.
pub struct Pulse {
    app: App,
    tick: Duration,
}

impl Pulse {
    /// As fast as the hub wants it.
    pub fn new(app: App) -> Self {
        Self { tick: app.hub.tick(), app }
    }
}

impl Worker for Pulse {
    const NAME: &'static str = "pulse";

    async fn step(&mut self) -> anyhow::Result<Step> {
        self.app.hub.beat(self.app.clock.now());
        Ok(Step::Idle)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.tick).await;
    }
}
