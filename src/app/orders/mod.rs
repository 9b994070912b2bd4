//! Orders: place, move, read.

mod check;
mod new;
mod place;
mod read;

use std::sync::Arc;

pub use self::{
    new::{NewItem, NewOrder},
    place::{Placed, place},
    read::{Query, history, list, read},
};
use crate::{
    app::{
        App, Failure,
        ledger::{self, Testimony},
    },
    auth::Caller,
    domain::{
        Change, Command, Order, OrderId, OrderStatus, Reason, Refusal, TraceContext, Version,
    },
    store,
};

/// Carries out people's commands on one order: all of them or none.
///
/// `expected` is the version that the caller has seen, where they said so.
pub async fn act(
    app: &App,
    caller: &Caller,
    id: OrderId,
    expected: Option<Version>,
    commands: Vec<Command>,
    context: TraceContext,
) -> Result<Arc<Order>, Failure> {
    change(app, caller, (id, expected), context, |order| {
        if caller.may_serve(order) {
            Ok(commands)
        } else {
            Err(Failure::Forbidden("This token may see the order, but not move it."))
        }
    })
    .await
}

/// Calls an order off. Customers may do that only before the store has taken it on.
pub async fn cancel(
    app: &App,
    caller: &Caller,
    id: OrderId,
    expected: Option<Version>,
    reason: Reason,
    context: TraceContext,
) -> Result<Arc<Order>, Failure> {
    change(app, caller, (id, expected), context, |order| {
        let early = matches!(order.status, OrderStatus::PendingPayment | OrderStatus::Placed);
        let ended = order.status.is_terminal();
        match () {
            () if caller.may_serve(order) => {}
            // Of an ended order, the rules of its status say more.
            () if caller.may_cancel_as_customer(order) && (early || ended) => {}
            () if caller.may_cancel_as_customer(order) => {
                return Err(Failure::Taken(
                    "The store is already at work on this order; ask the store to cancel it."
                        .to_owned(),
                ));
            }
            () => return Err(Failure::Forbidden("This token may not cancel the order.")),
        }
        Ok(vec![Command::Step { to: OrderStatus::Cancelled, reason: Some(reason) }])
    })
    .await
}

/// Loads and locks one order, asks `decide` for commands, and records what they change.
async fn change(
    app: &App,
    caller: &Caller,
    (id, expected): (OrderId, Option<Version>),
    context: TraceContext,
    decide: impl FnOnce(&Order) -> Result<Vec<Command>, Failure>,
) -> Result<Arc<Order>, Failure> {
    let mut tx = app.db.begin().await?;
    let order = store::orders::lock(&mut tx, &[id]).await?.pop();
    let order = order.filter(|it| caller.may_read(it)).ok_or(Failure::NoSuch("order"))?;
    let commands = decide(&order)?;
    if let Some(expected) = expected.filter(|it| *it != order.version) {
        return Err(Refusal::Stale { expected, actual: order.version }.into());
    }
    let faults = check::command_faults(&commands);
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let now = app.clock.now();
    let mut change = Change::of(order.clone(), now);
    for command in commands {
        change.command(command)?;
    }
    let facts = change.into_facts();
    if facts.is_empty() {
        return Ok(Arc::new(order));
    }
    let testimony = Testimony { actor: caller.actor(), occurred_at: None, context };
    let entry = ledger::entry(app, Some(order), facts, &testimony, now)?;
    store::orders::append(&mut tx, entry.append()).await?;
    tx.commit().await?;
    let order = Arc::new(entry.order);
    app.cache.put_local(&order).await;
    Ok(order)
}
