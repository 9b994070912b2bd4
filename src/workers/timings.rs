//! Bus → order timings: a durable consumer, for the figures of each store's day.

use crate::{
    app::{App, timings},
    bus::{Consumer, Delivery, Queue},
    workers::{Step, Worker},
};

/// Events noted in one transaction. In process, the next batch of events leaves only after these are noted.
const BATCH: usize = 256;

/// Notes how long orders take.
pub struct Timings {
    app: App,
    consumer: Consumer,
    waiting: Vec<Delivery>,
}

impl Timings {
    /// Takes up the queue.
    pub fn new(app: App) -> Self {
        Self { consumer: app.bus.consume(Queue::Timings), app, waiting: Vec::new() }
    }
}

impl Worker for Timings {
    const NAME: &'static str = "timings";

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
        // The store's absence is not the messages' fault: they keep their places.
        let noted = timings::note(&self.app, &bodies).await?;
        for (delivery, noted) in self.waiting.drain(..).zip(noted) {
            match noted {
                Ok(()) => delivery.ack(),
                Err(failure) => {
                    let redelivered = delivery.redelivered;
                    tracing::error!(redelivered, "an event cannot be noted: {failure}");
                    delivery.reject(&failure.to_string());
                }
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
