//! Store → the restaurant's own systems: tells them what is due, a bounded number at once to each.

use tokio::sync::mpsc;

use crate::{
    app::{
        App,
        endpoints::{self, Desk, Outcome},
    },
    store::{Signal, Work},
    workers::{Step, Worker},
};

/// Tells endpoints what is due. Requests are made beside each other; what came of them is written down together, by this loop.
pub struct Deliveries {
    app: App,
    signal: Signal,
    desk: Desk,
    /// What came of requests. There is room for all that are under way, so nobody waits to put one in.
    outcomes: mpsc::Receiver<Outcome>,
    outbox: mpsc::Sender<Outcome>,
    /// What is not written down yet.
    unsettled: Vec<Outcome>,
}

impl Deliveries {
    /// Listening from now on.
    pub fn new(app: App) -> Self {
        let (outbox, outcomes) = mpsc::channel(app.config.endpoints.at_once_in_all);
        let (signal, desk) = (app.db.signal(Work::Deliveries), Desk::default());
        Self { app, signal, desk, outcomes, outbox, unsettled: Vec::new() }
    }

    fn take_back(&mut self, outcome: Outcome) {
        let (settings, now) = (&self.app.config.endpoints, self.app.clock.now());
        self.desk.back(settings, outcome.due.endpoint_id, outcome.is_tired, now);
        self.unsettled.push(outcome);
    }
}

impl Worker for Deliveries {
    const NAME: &'static str = "deliveries";

    async fn step(&mut self) -> anyhow::Result<Step> {
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.take_back(outcome);
        }
        let parcels = endpoints::turn(&self.app, &mut self.desk, &self.unsettled).await?;
        let idle = self.unsettled.is_empty() && parcels.is_empty();
        self.unsettled.clear();
        for parcel in parcels {
            let (app, outbox) = (self.app.clone(), self.outbox.clone());
            self.app.tasks.spawn(async move {
                let outcome = endpoints::send(&app, parcel).await;
                // Nobody takes it any more: the delivery stays taken for a while, and is then due again.
                let _unheard = outbox.send(outcome).await;
            });
        }
        Ok(if idle { Step::Idle } else { Step::Worked })
    }

    async fn wait(&mut self) {
        tokio::select! {
            () = self.signal.wait() => {}
            Some(outcome) = self.outcomes.recv() => self.take_back(outcome),
        }
    }

    /// Waits for the requests under way: what they came to is worth knowing after the next start.
    async fn leave(mut self) {
        while 0 < self.desk.busy()
            && let Some(outcome) = self.outcomes.recv().await
        {
            self.take_back(outcome);
        }
        if let Err(failure) = endpoints::close(&self.app, &self.unsettled).await {
            tracing::warn!("what was sent could not be written down, and is sent again: {failure}");
        }
    }
}
