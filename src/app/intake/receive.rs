//! A partner's call comes in: verify, store raw, answer. Nothing is understood here.

use bytes::Bytes;
use secrecy::SecretString;
use serde::de::IgnoredAny;

use crate::{
    app::{App, Failure, credentials},
    base::mac,
    domain::InboxId,
    partners::{self, Call, Partner, Rejection},
    store::inbox::{Headers, NewCall},
};

/// What became of a call that may be answered with 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is stored and will be applied.
    Stored,
    /// It was stored before.
    Duplicate,
}

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Nobody by that name.
    #[error("there is no partner {0:?}")]
    UnknownPartner(String),
    /// It cannot have come from the partner.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It is no JSON: cut short on its way, perhaps. The partner is to send it again.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// It could not be stored. The partner is to send it again.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What a partner proves itself with now.
pub async fn secrets(app: &App, slug: &str) -> Result<Vec<SecretString>, Refused> {
    Ok(credentials::active(app, known(slug)?.slug).await?)
}

fn known(slug: &str) -> Result<&'static Partner, Refused> {
    partners::find(slug).ok_or_else(|| Refused::UnknownPartner(slug.to_owned()))
}

/// Checks that a call came from the partner, which proves itself with one of `secrets`. `keep` are the headers worth keeping.
pub fn verify(
    app: &App,
    slug: &str,
    secrets: &[SecretString],
    call: &Call<'_>,
    keep: Headers,
    body: &Bytes,
) -> Result<NewCall, Refused> {
    let partner = known(slug)?;
    let now = app.clock.now();
    let verified = partner.inbound.verify(call, secrets, now)?;
    serde_json::from_slice::<IgnoredAny>(body).map_err(|it| Refused::NotJson(it.to_string()))?;
    Ok(NewCall {
        id: InboxId::from_uuid(app.mint.uuid(now)),
        partner: partner.slug.to_owned(),
        event_id: verified.event_id,
        body_hash: mac::sha256(body),
        headers: keep,
        body: body.clone(),
        received_at: now,
    })
}

/// Stores a verified call, byte for byte. Once this returns `Ok`, the call is safe.
pub async fn store(app: &App, call: NewCall) -> Result<Received, Refused> {
    Ok(app.calls.store(app, call).await?)
}
