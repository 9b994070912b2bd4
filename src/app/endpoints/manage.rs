//! Registers endpoints, changes them and takes them away.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    app::{App, Failure, credentials, endpoints::check},
    auth::{Caller, Scope, Stores},
    base::{clock, standard_webhooks},
    domain::{EndpointFormat, EndpointId, EventType, FORMAT_VERSION, StoreId},
    store::{
        self, Tx,
        endpoints::{DisabledReason, Endpoint},
    },
};

/// Deliveries that are begun anew when an endpoint is enabled; further ones wait for the moment that they were put off to.
const MOST_REVIVED: u32 = 100_000;

/// An endpoint to be registered.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEndpoint {
    /// Where it is told: `https://…`.
    pub url: String,
    /// What people call it.
    #[serde(default)]
    pub description: Option<String>,
    /// Of which events it is told; left out or empty: of all, and of those that are yet to be invented.
    #[serde(default)]
    pub event_types: Vec<EventType>,
    /// Of which stores' events; left out or empty: of all that the token reaches.
    #[serde(default)]
    pub stores: Vec<StoreId>,
    /// In which words; left out: `standard`.
    #[serde(default)]
    pub format: Option<EndpointFormat>,
    /// In which version of the events' format; left out: the present one.
    #[serde(default)]
    pub version: Option<String>,
    /// The secret to sign with, as Standard Webhooks writes it: 24 to 64 bytes. Left out: one is made, and shown this once.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub secret: Option<SecretString>,
}

/// What is to change of an endpoint; what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointChange {
    /// Where it is told.
    #[serde(default)]
    pub url: Option<String>,
    /// What people call it.
    #[serde(default)]
    pub description: Option<String>,
    /// Of which events it is told; empty: of all.
    #[serde(default)]
    pub event_types: Option<Vec<EventType>>,
    /// Of which stores' events; empty: of all that the token reaches.
    #[serde(default)]
    pub stores: Option<Vec<StoreId>>,
    /// In which words.
    #[serde(default)]
    pub format: Option<EndpointFormat>,
    /// In which version of the events' format.
    #[serde(default)]
    pub version: Option<String>,
    /// Whether it is told of events. Enabled again, it is at once sent what it was still to be told, and what happened meanwhile is not.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// The secret that follows.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecret {
    /// As Standard Webhooks writes it: 24 to 64 bytes. Left out: one is made, and shown this once.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub secret: Option<SecretString>,
}

/// Registers one. Answers with its secret where that was made here.
pub async fn add(
    app: &App,
    caller: &Caller,
    new: NewEndpoint,
) -> Result<(Endpoint, Option<SecretString>), Failure> {
    let stores = reached(caller, new.stores);
    reaches(caller, &stores)?;
    check::secret(new.secret.as_ref())?;
    let now = app.clock.now();
    let id = EndpointId::from_uuid(app.mint.uuid(now));
    let (sealed, made) = seal(app, id, new.secret.as_ref())?;
    let endpoint = Endpoint {
        id,
        url: new.url,
        description: new.description,
        event_types: new.event_types,
        stores,
        format: new.format.unwrap_or(EndpointFormat::Standard),
        version: new.version.unwrap_or_else(|| FORMAT_VERSION.to_owned()),
        sealed,
        former: None,
        disabled: None,
        failing_since: None,
        last_success_at: None,
        created_at: now,
        created_by: caller.actor(),
        updated_at: now,
    };
    check::endpoint(app, &endpoint).await?;
    let mut tx = app.db.begin().await?;
    check::stores(&mut tx, &endpoint.stores).await?;
    let most = app.config.endpoints.most;
    if most <= store::endpoints::count(&mut tx).await? {
        tx.roll_back().await;
        return Err(Failure::Taken(format!("There are {most} endpoints; remove one first.")));
    }
    store::endpoints::insert(&mut tx, &endpoint).await?;
    tx.commit().await?;
    told(caller, id, "added");
    Ok((endpoint, made))
}

/// Those that the caller may see, the first one added first.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Endpoint>, Failure> {
    reads(caller)?;
    let mut tx = app.db.read().await?;
    let endpoints = store::endpoints::list(&mut tx).await?;
    Ok(endpoints.into_iter().filter(|it| caller.may_read_endpoints(&it.stores)).collect())
}

/// One that the caller may see.
pub async fn get(app: &App, caller: &Caller, id: EndpointId) -> Result<Endpoint, Failure> {
    reads(caller)?;
    let mut tx = app.db.read().await?;
    let endpoint = store::endpoints::get(&mut tx, id).await?;
    endpoint.filter(|it| caller.may_read_endpoints(&it.stores)).ok_or(NO_SUCH)
}

