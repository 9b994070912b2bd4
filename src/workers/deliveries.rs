//! Store → the restaurant's own systems: sends the webhook deliveries that are due, a bounded number at once to each endpoint.

use crate::{
    app::{
        App, Failure,
        endpoints::{self, Desk, Fault, Outcome, Parcel},
    },
    base::load::Load,
    domain::EndpointId,
    store::Work,
    workers::dispatcher::{Done, JobKind},
};

/// Webhook deliveries.
pub struct Deliveries {
    desk: Desk,
    /// Deliveries under way at once, to all endpoints.
    at_once: usize,
}

impl Deliveries {
    /// To every endpoint.
    pub fn new(app: &App) -> Self {
        Self { desk: Desk::default(), at_once: app.config.endpoints.at_once_in_all }
    }
}

impl JobKind for Deliveries {
    const NAME: &'static str = "deliveries";
    const WORK: Work = Work::Deliveries;
    type Partition = EndpointId;
    type Job = Parcel;
    type Outcome = Outcome;

    fn capacity(&self) -> usize {
        self.at_once
    }

    fn partition(parcel: &Parcel) -> EndpointId {
        parcel.due.endpoint_id
    }

    async fn claim(&mut self, app: &App, load: &Load<EndpointId>) -> Result<Vec<Parcel>, Failure> {
        endpoints::turn(app, &mut self.desk, load, &[]).await
    }

    async fn attempt(app: &App, parcel: &Parcel) -> Outcome {
        endpoints::send(app, parcel).await
    }

    fn panicked(app: &App, parcel: &Parcel) -> Outcome {
        Outcome::panicked(app, parcel)
    }

    async fn settle(&mut self, app: &App, done: &[Done<Self>]) -> Result<(), Failure> {
        endpoints::close(app, &outcomes(done)).await
    }

    /// In one transaction: a busy endpoint would cost two commits for each turn otherwise.
    async fn poll(
        &mut self,
        app: &App,
        load: &Load<EndpointId>,
        done: &mut Vec<Done<Self>>,
    ) -> Result<Vec<Parcel>, Failure> {
        match endpoints::turn(app, &mut self.desk, load, &outcomes(done)).await {
            // One of the outcomes is at fault: they are stored apart.
            Err(failure) if !done.is_empty() && !failure.is_transient() => {
                self.settle(app, done).await?;
                done.clear();
                self.claim(app, load).await
            }
            turned => {
                let parcels = turned?;
                done.clear();
                Ok(parcels)
            }
        }
    }

    fn finished(&mut self, app: &App, done: &Done<Self>) {
        if done.outcome.fault == Fault::Endpoint {
            let (settings, id) = (&app.config.endpoints, done.job.due.endpoint_id);
            self.desk.heard(settings, id, done.outcome.is_tired, app.clock.now());
        }
    }
}

fn outcomes(done: &[Done<Deliveries>]) -> Vec<&Outcome> {
    done.iter().map(|done| &done.outcome).collect()
}
