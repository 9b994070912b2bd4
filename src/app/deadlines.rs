//! Orders that nobody answers in time end as `expired`.

use std::sync::Arc;

use crate::{
    app::{
        App, Failure,
        ledger::{self, Testimony},
    },
    domain::{Actor, ActorKind, Change, Command, OrderStatus, Reason, ReasonCode, TraceContext},
    store,
};

/// Orders that expire in one transaction.
const AT_ONCE: u32 = 100;

/// Ends the orders whose time is over; answers how many there were.
pub async fn step(app: &App) -> Result<usize, Failure> {
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let overdue = store::orders::unanswered(&mut tx, now, AT_ONCE).await?;
    drop(tx);
    if overdue.is_empty() {
        return Ok(0);
    }
    let mut tx = app.db.begin().await?;
    let mut entries = Vec::new();
    for order in store::orders::lock(&mut tx, &overdue).await? {
        // Somebody may have answered since.
        if order.answer_by().is_none_or(|it| now < it) {
            continue;
        }
        let mut change = Change::of(order.clone(), now);
        let reason = Reason { code: ReasonCode::NoAnswer, note: None };
        change.command(Command::Step { to: OrderStatus::Expired, reason: Some(reason) })?;
        let actor = Actor::new(ActorKind::System, "deadline");
        let testimony = Testimony { actor, occurred_at: None, context: TraceContext::default() };
        entries.push(ledger::entry(app, Some(order), change.into_facts(), &testimony, now)?);
    }
    let appends: Vec<_> = entries.iter().map(ledger::Entry::append).collect();
    store::orders::append_all(&mut tx, &appends).await?;
    tx.commit().await?;
    for entry in entries {
        tracing::warn!(order.id = %entry.order.id, store.id = %entry.order.store_id, "nobody answered in time");
        app.cache.put_local(&Arc::new(entry.order)).await;
    }
    Ok(overdue.len())
}