/// Changes one.
pub async fn change(
    app: &App,
    caller: &Caller,
    id: EndpointId,
    change: EndpointChange,
) -> Result<Endpoint, Failure> {
    let now = app.clock.now();
    // The URL is looked up before anything is locked: that may take a while.
    let mut tx = app.db.read().await?;
    let endpoint = store::endpoints::get(&mut tx, id).await?;
    drop(tx);
    let endpoint = changeable(caller, endpoint)?;
    let changed = changed(caller, endpoint, &change, now);
    reaches(caller, &changed.stores)?;
    check::endpoint(app, &changed).await?;
    let mut tx = app.db.begin().await?;
    check::stores(&mut tx, &changed.stores).await?;
    let endpoint = owned(&mut tx, caller, id).await?;
    let (was_disabled, changed) =
        (endpoint.disabled.is_some(), self::changed(caller, endpoint, &change, now));
    store::endpoints::update(&mut tx, &changed).await?;
    if was_disabled && changed.disabled.is_none() {
        store::endpoints::revive(&mut tx, id, now, MOST_REVIVED).await?;
    }
    tx.commit().await?;
    told(caller, id, "changed");
    Ok(changed)
}

/// Takes one away at once.
pub async fn remove(app: &App, caller: &Caller, id: EndpointId) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    owned(&mut tx, caller, id).await?;
    store::endpoints::remove(&mut tx, id).await?;
    tx.commit().await?;
    told(caller, id, "removed");
    Ok(())
}

/// Gives one another secret; the present one signs too for `endpoints.rotation_overlap`. Answers with the secret where it was made here.
pub async fn rotate(
    app: &App,
    caller: &Caller,
    id: EndpointId,
    new: NewSecret,
) -> Result<(Endpoint, Option<SecretString>), Failure> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let endpoint = owned(&mut tx, caller, id).await?;
    check::secret(new.secret.as_ref())?;
    let (sealed, made) = seal(app, id, new.secret.as_ref())?;
    let until = clock::after(now, *app.config.endpoints.rotation_overlap);
    let former = (endpoint.sealed.clone(), until);
    let endpoint = Endpoint { sealed, former: Some(former), updated_at: now, ..endpoint };
    store::endpoints::update(&mut tx, &endpoint).await?;
    tx.commit().await?;
    told(caller, id, "given another secret");
    Ok((endpoint, made))
}

const NO_SUCH: Failure = Failure::NoSuch("endpoint");

/// The endpoint, locked, if the caller may change it.
pub async fn owned(tx: &mut Tx, caller: &Caller, id: EndpointId) -> Result<Endpoint, Failure> {
    changeable(caller, store::endpoints::lock(tx, &[id]).await?.pop())
}

/// The endpoint, if the caller may change it.
pub fn changeable(caller: &Caller, endpoint: Option<Endpoint>) -> Result<Endpoint, Failure> {
    writes(caller)?;
    endpoint.filter(|it| caller.may_change_endpoints(&it.stores)).ok_or(NO_SUCH)
}

/// Refuses who may see no endpoint at all.
pub fn reads(caller: &Caller) -> Result<(), Failure> {
    if caller.has(Scope::WebhooksRead) {
        return Ok(());
    }
    Err(Failure::Forbidden("Endpoints take a token with the scope webhooks:read."))
}

/// Refuses who may change no endpoint at all.
pub fn writes(caller: &Caller) -> Result<(), Failure> {
    if caller.has(Scope::WebhooksWrite) {
        return Ok(());
    }
    Err(Failure::Forbidden("Changing endpoints takes a token with the scope webhooks:write."))
}

fn reaches(caller: &Caller, stores: &[StoreId]) -> Result<(), Failure> {
    writes(caller)?;
    if caller.may_change_endpoints(stores) {
        return Ok(());
    }
    Err(Failure::Forbidden("The token does not reach all of these stores."))
}

/// All that the caller reaches, where no store is named.
fn reached(caller: &Caller, stores: Vec<StoreId>) -> Vec<StoreId> {
    match &caller.stores {
        Stores::Only(own) if stores.is_empty() => own.clone(),
        Stores::Only(_) | Stores::All => stores,
    }
}

fn changed(caller: &Caller, it: Endpoint, change: &EndpointChange, now: Timestamp) -> Endpoint {
    let enabled = change.enabled.unwrap_or(it.disabled.is_none());
    let stores = change.stores.as_ref().map(|it| reached(caller, it.clone()));
    Endpoint {
        url: change.url.clone().unwrap_or(it.url),
        description: change.description.clone().or(it.description),
        event_types: change.event_types.clone().unwrap_or(it.event_types),
        stores: stores.unwrap_or(it.stores),
        format: change.format.unwrap_or(it.format),
        version: change.version.clone().unwrap_or(it.version),
        failing_since: it.failing_since.filter(|_| it.disabled.is_none()),
        disabled: it.disabled.or(Some((now, DisabledReason::Asked))).filter(|_| !enabled),
        updated_at: now,
        ..it
    }
}

/// The given secret or a new one, sealed for this endpoint alone; and the new one.
fn seal(
    app: &App,
    id: EndpointId,
    given: Option<&SecretString>,
) -> Result<(Vec<u8>, Option<SecretString>), Failure> {
    let made = given.is_none().then(|| standard_webhooks::secret(&app.mint).into());
    let sealed = credentials::seal(app, id.uuid().as_bytes(), given.or(made.as_ref()))?;
    Ok((sealed, made))
}

fn told(caller: &Caller, id: EndpointId, what: &str) {
    tracing::info!(endpoint.id = %id, by = caller.subject, "an endpoint was {what}");
}
