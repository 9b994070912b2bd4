//! Orders as they are, and as they came to be.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    app::{App, Failure},
    auth::{Caller, Role, Scope, Stores},
    base::cursor::{Page, PageRequest},
    domain::{Order, OrderId, OrderStatus, Recorded, StoreId},
    store::{
        self,
        inbox::{InboxEntry, InboxFilter},
        orders::OrderFilter,
    },
};

/// Late reports that one history shows.
const LATE_SHOWN: u32 = 100;

/// What somebody looks for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of one store.
    pub store: Option<StoreId>,
    /// With one of these statuses.
    pub statuses: Vec<OrderStatus>,
    /// Ended or not.
    pub open: Option<bool>,
    /// Placed then or later.
    pub from: Option<Timestamp>,
    /// Placed before.
    pub to: Option<Timestamp>,
}

/// How an order came to be what it is.
pub struct History {
    /// What was recorded, oldest first.
    pub events: Vec<Recorded>,
    /// Partners' calls that changed nothing, newest first.
    pub late: Vec<InboxEntry>,
}

/// One order from the store, if the caller may see it.
pub async fn read(app: &App, caller: &Caller, id: OrderId) -> Result<Arc<Order>, Failure> {
    let mut tx = app.db.read().await?;
    let order = store::orders::load(&mut tx, id).await?;
    order.filter(|it| caller.may_read(it)).map(Arc::new).ok_or(Failure::NoSuch("order"))
}

/// The orders that the caller may see, among those they look for, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    query: Query,
    page: PageRequest,
) -> Result<Page<Order>, Failure> {
    let filter = OrderFilter {
        store_ids: stores(caller, query.store)?,
        customer: (caller.role == Role::Customer).then(|| caller.subject.clone()),
        courier: (caller.role == Role::Courier).then(|| caller.subject.clone()),
        statuses: query.statuses,
        open: query.open,
        from: query.from,
        to: query.to,
    };
    let mut tx = app.db.read().await?;
    Ok(store::orders::list(&mut tx, &filter, page).await?)
}

/// What happened to an order, and what partners said that changed nothing.
pub async fn history(app: &App, caller: &Caller, id: OrderId) -> Result<History, Failure> {
    let mut tx = app.db.read().await?;
    let order = store::orders::load(&mut tx, id).await?;
    let order = order.filter(|it| caller.may_read(it)).ok_or(Failure::NoSuch("order"))?;
    if !caller.may_read_store(order.store_id) {
        return Err(Failure::Forbidden("Only staff and services may see how an order came to be."));
    }
    let events = store::orders::history(&mut tx, id, 0).await?;
    let filter = InboxFilter { order_id: Some(id), ..InboxFilter::default() };
    let calls = store::inbox::list(&mut tx, &filter, PageRequest::first(LATE_SHOWN)).await?;
    let late =
        calls.rows.into_iter().filter(|it| it.outcome.as_deref() != Some("applied")).collect();
    Ok(History { events, late })
}

/// The stores to look in; `None` for all of them.
fn stores(caller: &Caller, wanted: Option<StoreId>) -> Result<Option<Vec<StoreId>>, Failure> {
    match caller.role {
        // Bound by their own name; a store narrows the search and opens nothing.
        Role::Customer | Role::Courier => Ok(wanted.map(|it| vec![it])),
        Role::Tracking => Err(Failure::Forbidden("A tracking link shows one order only.")),
        Role::Service if !caller.has(Scope::OrdersRead) => {
            Err(Failure::Forbidden("This token lacks the scope orders:read."))
        }
        Role::Staff | Role::Service => match (wanted, &caller.stores) {
            (Some(store), _) if caller.may_read_store(store) => Ok(Some(vec![store])),
            (Some(_), _) => Err(Failure::Forbidden("This token does not reach this store.")),
            (None, Stores::All) => Ok(None),
            (None, Stores::Only(stores)) => Ok(Some(stores.clone())),
        },
    }
}
