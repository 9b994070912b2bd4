//! Bus → order timings: a durable consumer, for the figures of each store's day.

use crate::{
    app::{App, Failure, timings},
    bus::{Consumer, Delivery, Queue},
    workers::{Step, Worker},
};

/// Notes how long orders take.
pub struct Timings {
    app: App,
    consumer: Consumer,
    waiting: Option<Delivery>,
}

impl Timings {
    /// Takes up the queue.
    pub fn new(app: App) -> Self {
        Self { consumer: app.bus.consume(Queue::Timings), app, waiting: None }
    }
}

impl Worker for Timings {
    const NAME: &'static str = "timings";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let Some(delivery) = self.waiting.take().or_else(|| self.consumer.try_next()) else {
            return Ok(Step::Idle);
        };
        match timings::note(&self.app, &delivery.body).await {
            Ok(()) => delivery.ack(),
            // The store's absence is not the message's fault: it keeps its place.
            Err(Failure::Store(error)) => {
                self.waiting = Some(delivery);
                return Err(error.into());
            }
            Err(failure) => {
                let redelivered = delivery.redelivered;
                tracing::error!(redelivered, "an event cannot be noted: {failure}");
                delivery.reject(&failure.to_string());
            }
        }
        Ok(Step::Worked)
    }

    async fn wait(&mut self) {
        match self.consumer.next().await {
            Some(delivery) => self.waiting = Some(delivery),
            None => std::future::pending().await,
        }
    }
}
