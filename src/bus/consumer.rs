//! A durable queue seen from its consumer: deliveries, and the answer that each of them needs.

use bytes::Bytes;
use futures_util::FutureExt;
use lapin::{
    Acker,
    options::{BasicAckOptions, BasicRejectOptions},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{
        Queue,
        local::{Job, LocalQueue},
    },
    domain::EventId,
};

/// Takes the messages of one durable queue.
#[derive(Debug)]
pub struct Consumer {
    queue: Queue,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Local { jobs: LocalQueue, stop: CancellationToken },
    Rabbit(mpsc::Receiver<lapin::message::Delivery>),
}

impl Consumer {
    pub(in crate::bus) const fn local(
        queue: Queue,
        jobs: LocalQueue,
        stop: CancellationToken,
    ) -> Self {
        Self { queue, source: Source::Local { jobs, stop } }
    }

    pub(in crate::bus) const fn rabbit(
        queue: Queue,
        deliveries: mpsc::Receiver<lapin::message::Delivery>,
    ) -> Self {
        Self { queue, source: Source::Rabbit(deliveries) }
    }

    /// Waits for the next message; `None` once the bus is closed. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Delivery> {
        let queue = self.queue;
        match &mut self.source {
            Source::Local { jobs, stop } => tokio::select! {
                biased;
                () = stop.cancelled() => None,
                job = jobs.next() => Some(Delivery::of_job(queue, job?)),
            },
            Source::Rabbit(deliveries) => loop {
                let delivery = deliveries.recv().await?;
                // What came over a connection that has died since will come again over the new one.
                if delivery.acker.usable() {
                    return Some(Delivery::of_broker(queue, delivery));
                }
            },
        }
    }

    /// What is there already, without waiting: for those who work in batches.
    pub fn try_next(&mut self) -> Option<Delivery> {
        let queue = self.queue;
        match &mut self.source {
            Source::Local { jobs, .. } => jobs.try_next().map(|it| Delivery::of_job(queue, it)),
            Source::Rabbit(deliveries) => loop {
                let delivery = deliveries.try_recv().ok()?;
                if delivery.acker.usable() {
                    return Some(Delivery::of_broker(queue, delivery));
                }
            },
        }
    }
}

/// One message, to be answered with [`Delivery::ack`] or [`Delivery::reject`]. Dropped without an answer it is rejected,
/// so that a worker that panics does not hold it for ever.
#[derive(Debug)]
pub struct Delivery {
    /// The event envelope, as JSON.
    pub body: Bytes,
    /// Whether it was delivered before, perhaps to somebody else.
    pub redelivered: bool,
    /// The event's id; `None` on a foreign message.
    pub event_id: Option<EventId>,
    queue: Queue,
    receipt: Option<Receipt>,
}

#[derive(Debug)]
enum Receipt {
    Job(Job),
    Broker(Acker),
}

impl Delivery {
    fn of_job(queue: Queue, job: Job) -> Self {
        Self {
            body: job.message.body.clone(),
            redelivered: job.attempt > 1,
            event_id: Some(job.message.event_id),
            queue,
            receipt: Some(Receipt::Job(job)),
        }
    }

    fn of_broker(queue: Queue, delivery: lapin::message::Delivery) -> Self {
        let message_id = delivery.properties.message_id().as_ref();
        Self {
            event_id: message_id.and_then(|it| it.as_str().parse().ok()),
            body: Bytes::from(delivery.data),
            redelivered: delivery.redelivered,
            queue,
            receipt: Some(Receipt::Broker(delivery.acker)),
        }
    }

    /// The work is done and stored. Does not wait: an answer that is lost on its way brings the message again.
    pub fn ack(mut self) {
        match self.receipt.take() {
            Some(Receipt::Job(job)) => job.ack(),
            // The first poll hands the frame to the connection; the rest would only tell that it was written.
            Some(Receipt::Broker(acker)) => {
                let _sent = acker.ack(BasicAckOptions::default()).now_or_never();
            }
            None => {}
        }
    }

    /// The message cannot be worked on. It comes again at once, and after the configured number of deliveries it becomes
    /// a dead letter. So do not reject for trouble of one's own (a store that is away): keep the delivery and try again.
    pub fn reject(mut self, why: &str) {
        self.give_back(why);
    }

    fn give_back(&mut self, why: &str) {
        let Some(receipt) = self.receipt.take() else { return };
        let (queue, event_id) = (self.queue.as_str(), self.event_id.map(tracing::field::display));
        tracing::warn!(bus.queue = queue, event.id = event_id, "{queue} rejects a message: {why}");
        match receipt {
            Receipt::Job(job) => job.reject(why),
            Receipt::Broker(acker) => {
                let _sent = acker.reject(BasicRejectOptions { requeue: true }).now_or_never();
            }
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.give_back("dropped without an answer");
    }
}
