//! The stored calls of partners, for those who look after them.

use crate::{
    app::{App, Failure},
    auth::{Caller, Scope},
    base::cursor::{Page, PageRequest},
    domain::InboxId,
    store::{
        self,
        inbox::{Call, InboxEntry, InboxFilter},
    },
};

/// Calls replayed by one request.
pub const MOST_REPLAYED: u32 = 10_000;

/// One call with its headers and its body.
pub async fn read(app: &App, caller: &Caller, id: InboxId) -> Result<Call, Failure> {
    caller.require(Scope::InboxRead)?;
    let mut tx = app.db.read().await?;
    store::inbox::load(&mut tx, id).await?.ok_or(Failure::NoSuch("call"))
}

/// Applies one call once more.
pub async fn replay(app: &App, caller: &Caller, id: InboxId) -> Result<(), Failure> {
    caller.require(Scope::InboxRead)?;
    let mut tx = app.db.begin().await?;
    if !store::inbox::replay_one(&mut tx, id, app.clock.now()).await? {
        return Err(Failure::NoSuch("call"));
    }
    tx.commit().await?;
    Ok(())
}

/// Applies the calls that fit the filter once more, the oldest first; answers how many they are, at most [`MOST_REPLAYED`].
pub async fn replay_all(app: &App, caller: &Caller, filter: InboxFilter) -> Result<u64, Failure> {
    caller.require(Scope::InboxRead)?;
    let mut tx = app.db.begin().await?;
    let calls = store::inbox::replay(&mut tx, &filter, app.clock.now(), MOST_REPLAYED).await?;
    tx.commit().await?;
    Ok(calls)
}

/// The calls that fit the filter, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: InboxFilter,
    page: PageRequest,
) -> Result<Page<InboxEntry>, Failure> {
    caller.require(Scope::InboxRead)?;
    let mut tx = app.db.read().await?;
    Ok(store::inbox::list(&mut tx, &filter, page).await?)
}
