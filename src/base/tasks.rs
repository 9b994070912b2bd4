//! The only door to `tokio::spawn`: what is spawned here is awaited at shutdown.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Spawns, counts and stops.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts a task that will be waited for. It must heed [`Tasks::stop`].
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(work);
    }

    /// Starts a task on a thread of its own, for work that keeps a thread busy. It must heed [`Tasks::stop`].
    pub fn spawn_blocking(&self, work: impl Future<Output = ()> + Send + 'static) {
        let runtime = Handle::current();
        self.tracker.spawn_blocking(move || runtime.block_on(work));
    }

    /// Resolves when it is time to finish.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// How many are running.
    pub fn count(&self) -> usize {
        self.tracker.len()
    }

    /// Asks everybody to finish; answers whether they did within `grace`.
    pub async fn shut_down(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }
}
