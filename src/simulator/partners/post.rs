//! How partners call us: each call after its delay, as often as its copies say, and again when it is not taken.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::http::Method;

use crate::{
    base::backoff::Backoff,
    simulator::partners::{
        book::Entry,
        life::{Life, News},
        partner::Partner,
        state::Partners,
        voice::Said,
    },
};

/// How often a call that is not taken is made in all.
const ATTEMPTS: u32 = 8;

/// The delay before the second attempt; it doubles up to the second.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// Orders that are remembered; beyond it, those whose lives are over are forgotten.
const MOST_REMEMBERED: usize = 10_000;

/// A call, ready to be made as often as it takes.
struct Call<'a> {
    method: Method,
    url: String,
    id: &'a str,
    body: Vec<u8>,
}

/// Something that is not over; while there are some, the partners are not quiet.
pub struct UnderWay(Partners);

impl UnderWay {
    fn new(partners: &Partners) -> Self {
        partners.0.under_way.fetch_add(1, Ordering::AcqRel);
        Self(partners.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Partners {
    /// How long an answer may take.
    pub(in crate::simulator::partners) const PATIENCE: Duration = Duration::from_secs(20);

    /// Lets an order live at its partner, in a task of its own.
    pub(in crate::simulator) fn let_live(&self, entry: &Arc<Entry>, life: Life) {
        if MOST_REMEMBERED <= self.0.book.len() {
            // Who lives is held by somebody else, too.
            self.0.book.retain(|_, it| 1 < Arc::strong_count(it));
        }
        let key = (entry.partner, entry.name.clone());
        self.0.book.insert(key, Arc::clone(entry));
        let (under_way, entry, stop) =
            (UnderWay::new(self), Arc::clone(entry), self.0.tasks.stop());
        self.0.tasks.spawn(async move {
            let _stopped = stop.run_until_cancelled(under_way.0.live(&entry, life)).await;
        });
    }

    async fn live(&self, entry: &Arc<Entry>, life: Life) {
        let voice = entry.partner.voice();
        let here = format!("{}/{}", self.0.here, entry.partner.slug());
        if let Some(said) = voice.placed(entry, &here) {
            self.send(&said, entry, &life.birth);
        }
        for step in life.steps {
            if entry.until(|it| step.until.is(entry, it)).await.status.is_terminal() {
                return;
            }
            tokio::time::sleep(step.after).await;
            // Meanwhile the store may have called it off.
            if entry.standing().status.is_terminal() {
                return;
            }
            let now = self.0.clock.now();
            let said = match step.news {
                News::Delivery(status) => voice.delivery(entry, status, now),
                News::CalledOff => voice.cancelled(entry, now),
            };
            match step.news {
                News::Delivery(status) => entry.deliver(status),
                News::CalledOff => entry.cancel(),
            }
            if let Some(said) = said {
                self.send(&said, entry, &step.copies);
            }
        }
    }

    /// Sends each copy in its time.
    fn send(&self, said: &Said, entry: &Entry, copies: &[Duration]) {
        let id: Arc<str> = self.0.mint.uuid(self.0.clock.now()).to_string().into();
        for delay in copies {
            let (under_way, stop, delay) = (UnderWay::new(self), self.0.tasks.stop(), *delay);
            let (said, partner, id) = (said.clone(), entry.partner, Arc::clone(&id));
            self.0.tasks.spawn(async move {
                let sent = async {
                    tokio::time::sleep(delay).await;
                    let body = said.body.to_string().into_bytes();
                    let url = format!(
                        "{}/v1/webhooks/{}{}",
                        under_way.0.0.server,
                        partner.slug(),
                        said.path
                    );
                    let call = Call { method: said.method, url, id: &id, body };
                    under_way.0.call(partner, &call).await;
                };
                let _stopped = stop.run_until_cancelled(sent).await;
            });
        }
    }

    /// Makes a call, until it is taken.
    async fn call(&self, partner: Partner, call: &Call<'_>) {
        let mut delays = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
        for _ in 0..ATTEMPTS {
            let Ok(turn) = self.0.turns.acquire().await else { return };
            let secret = self.secret(partner).unwrap_or_default();
            let proof = partner.voice().proof(secret, call.id, self.0.clock.now(), &call.body);
            let request = self.0.http.request(call.method.clone(), &call.url);
            let request =
                request.header("content-type", "application/json").body(call.body.clone());
            let request =
                proof.into_iter().fold(request, |it, (name, value)| it.header(name, value));
            self.0.calls.fetch_add(1, Ordering::Relaxed);
            match request.send().await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => {
                    tracing::debug!(partner = partner.slug(), "not taken: {}", answer.status());
                }
                Err(error) => tracing::debug!(partner = partner.slug(), "not taken: {error}"),
            }
            drop(turn);
            tokio::time::sleep(delays.next_delay(&self.0.mint)).await;
        }
        tracing::warn!(partner = partner.slug(), "simulator: a call was not taken and is given up");
    }
}
