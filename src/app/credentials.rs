//! What partners prove themselves with: from the settings, and from the store, where it is kept sealed and rotated without a restart.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    app::{App, Detail, Failure},
    auth::{Caller, Scope},
    base::{seal::Sealer, standard_webhooks},
    domain::CredentialId,
    store::{self, StoreError, credentials::Credential},
};

/// Credentials of one partner: each is tried on every call.
const MOST: u32 = 20;

/// The lengths of a secret, in bytes.
const SHORTEST: usize = 8;
const LONGEST: usize = 1024;

/// The longest label, in bytes.
const LONGEST_LABEL: usize = 100;

/// How soon another process's rotation is noticed; the own one is at once.
const REMEMBERED: Duration = Duration::from_secs(5);

/// A partner's secrets that are active, or are about to end.
#[derive(Clone)]
struct Secrets {
    open: Arc<[(SecretString, Option<Timestamp>)]>,
    /// Whether there are others that no sealing key of this server opens.
    lacks_some: bool,
    /// How many changes this process had made when they were read.
    changes: u64,
}

/// What partners prove themselves with.
pub struct Credentials {
    configured: Arc<BTreeMap<String, Vec<SecretString>>>,
    sealer: Sealer,
    stored: Cache<String, Secrets>,
    /// Changes that this process has made. What was read before the last one is read again.
    changes: AtomicU64,
}

impl Credentials {
    /// The configured ones; `sealer` opens the stored ones.
    pub fn new(configured: BTreeMap<String, Vec<SecretString>>, sealer: Sealer) -> Self {
        let stored = Cache::builder().time_to_live(REMEMBERED).build();
        Self { configured: Arc::new(configured), sealer, stored, changes: AtomicU64::new(0) }
    }

    /// What opens the stored ones.
    pub(in crate::app) const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Those of the settings.
    pub fn configured(&self) -> Arc<BTreeMap<String, Vec<SecretString>>> {
        Arc::clone(&self.configured)
    }
}

/// Seals a secret for one place, if there is a key for it.
pub(in crate::app) fn seal(
    app: &App,
    place: &[u8],
    secret: Option<&SecretString>,
) -> Result<Vec<u8>, Failure> {
    let secret = secret.map(|it| it.expose_secret().as_bytes()).unwrap_or_default();
    app.credentials.sealer.seal(&app.mint, place, secret).ok_or_else(|| {
        Failure::Taken("There is no key to seal it with: configure auth.sealing_keys.".to_owned())
    })
}

/// What was sealed for this place; `None` when the key that sealed it is gone.
pub(in crate::app) fn open(app: &App, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    app.credentials.sealer.open(place, sealed)
}

/// What is to be added.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCredential {
    /// What people call it: an account, a brand.
    pub label: String,
    /// The secret that the partner gave; left out: one is made, and shown this once.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub secret: Option<SecretString>,
    /// From when on it is worth nothing; left out: never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A partner's secrets that are active now.
pub async fn active(app: &App, partner: &str) -> Result<Vec<SecretString>, Failure> {
    let now = app.clock.now();
    let configured = app.credentials.configured.get(partner).into_iter().flatten().cloned();
    let stored = stored(app, partner).await?;
    let is_good = |it: &Option<Timestamp>| it.is_none_or(|end| now < end);
    let stored =
        stored.open.iter().filter(|(_, end)| is_good(end)).map(|(secret, _)| secret.clone());
    Ok(configured.chain(stored).collect())
}

/// Whether a partner has credentials that no sealing key of this server opens: then a call may be the partner's although none of the
/// secrets at hand has signed it.
pub async fn lacks_some(app: &App, partner: &str) -> Result<bool, Failure> {
    Ok(stored(app, partner).await?.lacks_some)
}

/// What we sign with towards a partner, the one to take first first: what was added last, then the settings' in their order.
pub async fn signing(app: &App, partner: &str) -> Result<Vec<SecretString>, Failure> {
    let configured = app.credentials.configured.get(partner).map_or(0, Vec::len);
    let mut secrets = active(app, partner).await?;
    let mut stored = secrets.split_off(configured.min(secrets.len()));
    stored.reverse();
    stored.append(&mut secrets);
    Ok(stored)
}

async fn stored(app: &App, partner: &str) -> Result<Secrets, Failure> {
    loop {
        let changes = app.credentials.changes.load(Ordering::Acquire);
        let read = read_stored(app, partner, changes);
        let secrets = app.credentials.stored.try_get_with_by_ref(partner, read).await?;
        // A read that was under way during a change may be kept after it.
        if changes <= secrets.changes {
            return Ok(secrets);
        }
        app.credentials.stored.invalidate(partner).await;
    }
}

