//! Bus → store: puts down which of the restaurant's own systems are to be told of each event.

use bytes::Bytes;

use crate::{
    app::{App, endpoints},
    bus::{Consumer, Delivery, Queue},
    workers::{Step, Worker},
};

/// Events addressed in one transaction. In process, the next batch of events leaves only after these are.
const BATCH: usize = 256;

/// Addresses events.
pub struct Addressing {
    app: App,
    consumer: Consumer,
    waiting: Vec<Delivery>,
}

impl Addressing {
    /// Takes up the queue.
    pub fn new(app: App) -> Self {
        Self { consumer: app.bus.consume(Queue::Webhooks), app, waiting: Vec::new() }
    }
}

impl Worker for Addressing {
    const NAME: &'static str = "addressing";

    async fn step(&mut self) -> anyhow::Result<Step> {
        while self.waiting.len() < BATCH
            && let Some(delivery) = self.consumer.try_next()
        {
            self.waiting.push(delivery);
        }
        if self.waiting.is_empty() {
            return Ok(Step::Idle);
        }
        let bodies: Vec<Bytes> = self.waiting.iter().map(|it| it.body.clone()).collect();
        // The store's absence is not the messages' fault: they keep their places.
        let addressed = endpoints::address(&self.app, &bodies).await?;
        for (delivery, addressed) in self.waiting.drain(..).zip(addressed) {
            match addressed {
                Ok(()) => delivery.ack(),
                Err(failure) => {
                    let redelivered = delivery.redelivered;
                    tracing::error!(redelivered, "an event cannot be addressed: {failure}");
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
