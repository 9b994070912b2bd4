//! A partner's call comes in: verify, store raw, answer. Nothing is understood here.

use std::sync::Arc;

use bytes::Bytes;
use secrecy::SecretString;
use serde::de::IgnoredAny;

use crate::{
    app::{App, Failure, credentials},
    base::mac,
    config,
    domain::InboxId,
    partners::{Call, PATH, Partner, Rejection, Trust},
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
    /// Perhaps it did: some of its secrets cannot be opened here. The partner is to send it again.
    #[error("the secrets of this partner cannot be opened")]
    Sealed,
    /// It could not be stored. The partner is to send it again.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What a partner proves itself with now.
pub async fn secrets(app: &App, slug: &str) -> Result<Vec<SecretString>, Refused> {
    Ok(credentials::active(app, &known(app, slug)?.slug).await?)
}

/// Whether some of the partner's secrets cannot be opened here. A call that was rejected may then be the partner's all the same.
pub async fn lacks_secrets(app: &App, slug: &str) -> Result<bool, Refused> {
    Ok(credentials::lacks_some(app, slug).await?)
}

fn known(app: &App, slug: &str) -> Result<Arc<Partner>, Refused> {
    app.partners.find(slug).ok_or_else(|| Refused::UnknownPartner(slug.to_owned()))
}

/// Checks that a call came from the partner, which proves itself with one of `secrets`. `keep` are the headers worth keeping; those
/// that reading will need are kept too.
pub fn verify(
    app: &App,
    slug: &str,
    secrets: &[SecretString],
    call: &Call<'_>,
    mut keep: Headers,
    body: &Bytes,
) -> Result<NewCall, Refused> {
    let partner = known(app, slug)?;
    let now = app.clock.now();
    let settings = app.config.partners.get(slug);
    let url = match settings.and_then(|it| it.url.clone()) {
        Some(url) => url,
        None => own_url(app, slug, call.rest),
    };
    let window = settings.and_then(|it| it.replay_window).unwrap_or(config::Partner::REPLAY_WINDOW);
    let trust = Trust { secrets, url: &url, replay_window: *window, now };
    let verified = partner.verify(call, &trust)?;
    // Of a partner who encrypts, the plain text is kept: keys come and go, and with them what could be read.
    let body = verified.opened.map_or_else(|| body.clone(), Bytes::from);
    serde_json::from_slice::<IgnoredAny>(&body).map_err(|it| Refused::NotJson(it.to_string()))?;
    let besides = besides(&partner, call);
    let body_hash = if besides.is_empty() {
        mac::sha256(&body)
    } else {
        // Two calls with the same body are two, where what stands beside it says what they are about.
        mac::sha256(&[format!("{besides:?}").as_bytes(), &body].concat())
    };
    keep.extend(besides);
    Ok(NewCall {
        id: InboxId::from_uuid(app.mint.uuid(now)),
        partner: slug.to_owned(),
        event_id: verified.event_id,
        body_hash,
        headers: keep,
        body,
        received_at: now,
    })
}

/// What reading will need beside the body.
fn besides(partner: &Partner, call: &Call<'_>) -> Headers {
    let value = |name: &str| match name {
        PATH => Some(call.rest).filter(|it| !it.is_empty()),
        _ => (call.header)(name).and_then(|it| str::from_utf8(it).ok()),
    };
    let kept = partner.kept.iter();
    kept.filter_map(|name| Some((name.clone(), value(name)?.to_owned()))).collect()
}

fn own_url(app: &App, slug: &str, rest: &str) -> String {
    let base = format!("{}/v1/webhooks/{slug}", app.config.public_url());
    if rest.is_empty() { base } else { format!("{base}/{rest}") }
}

/// Stores a verified call, byte for byte. Once this returns `Ok`, the call is safe.
pub async fn store(app: &App, call: NewCall) -> Result<Received, Refused> {
    Ok(app.calls.store(app, call).await?)
}
