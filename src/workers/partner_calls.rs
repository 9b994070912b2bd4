//! Store → partners: tells them what is due, a bounded number of calls at once to each.

use crate::{
    app::{
        App, Failure,
        partner_calls::{self, Attempted},
    },
    base::load::Load,
    store::{Work, partner_calls::PartnerCall},
    workers::dispatcher::{Done, JobKind},
};

/// Calls to partners. A slow partner delays only its own calls.
pub struct PartnerCalls {
    /// Partners that can be reached.
    partners: Vec<String>,
    /// Calls under way at once to one of them.
    at_once: usize,
}

impl PartnerCalls {
    /// To the partners that the settings name.
    pub fn new(app: &App) -> Self {
        let partners = app.outgoing.partners().map(str::to_owned).collect();
        Self { partners, at_once: app.config.outbound.at_once }
    }
}

impl JobKind for PartnerCalls {
    const NAME: &'static str = "partner_calls";
    const WORK: Work = Work::PartnerCalls;
    type Partition = String;
    type Job = PartnerCall;
    type Outcome = Attempted;

    fn capacity(&self) -> usize {
        self.partners.len().saturating_mul(self.at_once)
    }

    fn partition(call: &PartnerCall) -> String {
        call.partner.clone()
    }

    async fn claim(&mut self, app: &App, load: &Load<String>) -> Result<Vec<PartnerCall>, Failure> {
        let room = |partner: &String| {
            let free = self.at_once.saturating_sub(load.of(partner));
            u32::try_from(free).unwrap_or(u32::MAX)
        };
        let rooms: Vec<_> = self
            .partners
            .iter()
            .map(|partner| (partner.as_str(), room(partner)))
            .filter(|(_, room)| *room > 0)
            .collect();
        partner_calls::claim(app, &rooms).await
    }

    async fn attempt(app: &App, call: &PartnerCall) -> Attempted {
        partner_calls::attempt(app, call).await
    }

    fn panicked(_app: &App, _call: &PartnerCall) -> Attempted {
        Attempted::panicked()
    }

    async fn settle(&mut self, app: &App, done: &[Done<Self>]) -> Result<(), Failure> {
        let done: Vec<_> = done.iter().map(|done| (&done.job, &done.outcome)).collect();
        partner_calls::settle(app, &done).await
    }
}
