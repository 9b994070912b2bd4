//! Stored calls are understood and applied, many in one transaction. Nothing is ever answered to the partner from here.

use std::{sync::Arc, time::Duration};

use metrics::counter;

use crate::{
    app::{
        App, Failure, batch,
        intake::batch::{Applied, Batch},
        ledger::Entry,
        mappings, notify,
    },
    base::{backoff::Backoff, clock},
    domain::{InboxId, Merged},
    messaging::whatsapp,
    store::{
        self, Claim,
        inbox::{Call, CallState, ORIGIN, RECONCILIATION, Settled, outcome},
    },
    telemetry::metric,
};

/// The first delay before a call that failed is tried again; it doubles up to the second.
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_mins(5);

/// Applies the calls that are due; answers how many there were.
///
/// When a batch fails for a reason of its own, its calls are tried one by one, so that a bad one cannot hold the others up.
pub async fn step(app: &App) -> Result<usize, Failure> {
    match attempt(app, app.config.workers.intake_batch).await {
        Ok(calls) => Ok(calls),
        Err(Setback { cause, .. }) if cause.is_transient() => Err(cause),
        // They could not even be taken: then it is none of theirs.
        Err(Setback { calls, cause }) if calls.is_empty() => Err(cause),
        Err(setback) => one_by_one(app, setback.calls.len()).await,
    }
}

/// A batch that failed, with the calls in it.
struct Setback {
    calls: Vec<Claimed>,
    cause: Failure,
}

struct Claimed {
    claim: Claim,
    state: CallState,
    attempts: u32,
}

async fn one_by_one(app: &App, count: usize) -> Result<usize, Failure> {
    for _ in 0..count {
        match attempt(app, 1).await {
            Ok(_) => {}
            Err(Setback { cause, .. }) if cause.is_transient() => return Err(cause),
            Err(setback) => put_off(app, setback).await?,
        }
    }
    Ok(count)
}

/// Tries a call again later, or gives it up.
async fn put_off(app: &App, setback: Setback) -> Result<(), Failure> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let note = setback.cause.to_string();
    let mut settled = Vec::with_capacity(setback.calls.len());
    for call in setback.calls {
        let attempts = call.attempts + 1;
        tracing::error!(inbox.id = %InboxId::from_uuid(call.claim.id), attempts, "a partner's call cannot be applied: {note}");
        let is_over = app.config.workers.intake_attempts <= attempts;
        let delay = Backoff::after(FIRST_DELAY, LONGEST_DELAY, attempts).next_delay(&app.mint);
        settled.push(Settled {
            claim: call.claim,
            state: if is_over { CallState::Dead } else { call.state },
            outcome: is_over.then(|| outcome::FAILED.to_owned()),
            order_id: None,
            external_id: None,
            note: Some(note.clone()),
            retry_at: (!is_over).then(|| clock::after(now, delay)),
        });
    }
    store::inbox::settle(&mut tx, &settled, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Applies at most `limit` calls in one transaction.
async fn attempt(app: &App, limit: u32) -> Result<usize, Setback> {
    let mut calls = Vec::new();
    let applied = async {
        let mut tx = app.db.begin().await?;
        let due = store::inbox::claim(&mut tx, app.clock.now(), limit).await?;
        let claimed = |call: &Call| Claimed {
            claim: call.claim(),
            state: call.state,
            attempts: call.attempts,
        };
        calls = due.iter().map(claimed).collect();
        if due.is_empty() {
            // Calls that cannot be read were given up meanwhile.
            tx.commit().await?;
            return Ok(());
        }
        // Channels report of messages, not of orders.
        let (reports, due): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|it| it.partner == whatsapp::PARTNER);
        let reported = notify::receive(app, &mut tx, &reports).await?;
        let batch = Batch::load(app, &mut tx, &due).await?;
        let Applied { entries, settled, mut begun } = batch.apply(app)?;
        let appends: Vec<_> = entries.iter().map(Entry::append).collect();
        store::orders::append_all(&mut tx, &appends).await?;
        let now = app.clock.now();
        store::inbox::settle(&mut tx, &[&*reported, &settled].concat(), now).await?;
        // Last, for it takes up again what this very batch may have parked. In one order, so that two batches cannot deadlock.
        begun.sort_by(|(left, _), (right, _)| left.external_id.cmp(&right.external_id));
        for (order, contact) in begun {
            mappings::tie(app, &mut tx, &order, contact, app.clock.now()).await?;
        }
        tx.commit().await?;
        count(&reports, &reported);
        count(&due, &settled);
        for entry in entries {
            app.cache.put_local(&Arc::new(entry.order)).await;
        }
        Ok(())
    };
    match batch::caught(applied).await {
        Ok(()) => Ok(calls.len()),
        Err(cause) => Err(Setback { calls, cause }),
    }
}

fn count(calls: &[Call], settled: &[Settled]) {
    for (call, settled) in calls.iter().zip(settled) {
        let outcome = settled.outcome.clone().unwrap_or_default();
        let partner = call.partner.clone();
        let is_news = outcome == Merged::Applied.as_str() || outcome == outcome::BEGUN;
        if is_news && call.headers.get(ORIGIN).is_some_and(|it| it == RECONCILIATION) {
            counter!(metric::DRIFT, "partner" => partner.clone()).increment(1);
        }
        counter!(metric::INTAKE_SETTLED, "partner" => partner, "outcome" => outcome).increment(1);
    }
}