async fn read_stored(app: &App, partner: &str, changes: u64) -> Result<Secrets, StoreError> {
    let mut tx = app.db.read().await?;
    let stored = store::credentials::list(&mut tx, partner, MOST).await?;
    let open = |it: Credential| {
        let secret = app.credentials.sealer.open(it.partner.as_bytes(), &it.sealed);
        let secret = secret.and_then(|it| String::from_utf8(it).ok());
        if secret.is_none() {
            tracing::error!(partner, credential.id = %it.id, "a credential cannot be opened: the key that sealed it is gone");
        }
        Some((SecretString::from(secret?), it.expires_at))
    };
    let now = app.clock.now();
    let is_active = |it: &Credential| it.expires_at.is_none_or(|end| now < end);
    let active: Vec<_> = stored.into_iter().filter(is_active).collect();
    let count = active.len();
    let open: Arc<[_]> = active.into_iter().filter_map(open).collect();
    Ok(Secrets { lacks_some: open.len() < count, open, changes })
}

/// A partner's stored credentials, without their secrets.
pub async fn list(app: &App, caller: &Caller, partner: &str) -> Result<Vec<Credential>, Failure> {
    authorise(app, caller, partner)?;
    let mut tx = app.db.read().await?;
    Ok(store::credentials::list(&mut tx, partner, MOST).await?)
}

/// Adds one; the others stay active. Answers with the secret where it was made here.
pub async fn add(
    app: &App,
    caller: &Caller,
    partner: &str,
    new: NewCredential,
) -> Result<(Credential, Option<SecretString>), Failure> {
    authorise(app, caller, partner)?;
    check(&new)?;
    let now = app.clock.now();
    let made: Option<SecretString> =
        new.secret.is_none().then(|| standard_webhooks::secret(&app.mint).into());
    let sealed = seal(app, partner.as_bytes(), new.secret.as_ref().or(made.as_ref()))?;
    let credential = Credential {
        id: CredentialId::from_uuid(app.mint.uuid(now)),
        partner: partner.to_owned(),
        label: new.label,
        sealed,
        created_at: now,
        created_by: caller.actor(),
        expires_at: new.expires_at,
    };
    let mut tx = app.db.begin().await?;
    if MOST as usize <= store::credentials::list(&mut tx, partner, MOST).await?.len() {
        tx.roll_back().await;
        return Err(Failure::Taken(format!("{partner} has {MOST} credentials; remove one first.")));
    }
    store::credentials::insert(&mut tx, &credential).await?;
    tx.commit().await?;
    changed(app, caller, partner, ("added", credential.id)).await;
    Ok((credential, made))
}

/// Sets when one ends; `None` for never.
pub async fn expire(
    app: &App,
    caller: &Caller,
    partner: &str,
    id: CredentialId,
    at: Option<Timestamp>,
) -> Result<(), Failure> {
    authorise(app, caller, partner)?;
    let mut tx = app.db.begin().await?;
    if !store::credentials::expire(&mut tx, partner, id, at).await? {
        return Err(Failure::NoSuch("credential"));
    }
    tx.commit().await?;
    changed(app, caller, partner, ("set to end", id)).await;
    Ok(())
}

/// Takes one away at once.
pub async fn remove(
    app: &App,
    caller: &Caller,
    partner: &str,
    id: CredentialId,
) -> Result<(), Failure> {
    authorise(app, caller, partner)?;
    let mut tx = app.db.begin().await?;
    if !store::credentials::remove(&mut tx, partner, id).await? {
        return Err(Failure::NoSuch("credential"));
    }
    tx.commit().await?;
    changed(app, caller, partner, ("removed", id)).await;
    Ok(())
}

async fn changed(app: &App, caller: &Caller, partner: &str, (what, id): (&str, CredentialId)) {
    app.credentials.changes.fetch_add(1, Ordering::AcqRel);
    app.credentials.stored.invalidate(partner).await;
    let by = &caller.subject;
    tracing::info!(partner, credential.id = %id, by, "a credential was {what}");
}

fn authorise(app: &App, caller: &Caller, partner: &str) -> Result<(), Failure> {
    caller.require(Scope::PartnersWrite)?;
    if app.partners.find(partner).is_none() { Err(Failure::NoSuch("partner")) } else { Ok(()) }
}

fn check(new: &NewCredential) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let label = &new.label;
    if label.is_empty() || LONGEST_LABEL < label.len() || label.contains(char::is_control) {
        faults.push(Detail::new("label", format!("has 1 to {LONGEST_LABEL} bytes")));
    }
    let secret = new.secret.as_ref().map(|it| it.expose_secret().len());
    if secret.is_some_and(|it| !(SHORTEST..=LONGEST).contains(&it)) {
        faults.push(Detail::new("secret", format!("has {SHORTEST} to {LONGEST} bytes")));
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::Invalid(faults)) }
}
