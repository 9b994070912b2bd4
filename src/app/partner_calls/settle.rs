//! What attempts came to: for their calls, for the mappings of their orders, and for the audit log.

use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;

use crate::{
    app::{
        App, Failure,
        audit::{self, About},
        batch,
        partner_calls::attempt::{Attempted, Outcome, external},
    },
    base::{backoff::Backoff, clock, traceparent::trace_id},
    partners::outbound::{self, Outbound},
    store::{
        self,
        partner_calls::{CallSettlement, PartnerCall, TellingState},
    },
    telemetry::metric,
};

/// How the mapping of an order stands, by whether its partner took what it was last told.
const SYNCED: &str = "active";
const FAILED: &str = "failed";

/// Stores what attempts came to, in one transaction. One that cannot be stored for a reason of its own does not hold up the others: its
/// call becomes due again when its lease ends.
pub async fn settle(app: &App, done: &[(&PartnerCall, &Attempted)]) -> Result<(), Failure> {
    let stored = batch::isolate(done, |part| put(app, part)).await?;
    for ((call, _), stored) in done.iter().zip(stored) {
        if let Err(failure) = stored {
            tracing::error!(
                order.id = %call.order_id, partner = call.partner,
                "the outcome of a call cannot be stored: {failure}"
            );
        }
    }
    Ok(())
}

async fn put(app: &App, done: &[(&PartnerCall, &Attempted)]) -> batch::Results<()> {
    let now = app.clock.now();
    let settlements: Vec<_> =
        done.iter().map(|(call, attempted)| attempted.outcome.settlement(app, call, now)).collect();
    let mut tx = app.db.begin().await?;
    for (call, attempted) in done {
        let about = About {
            partner: &call.partner,
            order_id: Some(call.order_id),
            store_id: attempted.order.as_ref().map(|order| order.store_id),
            call_id: Some(call.id),
            attempt: call.attempts,
        };
        for exchange in &attempted.log {
            let entry = audit::entry(app, &about, exchange);
            store::audit::put(&mut tx, &entry).await?;
        }
    }
    let settled = store::partner_calls::settle(&mut tx, &settlements, now).await?;
    let mut told: Vec<_> = done
        .iter()
        .zip(&settlements)
        .filter(|(_, settlement)| settled.contains(&settlement.claim.id))
        .collect();
    // Rows of mappings are locked in one order by all who lock several.
    told.sort_by_key(|((call, _), _)| call.order_id);
    for ((_, attempted), settlement) in &told {
        let Some(id) = attempted.order.as_ref().and_then(external) else { continue };
        match settlement.state {
            TellingState::Sent => {
                store::mappings::synced(&mut tx, &id, Some(now), SYNCED).await?;
            }
            TellingState::Failed => store::mappings::synced(&mut tx, &id, None, FAILED).await?,
            TellingState::Pending | TellingState::Skipped => {}
        }
    }
    tx.commit().await?;
    for ((call, _), settlement) in told {
        observe(call, settlement);
    }
    Ok(done.iter().map(|_| Ok(())).collect())
}

fn observe(call: &PartnerCall, settlement: &CallSettlement) {
    let (partner, action) = (call.partner.clone(), call.telling.action.as_str());
    let state = settlement.state.as_str();
    if settlement.state != TellingState::Pending {
        counter!(metric::PARTNER_CALLS, "partner" => partner, "action" => action, "state" => state)
            .increment(1);
    }
    if settlement.state == TellingState::Failed {
        let note = settlement.note.as_deref().unwrap_or_default();
        let trace = call.traceparent.as_deref().map(trace_id);
        tracing::warn!(order.id = %call.order_id, trace.id = trace, partner = call.partner, action = %call.telling.action, "a partner was not told: {note}");
    }
}

impl Outcome {
    fn settlement(&self, app: &App, call: &PartnerCall, now: Timestamp) -> CallSettlement {
        let settlement = |state, status, note| CallSettlement {
            claim: call.claim(),
            state,
            next_attempt_at: None,
            status,
            note,
            counts: true,
        };
        let failed = |status, why| settlement(TellingState::Failed, status, Some(why));
        let (next, status, why, counts) = match self {
            Self::Sent(status) => return settlement(TellingState::Sent, Some(*status), None),
            Self::Skipped(why) => {
                return settlement(TellingState::Skipped, None, Some((*why).to_owned()));
            }
            Self::Failed(status, why) => return failed(*status, why.clone()),
            Self::Again { status, why, .. } if app.config.outbound.attempts <= call.attempts => {
                let why = format!("given up after {} attempts; the last: {why}", call.attempts);
                return failed(*status, why);
            }
            Self::Again { not_before, status, why } => {
                let next = later(app, call, now).max(not_before.unwrap_or(now));
                (next, *status, why, true)
            }
            Self::NotMade { until, why } => {
                // A little apart, so that they do not all come at once.
                let apart = app.config.outbound.first_delay.mul_f64(app.mint.fraction());
                let next = clock::after(*until, apart);
                (next, None, why, false)
            }
        };
        if call.worthless_at <= next {
            return failed(status, format!("could not be told in time; the last: {why}"));
        }
        CallSettlement {
            next_attempt_at: Some(next),
            counts,
            ..settlement(TellingState::Pending, status, Some(why.clone()))
        }
    }
}

/// When it is tried again, if nobody says otherwise.
fn later(app: &App, call: &PartnerCall, now: Timestamp) -> Timestamp {
    let settings = &app.config.outbound;
    let failures = call.attempts.saturating_sub(1);
    let mut backoff = Backoff::after(*settings.first_delay, *settings.longest_delay, failures);
    let pause = outbound::find(&call.partner).map_or(Duration::ZERO, Outbound::shortest_pause);
    clock::after(now, backoff.next_delay(&app.mint).max(pause))
}
