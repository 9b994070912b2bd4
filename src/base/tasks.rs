//! The only door to `tokio::spawn`: what is spawned here is awaited at shutdown.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use metrics::{NoopRecorder, with_local_recorder};
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Receives the metrics of one server.
pub type Recorder = Arc<dyn metrics::Recorder + Send + Sync>;

/// Spawns, counts and stops.
#[derive(Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    recorder: Recorder,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tasks").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Default for Tasks {
    /// Tasks whose metrics are dropped.
    fn default() -> Self {
        Self::new(Arc::new(NoopRecorder))
    }
}

impl Tasks {
    /// Tasks whose metrics go to `recorder`. The recorder is not global, because several servers may run in one process.
    pub fn new(recorder: Recorder) -> Self {
        Self { tracker: TaskTracker::new(), stop: CancellationToken::new(), recorder }
    }

    /// Tasks that end separately, with the same recorder.
    #[must_use]
    pub fn separate(&self) -> Self {
        Self::new(Arc::clone(&self.recorder))
    }

    /// Starts a task that will be waited for. It must heed [`Tasks::stop`].
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(self.recorded(work));
    }

    /// Starts a task on a thread of its own, for work that keeps a thread busy. It must heed [`Tasks::stop`].
    pub fn spawn_blocking(&self, work: impl Future<Output = ()> + Send + 'static) {
        let runtime = Handle::current();
        let work = self.recorded(work);
        self.tracker.spawn_blocking(move || runtime.block_on(work));
    }

    /// Runs work that is not a task, such as a start, with the recorder of the tasks.
    pub fn recorded<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        Recorded { work: Some(work), recorder: Arc::clone(&self.recorder) }
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

pin_project! {
    /// Work whose metrics go to one recorder, those of its drop included.
    struct Recorded<F> {
        #[pin]
        work: Option<F>,
        recorder: Recorder,
    }

    impl<F> PinnedDrop for Recorded<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            with_local_recorder(&**this.recorder, || this.work.set(None));
        }
    }
}

impl<F: Future> Future for Recorded<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.work.as_pin_mut() {
            Some(work) => with_local_recorder(&**this.recorder, || work.poll(context)),
            // Only a drop takes the work out, and nothing is polled after it.
            None => Poll::Pending,
        }
    }
}
