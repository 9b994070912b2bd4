//! What partners were told, for those who look after it.

use crate::{
    app::{App, Failure},
    auth::{Caller, Scope},
    base::{
        clock,
        cursor::{Page, PageRequest},
    },
    domain::PartnerCallId,
    store::{
        self,
        audit::{AuditEntry, AuditFilter},
        partner_calls::{PartnerCall, PartnerCallFilter, TellingState},
    },
};

/// What partners were, or are to be, told, as far as it fits the filter; the youngest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: PartnerCallFilter,
    page: PageRequest,
) -> Result<Page<PartnerCall>, Failure> {
    caller.require(Scope::InboxRead)?;
    let mut tx = app.db.read().await?;
    Ok(store::partner_calls::list(&mut tx, &filter, page).await?)
}

/// The requests that were made of partners, as far as they fit the filter; the youngest first.
pub async fn audit(
    app: &App,
    caller: &Caller,
    filter: AuditFilter,
    page: PageRequest,
) -> Result<Page<AuditEntry>, Failure> {
    caller.require(Scope::InboxRead)?;
    let mut tx = app.db.read().await?;
    Ok(store::audit::list(&mut tx, &filter, page).await?)
}

/// Tells a partner once more what it refused, or could not be told in time. From now on it is worth telling for as long as anything.
pub async fn retry(app: &App, caller: &Caller, id: PartnerCallId) -> Result<(), Failure> {
    caller.require(Scope::InboxRead)?;
    let now = app.clock.now();
    let worthless_at = clock::after(now, *app.config.outbound.worth_for);
    let mut tx = app.db.begin().await?;
    let call = store::partner_calls::get(&mut tx, id).await?.ok_or(Failure::NoSuch("call"))?;
    if store::partner_calls::retry(&mut tx, id, now, worthless_at).await? {
        tx.commit().await?;
        return Ok(());
    }
    Err(Failure::Taken(match call.state {
        TellingState::Pending => "It is still being tried.".to_owned(),
        _ => "The partner has been told.".to_owned(),
    }))
}
