//! The one dispatcher of the durable work queues: claims due jobs, attempts them beside each other, settles what they came to.
//!
//! A kind of job says what it claims, what one attempt does and how outcomes are settled ([`JobKind`]). The dispatcher
//! does the rest, the same for every kind: attempts run in tasks of their own and their number is bounded; an attempt
//! that panics has an outcome like any other; outcomes are settled together, many in one transaction; on shutdown no
//! more is claimed, and what is under way is awaited and settled.

use std::{hash::Hash, panic::AssertUnwindSafe, time::Instant};

use futures_util::FutureExt;
use metrics::counter;
use tokio::sync::mpsc;

use crate::{
    app::{App, Failure},
    base::load::Load,
    store::{Signal, Work},
    telemetry::metric,
    workers::{Step, Worker},
};

/// One kind of durable work.
pub trait JobKind: Send + Sized + 'static {
    /// As it appears in logs and metrics.
    const NAME: &'static str;
    /// The signal that says that there may be jobs.
    const WORK: Work;
    /// What shares a limit of concurrent attempts: a partner, an endpoint, a channel.
    type Partition: Clone + Eq + Hash + Send + Sync + 'static;
    /// A claimed job, with what its attempt needs.
    type Job: Send + Sync + 'static;
    /// What an attempt came to.
    type Outcome: Send + Sync + 'static;

    /// Attempts under way at once, over all partitions.
    fn capacity(&self) -> usize;

    /// The partition of a job.
    fn partition(job: &Self::Job) -> Self::Partition;

    /// Claims due jobs, no more than [`Load`] says that there is room for.
    fn claim(
        &mut self,
        app: &App,
        load: &Load<Self::Partition>,
    ) -> impl Future<Output = Result<Vec<Self::Job>, Failure>> + Send;

    /// Makes one attempt. It has a time limit of its own, shorter than the lease of the claim.
    fn attempt(app: &App, job: &Self::Job) -> impl Future<Output = Self::Outcome> + Send;

    /// The outcome of an attempt that panicked: how far it came is unknown.
    fn panicked(app: &App, job: &Self::Job) -> Self::Outcome;

    /// Stores what attempts came to. After an error nothing is stored, and the same outcomes come again.
    fn settle(
        &mut self,
        app: &App,
        done: &[Done<Self>],
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Settles and claims. A kind that can do both in one transaction replaces this. It empties `done` as soon as that is stored.
    fn poll(
        &mut self,
        app: &App,
        load: &Load<Self::Partition>,
        done: &mut Vec<Done<Self>>,
    ) -> impl Future<Output = Result<Vec<Self::Job>, Failure>> + Send {
        async move {
            if !done.is_empty() {
                self.settle(app, done).await?;
                done.clear();
            }
            self.claim(app, load).await
        }
    }

    /// Hears at once of each attempt that ended, before it is settled.
    fn finished(&mut self, _app: &App, _done: &Done<Self>) {}

    /// When to claim again although nothing signals it.
    fn wake_at(&self) -> Option<Instant> {
        None
    }
}

/// A job, and what its attempt came to.
pub struct Done<K: JobKind> {
    /// The job.
    pub job: K::Job,
    /// What it came to.
    pub outcome: K::Outcome,
}

/// Dispatches the jobs of one kind.
pub struct Dispatcher<K: JobKind> {
    app: App,
    kind: K,
    signal: Signal,
    load: Load<K::Partition>,
    /// There is room for every attempt under way, so no attempt waits to report.
    reports: mpsc::Receiver<Done<K>>,
    report: mpsc::Sender<Done<K>>,
    /// Ended attempts that are not settled yet.
    unsettled: Vec<Done<K>>,
}

impl<K: JobKind> Dispatcher<K> {
    /// Listens from now on.
    pub fn new(app: App, kind: K) -> Self {
        let capacity = kind.capacity().max(1);
        let (report, reports) = mpsc::channel(capacity);
        let (signal, load) = (app.db.signal(K::WORK), Load::new(capacity));
        Self { app, kind, signal, load, reports, report, unsettled: Vec::new() }
    }

    fn begin(&mut self, job: K::Job) {
        self.load.began(K::partition(&job));
        let (app, report) = (self.app.clone(), self.report.clone());
        self.app.tasks.spawn(async move {
            let attempt = AssertUnwindSafe(K::attempt(&app, &job)).catch_unwind().await;
            let outcome = attempt.unwrap_or_else(|_panic| {
                counter!(metric::WORKER_FAILURES, "worker" => K::NAME).increment(1);
                tracing::error!(worker = K::NAME, "an attempt panicked");
                K::panicked(&app, &job)
            });
            // The dispatcher stops only after it has received every report. One that was cut off leaves the lease to end.
            let _cut_off = report.send(Done { job, outcome }).await;
        });
    }

    fn end(&mut self, done: Done<K>) {
        self.load.ended(&K::partition(&done.job));
        self.kind.finished(&self.app, &done);
        self.unsettled.push(done);
    }
}

impl<K: JobKind> Worker for Dispatcher<K> {
    const NAME: &'static str = K::NAME;

    async fn step(&mut self) -> anyhow::Result<Step> {
        while let Ok(done) = self.reports.try_recv() {
            self.end(done);
        }
        let settles = !self.unsettled.is_empty();
        let jobs = self.kind.poll(&self.app, &self.load, &mut self.unsettled).await?;
        let idle = !settles && jobs.is_empty();
        for job in jobs {
            self.begin(job);
        }
        Ok(if idle { Step::Idle } else { Step::Worked })
    }

    async fn wait(&mut self) {
        let wake_at = self.kind.wake_at();
        let woken = async {
            match wake_at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.signal.wait() => {}
            () = woken => {}
            Some(done) = self.reports.recv() => self.end(done),
        }
    }

    /// Awaits the attempts under way and settles them, so that they are not repeated after the next start.
    async fn leave(mut self) {
        while self.load.total() > 0
            && let Some(done) = self.reports.recv().await
        {
            self.end(done);
        }
        if self.unsettled.is_empty() {
            return;
        }
        if let Err(failure) = self.kind.settle(&self.app, &self.unsettled).await {
            tracing::warn!(
                worker = K::NAME,
                "the outcomes of some attempts could not be stored: {failure}"
            );
        }
    }
}
