//! The stores of the restaurant.

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::{
    app::{App, Detail, Failure, ledger},
    auth::{Caller, Role, Scope},
    domain::{
        Currency, Envelope, EventData, EventId, LocalizedText, Metadata, Store, StoreId,
        TraceContext,
    },
    store::{self, outbox::OutboxMessage},
};

const MOST_STATIONS: usize = 20;
const LONGEST_STATION: usize = 32;
const MOST_MINUTES: u16 = 24 * 60;

/// A new store, as asked for.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewStore {
    /// As people know it.
    pub name: LocalizedText,
    /// What it sells in: an ISO 4217 code.
    #[serde(default = "dinar")]
    pub currency: String,
    /// Its zone in the IANA database.
    #[serde(default = "amman")]
    pub timezone: String,
    /// The kitchen stations; the first one takes items that name none.
    #[serde(default = "kitchen")]
    pub stations: Vec<String>,
    /// How long an order takes to cook.
    #[serde(default = "a_quarter")]
    pub prep_minutes: u16,
    /// How long a courier takes from there.
    #[serde(default = "a_quarter")]
    pub delivery_minutes: u16,
    /// Whether orders that partners bring are accepted at once, without anybody's tap.
    #[serde(default)]
    pub auto_accept: bool,
}

fn dinar() -> String {
    Currency::JOD.code().to_owned()
}

fn amman() -> String {
    "Asia/Amman".to_owned()
}

fn kitchen() -> Vec<String> {
    vec!["kitchen".to_owned()]
}

const fn a_quarter() -> u16 {
    15
}

/// Opens a store.
pub async fn open(
    app: &App,
    caller: &Caller,
    new: NewStore,
    context: TraceContext,
) -> Result<Store, Failure> {
    caller.require(Scope::StoresWrite)?;
    let currency = check(&new)?;
    let now = app.clock.now();
    let store = Store {
        id: StoreId::from_uuid(app.mint.uuid(now)),
        version: 1,
        name: new.name,
        currency,
        timezone: new.timezone,
        stations: new.stations,
        prep_minutes: new.prep_minutes,
        delivery_minutes: new.delivery_minutes,
        auto_accept: new.auto_accept,
    };
    let message = updated(app, caller, &store, context)?;
    let mut tx = app.db.begin().await?;
    store::stores::insert(&mut tx, &store, &message, now).await?;
    tx.commit().await?;
    Ok(store)
}

/// What is to change of a store; what is left out stays.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreChange {
    /// As people know it.
    #[serde(default)]
    pub name: Option<LocalizedText>,
    /// How long an order takes to cook.
    #[serde(default)]
    pub prep_minutes: Option<u16>,
    /// How long a courier takes from there.
    #[serde(default)]
    pub delivery_minutes: Option<u16>,
    /// Whether orders that partners bring are accepted at once, without anybody's tap.
    #[serde(default)]
    pub auto_accept: Option<bool>,
}

/// Changes a store's settings. What has been ordered already stays as it was.
pub async fn change(
    app: &App,
    caller: &Caller,
    id: StoreId,
    change: StoreChange,
    context: TraceContext,
) -> Result<Store, Failure> {
    if !caller.may_change_store_settings(id) {
        let why = "Changing a store takes a token for it with the scope stores:write.";
        return Err(refused_at(caller, id, why));
    }
    let mut tx = app.db.begin().await?;
    let before = store::stores::lock(&mut tx, id).await?.ok_or(Failure::NoSuch("store"))?;
    let mut store = before.clone();
    store.name = change.name.unwrap_or(store.name);
    store.prep_minutes = change.prep_minutes.unwrap_or(store.prep_minutes);
    store.delivery_minutes = change.delivery_minutes.unwrap_or(store.delivery_minutes);
    store.auto_accept = change.auto_accept.unwrap_or(store.auto_accept);
    let mut faults = Vec::new();
    check_name(&store.name, &mut faults);
    check_minutes(store.prep_minutes, store.delivery_minutes, &mut faults);
    if !faults.is_empty() {
        tx.roll_back().await;
        return Err(Failure::Invalid(faults));
    }
    if store == before {
        return Ok(store);
    }
    store.version += 1;
    let message = updated(app, caller, &store, context)?;
    store::stores::update(&mut tx, &store, &message).await?;
    tx.commit().await?;
    Ok(store)
}

