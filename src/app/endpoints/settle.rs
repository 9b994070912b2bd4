//! What follows from attempts: for deliveries, and for their endpoints.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use metrics::{counter, histogram};

use crate::{
    app::{
        App, Failure,
        endpoints::{Fault, Outcome},
    },
    base::clock,
    domain::EndpointId,
    store::{
        self, Tx,
        endpoints::{DeliveryState, DisabledReason, Endpoint, NewAttempt, Settled},
    },
    telemetry::metric,
};

/// The share of a pause that chance adds to it, so that those who failed together do not come back together.
const JITTER: f64 = 0.1;

/// What was written down, to be counted when it is sure.
pub struct Noted {
    states: Vec<(DeliveryState, Duration)>,
    disabled: Vec<(EndpointId, DisabledReason)>,
}

/// Writes down what came of attempts.
pub async fn settle(
    app: &App,
    tx: &mut Tx,
    outcomes: &[&Outcome],
    now: Timestamp,
) -> Result<Noted, Failure> {
    let ids: BTreeSet<_> = outcomes.iter().map(|it| it.due.endpoint_id).collect();
    let before = store::endpoints::lock(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    let mut endpoints: BTreeMap<_, _> = before.iter().map(|it| (it.id, it.clone())).collect();
    let mut settled = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        let endpoint = endpoints.get_mut(&outcome.due.endpoint_id);
        settled.push(judge(app, outcome, endpoint, now));
    }
    store::endpoints::settle(tx, &settled, now).await?;
    let mut disabled = Vec::new();
    for before in &before {
        let Some(after) = endpoints.get(&before.id) else { continue };
        if before != after {
            store::endpoints::update(tx, after).await?;
        }
        if let (None, Some((_, reason))) = (before.disabled, after.disabled) {
            disabled.push((after.id, reason));
        }
    }
    let states = settled.iter().zip(outcomes).map(|(it, outcome)| (it.state, outcome.took));
    Ok(Noted { states: states.collect(), disabled })
}

impl Noted {
    /// Counts it, and tells the operator who is told nothing from now on.
    pub fn count(self) {
        for (state, took) in self.states {
            let outcome = match state {
                DeliveryState::Pending => "again",
                DeliveryState::Delivered | DeliveryState::Failed => state.as_str(),
            };
            counter!(metric::ENDPOINT_DELIVERIES, "outcome" => outcome).increment(1);
            histogram!(metric::ENDPOINT_SECONDS).record(took);
        }
        for (id, reason) in self.disabled {
            counter!(metric::ENDPOINTS_DISABLED, "reason" => reason.as_str()).increment(1);
            tracing::warn!(endpoint.id = %id, %reason, "an endpoint is told of no more events");
        }
    }
}

/// Where a delivery stands after an attempt, and its endpoint with it, if that is still there.
fn judge(app: &App, outcome: &Outcome, endpoint: Option<&mut Endpoint>, now: Timestamp) -> Settled {
    let due = &outcome.due;
    let next = next(app, outcome, now);
    let state = match next {
        _ if outcome.seen.is_success() => DeliveryState::Delivered,
        Some(_) => DeliveryState::Pending,
        None => DeliveryState::Failed,
    };
    if let Some(endpoint) = endpoint
        && outcome.fault == Fault::Endpoint
    {
        judge_endpoint(app, endpoint, outcome, state, now);
    }
    Settled {
        claim: due.claim(),
        state,
        next_attempt_at: next.filter(|_| state == DeliveryState::Pending),
        attempt: NewAttempt {
            id: app.mint.uuid(now),
            number: due.attempt,
            at: outcome.at,
            took_ms: u32::try_from(outcome.took.as_millis()).unwrap_or(u32::MAX),
            status: outcome.seen.status,
            answer: outcome.seen.answer.clone(),
            error: outcome.seen.error.clone(),
        },
    }
}

fn judge_endpoint(
    app: &App,
    endpoint: &mut Endpoint,
    outcome: &Outcome,
    state: DeliveryState,
    now: Timestamp,
) {
    if state == DeliveryState::Delivered {
        endpoint.failing_since = None;
        endpoint.last_success_at = Some(now);
        return;
    }
    let since = *endpoint.failing_since.get_or_insert(now);
    let patience = SignedDuration::try_from(*app.config.endpoints.disable_after);
    let too_long = patience.is_ok_and(|it| it <= now.duration_since(since));
    let no_success = endpoint.last_success_at.is_none_or(|it| it < outcome.due.created_at);
    let reason = match () {
        () if outcome.seen.is_gone() => Some(DisabledReason::Gone),
        () if state == DeliveryState::Failed && no_success => Some(DisabledReason::GivenUp),
        () if too_long => Some(DisabledReason::Failing),
        () => None,
    };
    endpoint.disabled = endpoint.disabled.or_else(|| Some((now, reason?)));
}

/// When it is tried again; `None` for never.
fn next(app: &App, outcome: &Outcome, now: Timestamp) -> Option<Timestamp> {
    if outcome.seen.is_gone() || outcome.fault == Fault::Event {
        return None;
    }
    let failures = usize::try_from(outcome.due.attempt).ok()?.checked_sub(1)?;
    let pause = app.config.endpoints.retry_after.get(failures)?;
    let pause = pause.mul_f64(1.0 + JITTER * app.mint.fraction());
    let next = clock::after(now, pause);
    Some(next.max(outcome.not_before.unwrap_or(next)))
}
