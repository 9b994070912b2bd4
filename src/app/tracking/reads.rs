//! Reads of the store that watchers share: ten thousand sockets that come back together must not be ten thousand reads.
//!
//! **Why nobody misses an event.** A watcher registers at the hub first, and from then on the hub holds for it whatever is
//! published. So what it reads afterwards must reach every event that was published before. Two kinds of reading do:
//!
//! - A read of the store that *began after it registered*, for nothing is published that is not committed. [`Flights`] never
//!   answers with one that began before it was asked.
//! - Something remembered, however old, that reaches what is [`known`] *at a moment after it registered*: the fan-out puts an order
//!   into the cache before the hub publishes its event, so what is known is never behind what was published. A history that
//!   does not reach so far is the past of somebody else, and is not used; nor is any while this node is behind, when
//!   what is known is not known to be true.
//!
//! Both hold for everybody who joins a flight, as its work begins after all of them have asked: it looks first whether the
//! flight before it has left what they need. So however many come for one order, and whenever, it is read once for each version.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use metrics::counter;
use moka::sync::Cache;

use crate::{
    app::App,
    base::{clock, flights::Flights},
    domain::{Envelope, Order, OrderId},
    live::{Event, Topic},
    store::{self, StoreError, Tx, orders::Watch},
    telemetry::metric,
};

/// Active orders in one snapshot; a store with more than these has other worries.
const SNAPSHOT_ORDERS: u32 = 1000;

/// How long a history is kept after the last event that went into it: a storm is over by then.
const RECENT: Duration = Duration::from_mins(1);

/// Events of one order beyond which its history is not continued, but read anew.
const LONGEST: usize = 256;

/// Everything that happened to one order up to some moment, oldest first. Shared, and with it the frames of its events.
pub type History = Arc<[Arc<Event>]>;

/// Fails for everybody who shared it.
type Shared<T> = Result<T, Arc<StoreError>>;

/// What is being read for watchers, and what was read a moment ago.
pub struct Reads {
    orders: Flights<OrderId, Shared<Option<Arc<Order>>>>,
    histories: Flights<OrderId, Shared<History>>,
    logs: Flights<OrderId, Shared<History>>,
    lists: Flights<Topic, Shared<Arc<[Arc<Order>]>>>,
    recent: Cache<OrderId, History>,
}

impl Reads {
    /// Keeps so many events of recent histories.
    pub fn new(events: u64) -> Self {
        Self {
            orders: Flights::default(),
            histories: Flights::default(),
            logs: Flights::default(),
            lists: Flights::default(),
            recent: Cache::builder()
                .max_capacity(events)
                .weigher(|_, it: &History| u32::try_from(it.len()).unwrap_or(u32::MAX))
                .time_to_live(RECENT)
                .build(),
        }
    }

    /// An event is about to be published: the history of its order, if there is one, goes on with it. One that is not continued
    /// does no harm, for it reaches no further than it says.
    pub fn follow(&self, event: &Arc<Event>) {
        let Some(order) = event.order().map(|order| order.id) else { return };
        let Some(known) = self.recent.get(&order) else { return };
        let is_next = known.last().is_some_and(|it| it.version() + 1 == event.version());
        if is_next && known.len() < LONGEST {
            let longer = known.iter().chain([event]).map(Arc::clone).collect();
            self.recent.insert(order, longer);
        }
    }

    /// Forgets all histories: after a gap, begin anew.
    pub fn forget(&self) {
        self.recent.invalidate_all();
    }
}

/// The order as this node knows it without asking the store; `None` where that is nothing, or not to be trusted.
pub async fn known(app: &App, id: OrderId) -> Option<Arc<Order>> {
    if app.hub.behind_since().is_some() {
        return None;
    }
    let order = app.cache.get(id).await?;
    // Redis is told beside the bus, and may be late by an event that was published here.
    (app.hub.published(id) <= Some(order.version)).then_some(order)
}

/// An order as it stands.
pub async fn order(app: &App, id: OrderId) -> Shared<Option<Arc<Order>>> {
    if let Some(order) = known(app, id).await {
        return Ok(Some(order));
    }
    let read = async || {
        if let Some(order) = known(app, id).await {
            return Ok(Some(order));
        }
        let load = async {
            let mut tx = app.db.read().await?;
            count("order");
            Ok(store::orders::load(&mut tx, id).await?.map(Arc::new))
        };
        app.cache.fill(load).await.map_err(Arc::new)
    };
    app.reads.orders.join(id, read).await
}

/// Everything that happened to an order; nothing when there is no such order.
pub async fn history(app: &App, id: OrderId) -> Shared<History> {
    if let Some(history) = recent(app, id).await {
        return Ok(history);
    }
    let read = async || match recent(app, id).await {
        Some(history) => Ok(history),
        None => log(app, id).await,
    };
    app.reads.histories.join(id, read).await
}

/// The same from the store, whatever is remembered: for a watcher that has been told more than this node.
pub async fn log(app: &App, id: OrderId) -> Shared<History> {
    let read = async || {
        let mut history = History::default();
        let load = async {
            let mut tx = app.db.read().await?;
            count("history");
            history = events_of(&mut tx, id, Timestamp::MIN).await?.into();
            Ok(history.last().and_then(|it| it.order().map(Arc::clone)))
        };
        // An order that nobody knew is known from here on: it need not be read for itself.
        if app.cache.fill(load).await.map_err(Arc::new)?.is_some() {
            app.reads.recent.insert(id, Arc::clone(&history));
        }
        Ok(history)
    };
    app.reads.logs.join(id, read).await
}

/// A remembered history that reaches what is known now.
async fn recent(app: &App, id: OrderId) -> Option<History> {
    let newest = known(app, id).await?.version;
    app.reads.recent.get(&id).filter(|it| it.last().is_some_and(|it| newest <= it.version()))
}

/// The orders that a watcher of many starts from, oldest first; nothing for a topic of one order.
pub async fn list(app: &App, topic: &Topic) -> Shared<Arc<[Arc<Order>]>> {
    let watch = match topic {
        Topic::Order(_) => return Ok(Arc::default()),
        Topic::Store(id) => Watch::Store(*id),
        Topic::Customer(id) => Watch::Customer(id),
        Topic::Courier(id) => Watch::Courier(id),
        Topic::Ops => Watch::All,
    };
    let read = async || {
        let now = app.clock.now();
        let ended_since = clock::before(now, *app.config.orders.linger);
        let mut tx = app.db.read().await?;
        count("list");
        let orders = store::orders::active(&mut tx, watch, ended_since, SNAPSHOT_ORDERS).await?;
        Ok(orders.into_iter().map(Arc::new).collect())
    };
    app.reads.lists.join(topic.clone(), read).await
}

fn count(what: &'static str) {
    counter!(metric::ORDER_READS, "what" => what).increment(1);
}

/// The events of an order that were recorded at or after a moment, rebuilt from the log.
pub async fn events_of(
    tx: &mut Tx,
    id: OrderId,
    since: Timestamp,
) -> Result<Vec<Arc<Event>>, StoreError> {
    let mut order = None;
    let mut events = Vec::new();
    for recorded in store::orders::history(tx, id, 0).await? {
        order = recorded.fold(order);
        let Some(order) = &order else { break };
        if since <= recorded.recorded_at {
            let envelope =
                Envelope::of(&recorded, order).map_order(|it| Arc::new(Order::clone(it)));
            events.push(Arc::new(Event::new(envelope)));
        }
    }
    Ok(events)
}
