//! What a watcher is shown when it begins to watch, and when it comes back.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    app::{App, Failure},
    auth::{Caller, Grant},
    domain::{Envelope, Order, OrderId, Version},
    live::{Event, Topic},
    store::{self, StoreError, Tx, orders::Watch},
};

/// Active orders in one snapshot; a store with more than these has other worries.
const SNAPSHOT_ORDERS: u32 = 1000;

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
    let watch = match topic {
        Topic::Order(id) => return Ok(vec![visible(app, caller, *id).await?]),
        Topic::Store(id) => Watch::Store(*id),
        Topic::Customer(id) => Watch::Customer(id),
        Topic::Courier(id) => Watch::Courier(id),
        Topic::Ops => Watch::All,
    };
    let now = app.clock.now();
    let ended_since = now.saturating_sub(*app.config.orders.linger).unwrap_or(now);
    let mut tx = app.db.read().await?;
    let orders = store::orders::active(&mut tx, watch, ended_since, SNAPSHOT_ORDERS).await?;
    Ok(orders.into_iter().map(Arc::new).collect())
}

/// One order from the cache, if the caller may see it. While this node is out of touch, from the store.
pub async fn visible(app: &App, caller: &Caller, id: OrderId) -> Result<Arc<Order>, Failure> {
    let order = if app.hub.behind_since().is_some() {
        load(app, id).await?.map(Arc::new)
    } else {
        app.cache.read_through(id, load(app, id)).await.map_err(Failure::Store)?
    };
    order.filter(|it| caller.may_read(it)).ok_or(Failure::NoSuch("order"))
}

async fn load(app: &App, id: OrderId) -> Result<Option<Order>, StoreError> {
    let mut tx = app.db.read().await?;
    store::orders::load(&mut tx, id).await
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
    let mut tx = app.db.read().await?;
    let events = events_of(&mut tx, id, Timestamp::MIN).await?;
    let Some(last) = events.last() else { return Err(Failure::NoSuch("order")) };
    if !caller.may_read(last.order()) {
        return Err(Failure::NoSuch("order"));
    }
    if last.version() < after {
        return Ok(None);
    }
    Ok(Some(events.into_iter().filter(|it| after < it.version()).collect()))
}

/// The events of an order that were recorded at or after a moment, rebuilt from the log.
pub async fn events_of(
    tx: &mut Tx,
    id: OrderId,
    since: Timestamp,
) -> Result<Vec<Arc<Event>>, Failure> {
    let mut order = None;
    let mut events = Vec::new();
    for recorded in store::orders::history(tx, id, 0).await? {
        order = recorded.fold(order);
        let Some(order) = &order else { break };
        if since <= recorded.recorded_at {
            let envelope = Envelope::of(&recorded, order).with_order(Arc::new(order.clone()));
            events.push(Arc::new(Event::new(envelope)));
        }
    }
    Ok(events)
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
    let ttl = *app.config.auth.tracking_ttl;
    let (token, expires_at) = app.tokens.mint(&Grant::tracking(order.id), ttl);
    let url = format!("{}/track/{token}", public_url(app));
    Ok(TrackingLink { url, token, expires_at })
}

/// How this server is reached from outside.
pub fn public_url(app: &App) -> String {
    match &app.config.http.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", app.config.http.listen),
    }
}
