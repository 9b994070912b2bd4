//! The stored calls of partners, for those who look after them.

use bytes::Bytes;

use crate::{
    app::{App, Failure},
    auth::Caller,
    base::cursor::{Cursor, Page},
    domain::InboxId,
    store::{
        self,
        inbox::{InboxEntry, InboxFilter},
    },
};

/// One call's body, byte for byte as it came.
pub async fn body(app: &App, caller: &Caller, id: InboxId) -> Result<Bytes, Failure> {
    authorise(caller)?;
    let mut tx = app.db.read().await?;
    let call = store::inbox::load(&mut tx, id).await?;
    call.map(|it| it.body).ok_or(Failure::NoSuch("call"))
}

/// The calls that fit the filter, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: InboxFilter,
    limit: u32,
) -> Result<Page<InboxEntry>, Failure> {
    authorise(caller)?;
    let mut tx = app.db.read().await?;
    let calls = store::inbox::list(&mut tx, &filter, limit + 1).await?;
    Ok(Page::of(calls, limit, |it| Cursor { at: it.received_at, id: it.id.uuid() }))
}

fn authorise(caller: &Caller) -> Result<(), Failure> {
    if caller.may_read_inbox() {
        return Ok(());
    }
    Err(Failure::Forbidden(
        "Reading the inbox takes a token for all stores with the scope inbox:read.",
    ))
}
