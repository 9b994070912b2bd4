//! `Idempotency-Key`: the same request twice is carried out once, and both are given the same answer.
//!
//! After draft-ietf-httpapi-idempotency-key-header: 409 while the first is running, 422 for another request under the same key,
//! else the stored answer. The key, the work and the answer are one transaction, so a crash leaves either all or nothing.

use std::sync::Arc;

use dashmap::DashSet;

use crate::{
    app::{App, Failure},
    auth::Caller,
    base::{clock, mac},
    store::{
        Tx,
        idempotency::{self, Answer, Claim, Saved},
    },
};

/// The longest key, in characters.
pub const LONGEST_KEY: usize = 255;

/// One use of a key.
pub struct Use {
    caller: String,
    key: String,
    fingerprint: [u8; 32],
    _running: Running,
}

/// What to do with a keyed request.
pub enum Next {
    /// Carry it out, then [`Use::save`] the answer in the same transaction.
    Proceed(Use),
    /// It has been carried out: this was the answer.
    Replay(Saved),
}

/// Takes the key out of the set of running ones when the request ends, however it ends.
struct Running {
    set: Arc<DashSet<(String, String)>>,
    entry: (String, String),
}

impl Drop for Running {
    fn drop(&mut self) {
        self.set.remove(&self.entry);
    }
}

/// A request with its key.
#[derive(Clone, Copy, Debug)]
pub struct KeyedRequest<'a> {
    /// The key.
    pub key: &'a str,
    /// The body as it came, to tell requests apart.
    pub body: &'a [u8],
}

/// Claims the key of a request.
pub async fn begin(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    KeyedRequest { key, body }: KeyedRequest<'_>,
) -> Result<Next, Failure> {
    let caller = format!("{}:{}", caller.role, caller.subject);
    let running = mark_running(app, &caller, key)?;
    let fingerprint = mac::sha256(body);
    match idempotency::begin(tx, &caller, key, &fingerprint, app.clock.now()).await? {
        Claim::Fresh => {
            let key = key.to_owned();
            Ok(Next::Proceed(Use { caller, key, fingerprint, _running: running }))
        }
        Claim::Running => Err(Failure::KeyInUse),
        Claim::Mismatch => Err(Failure::KeyReused),
        Claim::Replay(saved) => Ok(Next::Replay(saved)),
    }
}

impl Use {
    /// Stores the answer, to be given again to whoever comes with the same key.
    pub async fn save(&self, app: &App, tx: &mut Tx, answer: &Saved) -> Result<(), Failure> {
        let now = app.clock.now();
        let expires_at = clock::after(now, *app.config.http.idempotency_ttl);
        let answer = Answer {
            caller: &self.caller,
            key: &self.key,
            fingerprint: &self.fingerprint,
            status: answer.status,
            body: &answer.body,
            created_at: now,
            expires_at,
        };
        idempotency::save(tx, answer).await?;
        Ok(())
    }
}

fn mark_running(app: &App, caller: &str, key: &str) -> Result<Running, Failure> {
    let entry = (caller.to_owned(), key.to_owned());
    if app.running_keys.insert(entry.clone()) {
        Ok(Running { set: Arc::clone(&app.running_keys), entry })
    } else {
        Err(Failure::KeyInUse)
    }
}