/// The event that tells of a store as it is now.
fn updated(
    app: &App,
    caller: &Caller,
    store: &Store,
    context: TraceContext,
) -> Result<OutboxMessage, Failure> {
    let now = app.clock.now();
    let id = EventId::from_uuid(app.mint.uuid(now));
    let data = EventData::StoreUpdated { store: Box::new(store.clone()) };
    ledger::message(&Envelope::new(id, now, data, Metadata::new(caller.actor(), context)))
}

/// The stores that the caller may see.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Store>, Failure> {
    let mut tx = app.db.read().await?;
    let mut stores = store::stores::list(&mut tx).await?;
    stores.retain(|it| caller.may_read_store_settings(it.id));
    Ok(stores)
}

/// The refusal of a request about a store: 403 with the reason if the caller may know that the store exists, else 404.
pub(in crate::app) fn refused_at(caller: &Caller, store: StoreId, why: &'static str) -> Failure {
    if caller.may_know_store(store) { Failure::Forbidden(why) } else { Failure::NoSuch("store") }
}

/// One store. What stands there hangs outside the door, so whoever knows its id may read it; staff and services only theirs.
pub async fn read(app: &App, caller: &Caller, id: StoreId) -> Result<Store, Failure> {
    let works_at_stores = matches!(caller.role, Role::Staff | Role::Service);
    if works_at_stores && !caller.may_read_store_settings(id) {
        return Err(refused_at(caller, id, "Reading a store takes the scope stores:read."));
    }
    let mut tx = app.db.read().await?;
    store::stores::get(&mut tx, id).await?.ok_or(Failure::NoSuch("store"))
}

/// Every fault at once, or the currency.
fn check(new: &NewStore) -> Result<Currency, Failure> {
    let mut faults = Vec::new();
    check_name(&new.name, &mut faults);
    if TimeZone::get(&new.timezone).is_err() {
        faults.push(Detail::new("timezone", "is not a zone of the IANA database: Asia/Amman"));
    }
    if new.stations.is_empty() || MOST_STATIONS < new.stations.len() {
        faults.push(Detail::new("stations", format!("has 1 to {MOST_STATIONS} names")));
    }
    for (at, station) in new.stations.iter().enumerate() {
        let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-_".contains(&it);
        let named = !station.is_empty() && station.len() <= LONGEST_STATION;
        if !named || !station.bytes().all(plain) {
            let message = "is 1 to 32 of a-z, 0-9, hyphen and underscore";
            faults.push(Detail::new(format!("stations[{at}]"), message));
        }
        if new.stations.iter().take(at).any(|it| it == station) {
            faults.push(Detail::new(format!("stations[{at}]"), "stands there twice"));
        }
    }
    check_minutes(new.prep_minutes, new.delivery_minutes, &mut faults);
    let currency = Currency::from_code(&new.currency);
    if currency.is_none() {
        faults.push(Detail::new("currency", "is not an ISO 4217 code: JOD, SAR, KWD…"));
    }
    currency.filter(|_| faults.is_empty()).ok_or(Failure::Invalid(faults))
}

fn check_name(name: &LocalizedText, faults: &mut Vec<Detail>) {
    if name.is_empty() {
        faults.push(Detail::new("name", "needs words in `en`, `ar` or both"));
    }
}

fn check_minutes(prep: u16, delivery: u16, faults: &mut Vec<Detail>) {
    for (field, minutes) in [("prepMinutes", prep), ("deliveryMinutes", delivery)] {
        if minutes == 0 || MOST_MINUTES < minutes {
            faults.push(Detail::new(field, format!("must be between 1 and {MOST_MINUTES}")));
        }
    }
}
