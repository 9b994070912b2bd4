//! What a watcher is shown when it begins to watch, and when it comes back.

mod reads;

use std::{cmp::Ordering, sync::Arc};

use jiff::Timestamp;

use crate::{
    app::{App, Failure},
    auth::{Caller, Grant},
    base::cursor::Cursor,
    domain::{Order, OrderId, Version},
    live::{Event, Topic},
    store::{self, StoreError, Tx},
};

pub use self::reads::{Reads, events_of};

/// Whether the caller may watch a topic, where that can be told without its order.
fn may_watch(caller: &Caller, topic: &Topic) -> bool {
    match topic {
        Topic::Order(_) => true,
        Topic::Store(id) => caller.may_read_store(*id),
        Topic::Customer(id) => caller.may_read_customer(id),
        Topic::Courier(id) => caller.may_read_courier(id),
        Topic::Ops => caller.may_watch_all(),
    }
}

/// Whether a caller with a fresh token may go on watching a topic. While the store cannot be asked, the benefit of the doubt:
/// an outage must not cut every screen off.
pub async fn may_still_watch(app: &App, caller: &Caller, topic: &Topic) -> bool {
    match topic {
        Topic::Order(id) => !matches!(visible(app, caller, *id).await, Err(Failure::NoSuch(_))),
        Topic::Store(_) | Topic::Customer(_) | Topic::Courier(_) | Topic::Ops => {
            may_watch(caller, topic)
        }
    }
}

/// The orders that a watcher of this topic starts from, oldest first.
///
/// Authority over an order can only be told from the order, so it is checked here for every topic.
pub async fn snapshot(
    app: &App,
    caller: &Caller,
    topic: &Topic,
) -> Result<Vec<Arc<Order>>, Failure> {
    if !may_watch(caller, topic) {
        return Err(Failure::Forbidden("This token may not watch this topic."));
    }
    match topic {
        Topic::Order(id) => Ok(vec![visible(app, caller, *id).await?]),
        Topic::Store(_) | Topic::Customer(_) | Topic::Courier(_) | Topic::Ops => {
            Ok(reads::list(app, topic).await.map_err(Failure::Store)?.to_vec())
        }
    }
}

/// One order from the cache, if the caller may see it. While this node is out of touch, from the store.
pub async fn visible(app: &App, caller: &Caller, id: OrderId) -> Result<Arc<Order>, Failure> {
    let order = reads::order(app, id).await.map_err(Failure::Store)?;
    order.filter(|it| caller.may_read(it)).ok_or(Failure::NoSuch("order"))
}

/// The events of an order after a version, oldest first, if the caller may see them.
///
/// `None` when the order has not reached that version: the watcher knows more than we do and needs a snapshot.
pub async fn missed(
    app: &App,
    caller: &Caller,
    id: OrderId,
    after: Version,
) -> Result<Option<Vec<Arc<Event>>>, Failure> {
    let known = reads::known(app, id).await;
    if known.as_ref().is_some_and(|it| !caller.may_read(it)) {
        return Err(Failure::NoSuch("order"));
    }
    let events = match known.map(|it| it.version.cmp(&after)) {
        Some(Ordering::Equal) => return Ok(Some(Vec::new())),
        // Another node has told the watcher of an event that is still on its way to this one, or the store is an older one.
        Some(Ordering::Less) => reads::log(app, id).await,
        Some(Ordering::Greater) | None => reads::history(app, id).await,
    };
    let events = events.map_err(Failure::Store)?;
    let is_theirs = |event: &Event| event.order().is_some_and(|order| caller.may_read(order));
    let last = events.last().filter(|it| is_theirs(it));
    if last.ok_or(Failure::NoSuch("order"))?.version() < after {
        return Ok(None);
    }
    Ok(Some(events.iter().filter(|it| after < it.version()).cloned().collect()))
}

/// The events of the next orders that changed since a moment, order by order, and where the page after them begins; `None` when there was
/// none left. An order whose log cannot be read is logged and left out, so that it keeps no other from being healed.
pub async fn changed_since(
    tx: &mut Tx,
    since: Timestamp,
    after: Option<Cursor>,
    limit: u32,
) -> Result<(Vec<Vec<Arc<Event>>>, Option<Cursor>), StoreError> {
    let changed = store::orders::changed_since(tx, since, after, limit).await?;
    let mut events = Vec::with_capacity(changed.len());
    for cursor in &changed {
        let id = OrderId::from_uuid(cursor.id);
        match events_of(tx, id, since).await {
            Ok(of_order) => events.push(of_order),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => tracing::error!(order.id = %id, "an order's log cannot be read: {error}"),
        }
    }
    Ok((events, changed.last().copied()))
}

/// A link that shows one order to whoever holds it.
pub struct TrackingLink {
    /// Where the page is.
    pub url: String,
    /// The token in it.
    pub token: String,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// Makes a link for an order that the caller may see.
pub async fn link(app: &App, caller: &Caller, id: OrderId) -> Result<TrackingLink, Failure> {
    let order = visible(app, caller, id).await?;
    Ok(link_to(app, order.id))
}

/// Makes a link for whoever the order belongs to.
pub fn link_to(app: &App, id: OrderId) -> TrackingLink {
    let (token, expires_at) = app.tokens.mint(&Grant::tracking(id), *app.config.auth.tracking_ttl);
    let url = format!("{}/track/{token}", app.config.public_url());
    TrackingLink { url, token, expires_at }
}
