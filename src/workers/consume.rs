//! Bus → store: durable consumers, which note what events say in one transaction for many.

use std::marker::PhantomData;

use crate::{
    app::{App, Failure, batch, endpoints, notify, timings},
    bus::{Consumer, Delivery, Queue},
    store::StoreError,
    workers::{Step, Worker},
};

/// Events noted in one transaction.
const BATCH: usize = 256;

/// What one durable consumer does with events. Doing it twice must be doing it once.
pub trait Notes: Send + 'static {
    /// As it appears in logs and metrics.
    const NAME: &'static str;
    /// Where its events come from.
    const QUEUE: Queue;

    /// Notes what events say, in one transaction. Returns one result per event, in order; after an outer `Err` nothing is noted.
    fn note(
        app: &App,
        bodies: &[&[u8]],
    ) -> impl Future<Output = Result<Vec<Result<(), Failure>>, Failure>> + Send;
}

/// How long orders take, for the figures of each store's day.
pub struct Timings;

impl Notes for Timings {
    const NAME: &'static str = "timings";
    const QUEUE: Queue = Queue::Timings;

    async fn note(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
        timings::note(app, bodies).await
    }
}

/// Who is to be told what.
pub struct Notifications;

impl Notes for Notifications {
    const NAME: &'static str = "notifications";
    const QUEUE: Queue = Queue::Notifications;

    async fn note(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
        notify::note(app, bodies).await
    }
}

/// Which of the restaurant's own systems are to be told of each event.
pub struct Addressing;

impl Notes for Addressing {
    const NAME: &'static str = "addressing";
    const QUEUE: Queue = Queue::Webhooks;

    async fn note(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
        endpoints::address(app, bodies).await
    }
}

/// A durable consumer.
pub struct Consume<N> {
    app: App,
    consumer: Consumer,
    waiting: Vec<Delivery>,
    notes: PhantomData<fn() -> N>,
}

impl<N: Notes> Consume<N> {
    /// Takes up the queue.
    pub fn new(app: App) -> Self {
        let consumer = app.bus.consume(N::QUEUE);
        Self { app, consumer, waiting: Vec::new(), notes: PhantomData }
    }
}

impl<N: Notes> Worker for Consume<N> {
    const NAME: &'static str = N::NAME;

    async fn step(&mut self) -> anyhow::Result<Step> {
        while self.waiting.len() < BATCH
            && let Some(delivery) = self.consumer.try_next()
        {
            self.waiting.push(delivery);
        }
        if self.waiting.is_empty() {
            return Ok(Step::Idle);
        }
        let bodies: Vec<&[u8]> = self.waiting.iter().map(|it| &*it.body).collect();
        // After a transient failure the messages stay here, and the step is repeated.
        let noted = batch::isolate(&bodies, |part| N::note(&self.app, part)).await?;
        for (delivery, noted) in self.waiting.drain(..).zip(noted) {
            match noted {
                Ok(()) => delivery.ack(),
                // It was decided upon state that has changed since.
                Err(Failure::Store(error)) if matches!(*error, StoreError::Conflict) => {
                    delivery.reject(&error.to_string());
                }
                Err(failure) => delivery.dead_letter(&failure.to_string()),
            }
        }
        Ok(Step::Worked)
    }

    async fn wait(&mut self) {
        match self.consumer.next().await {
            Some(delivery) => self.waiting.push(delivery),
            None => std::future::pending().await,
        }
    }
}
