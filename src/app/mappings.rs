//! What partners call our orders and stores.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    app::{App, Detail, Failure},
    auth::{Caller, Scope},
    base::cursor::{Page, PageRequest},
    domain::{Order, StoreId},
    store::{
        self, StoreError, Tx,
        inbox::outcome,
        mappings::{ExternalId, Mapping, MappingChange, MappingFilter, ORDER, STORE},
    },
};

/// The longest id of another system, in bytes.
const LONGEST_ID: usize = 256;

/// Ties an order to its partner's name for it, where it has one. Calls that came before the order are taken up again.
///
/// `contact` is what the partner wants to hear with our answers.
pub(in crate::app) async fn tie(
    app: &App,
    tx: &mut Tx,
    order: &Order,
    contact: Option<Value>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(external_id) = &order.external_id else { return Ok(()) };
    let names = Names { kind: ORDER, partner: &order.source, external_id };
    match store::mappings::bind(tx, &names.bound(app, order.id.uuid(), contact, now)).await {
        Ok(()) => {}
        Err(StoreError::Conflict) => {
            let (partner, id) = (&order.source, external_id);
            return Err(Failure::Taken(format!("{partner}'s order {id} is another order here.")));
        }
        Err(error) => return Err(error.into()),
    }
    store::inbox::unpark(tx, &order.source, external_id).await?;
    Ok(())
}

/// The mappings that fit the filter, the youngest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: MappingFilter,
    page: PageRequest,
) -> Result<Page<Mapping>, Failure> {
    caller.require(Scope::StoresRead)?;
    let mut tx = app.db.read().await?;
    Ok(store::mappings::list(&mut tx, &filter, page).await?)
}

/// What a partner's name for a store is bound to, and everything it ever was bound to.
pub async fn read(
    app: &App,
    caller: &Caller,
    partner: &str,
    name: &str,
) -> Result<(Option<Mapping>, Vec<MappingChange>), Failure> {
    caller.require(Scope::StoresWrite)?;
    let id = store_of(partner, name);
    let mut tx = app.db.read().await?;
    let changes = store::mappings::changes(&mut tx, &id).await?;
    let mapping = store::mappings::get(&mut tx, &id).await?;
    if mapping.is_none() && changes.is_empty() {
        return Err(Failure::NoSuch("mapping"));
    }
    Ok((mapping, changes))
}

/// Says which of our stores a partner means by a name, whatever it was said to mean before. Orders that waited for it are taken up.
pub async fn name_store(
    app: &App,
    caller: &Caller,
    (partner, name): (&str, &str),
    store_id: StoreId,
    data: Option<Value>,
) -> Result<Mapping, Failure> {
    caller.require(Scope::StoresWrite)?;
    check(app, partner, name)?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if store::stores::get(&mut tx, store_id).await?.is_none() {
        return Err(Failure::Invalid(vec![Detail::new("storeId", "there is no such store")]));
    }
    let names = Names { kind: STORE, partner, external_id: name };
    let mapping = names.bound(app, store_id.uuid(), data, now);
    store::mappings::rebind(&mut tx, &mapping, &caller.actor()).await?;
    store::inbox::unpark_all(&mut tx, partner, outcome::UNKNOWN_STORE).await?;
    tx.commit().await?;
    Ok(mapping)
}

/// A partner's name for a store means nothing any more.
pub async fn forget_store(
    app: &App,
    caller: &Caller,
    partner: &str,
    name: &str,
) -> Result<(), Failure> {
    caller.require(Scope::StoresWrite)?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let entry = (app.mint.uuid(now), now);
    let id = store_of(partner, name);
    if !store::mappings::unbind(&mut tx, &id, &caller.actor(), entry).await? {
        return Err(Failure::NoSuch("mapping"));
    }
    tx.commit().await?;
    Ok(())
}

fn check(app: &App, partner: &str, name: &str) -> Result<(), Failure> {
    if app.partners.find(partner).is_none() {
        return Err(Failure::NoSuch("partner"));
    }
    if name.is_empty() || LONGEST_ID < name.len() || name.contains(char::is_control) {
        let message = format!("has 1 to {LONGEST_ID} bytes, no control characters among them");
        return Err(Failure::Invalid(vec![Detail::new("externalId", message)]));
    }
    Ok(())
}

fn store_of(partner: &str, name: &str) -> ExternalId {
    ExternalId { system: partner.to_owned(), kind: STORE.to_owned(), id: name.to_owned() }
}

/// Something, by a partner's name for it.
struct Names<'a> {
    kind: &'a str,
    partner: &'a str,
    external_id: &'a str,
}

impl Names<'_> {
    fn bound(&self, app: &App, local: Uuid, data: Option<Value>, now: Timestamp) -> Mapping {
        Mapping {
            id: app.mint.uuid(now),
            local_entity_type: self.kind.to_owned(),
            local_entity_id: local,
            external_system: self.partner.to_owned(),
            external_entity_id: self.external_id.to_owned(),
            external_entity_type: self.kind.to_owned(),
            mapping_data: data,
            last_synced: None,
            sync_status: "active".to_owned(),
            created_at: now,
            updated_at: now,
        }
    }
}
