//! Store → partners: tells them what is due, a bounded number at once to each.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{Notify, Semaphore};

use crate::{
    app::{App, partner_calls},
    store::{Signal, Work},
    workers::{Step, Worker},
};

/// Tells partners what is due. Who is slow keeps only its own calls waiting.
pub struct PartnerCalls {
    app: App,
    signal: Signal,
    /// Calls that may still begin, by partner.
    free: BTreeMap<String, Arc<Semaphore>>,
    /// Somebody is done: the next call of the same order may be due.
    done: Arc<Notify>,
}

impl PartnerCalls {
    /// Listening from now on.
    pub fn new(app: App) -> Self {
        let at_once = app.config.outbound.at_once;
        let free =
            app.outgoing.partners().map(|it| (it.to_owned(), Arc::new(Semaphore::new(at_once))));
        Self {
            signal: app.db.signal(Work::PartnerCalls),
            free: free.collect(),
            done: Arc::new(Notify::new()),
            app,
        }
    }
}

impl Worker for PartnerCalls {
    const NAME: &'static str = "partner_calls";

    async fn step(&mut self) -> anyhow::Result<Step> {
        let mut found = Step::Idle;
        for (partner, free) in &self.free {
            let Ok(limit @ 1..) = u32::try_from(free.available_permits()) else { continue };
            for call in partner_calls::claim(&self.app, partner, limit).await? {
                found = Step::Worked;
                // Only this loop takes permits, so there is one for each.
                let Ok(permit) = Arc::clone(free).try_acquire_owned() else { break };
                let (app, done) = (self.app.clone(), Arc::clone(&self.done));
                self.app.tasks.spawn(async move {
                    if let Err(failure) = partner_calls::tell(&app, &call).await {
                        // It stays taken for a while, and is then due again.
                        tracing::warn!(
                            partner = call.partner,
                            "an attempt could not be written down: {failure}"
                        );
                    }
                    drop(permit);
                    done.notify_one();
                });
            }
        }
        Ok(found)
    }

    async fn wait(&mut self) {
        tokio::select! {
            () = self.signal.wait() => {}
            () = self.done.notified() => {}
        }
    }
}
