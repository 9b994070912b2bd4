//! Calls to partners: claimed, attempted, and settled with what the attempts came to.

use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    app::{
        App, Failure, credentials,
        mappings::ORDER,
        partner_calls::{
            outgoing,
            redact::{self, About},
            talk::{Talk, talk},
        },
    },
    base::backoff::Backoff,
    domain::{Order, PartnerAction},
    outbound::{Exchange, Request, Verdict},
    partners::outbound::{self, Line, Outbound, Saying, Wording},
    store::{
        self,
        mappings::ExternalId,
        partner_calls::{CallSettlement, PartnerCall, TellingState},
    },
    telemetry::metric,
};

/// How much longer than its requests may take a call is left to whoever took it.
const SPARE: Duration = Duration::from_secs(5);

/// How the mapping of an order stands, by whether its partner took what it was last told.
const SYNCED: &str = "active";
const FAILED: &str = "failed";

/// What one attempt came to.
pub struct Attempted {
    /// The order that the call is about, if it could be read.
    order: Option<Order>,
    /// The requests that were made.
    log: Vec<Exchange>,
    outcome: Outcome,
}

impl Attempted {
    /// The attempt panicked. It counts, and is made again.
    pub fn panicked() -> Self {
        let why = "the attempt failed by a fault of this program; see its log".to_owned();
        Self {
            order: None,
            log: Vec::new(),
            outcome: Outcome::Again { not_before: None, status: None, why },
        }
    }
}

/// Claims calls that are due: for each partner at most so many.
///
/// A claim holds for the time-outs of three requests: a login that another call waits for too, an own one, and the call.
pub async fn claim(app: &App, rooms: &[(&str, u32)]) -> Result<Vec<PartnerCall>, Failure> {
    let now = app.clock.now();
    let mut due = Vec::new();
    let mut tx = app.db.read().await?;
    for (partner, room) in rooms {
        if store::partner_calls::has_due(&mut tx, partner, now).await? {
            due.push((*partner, *room));
        }
    }
    drop(tx);
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let lease = app.config.outbound.timeout.saturating_mul(3).saturating_add(SPARE);
    let leased_until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
    let mut calls = Vec::new();
    let mut tx = app.db.begin().await?;
    for (partner, room) in due {
        let claimed = store::partner_calls::claim(&mut tx, partner, now, leased_until, room);
        calls.extend(claimed.await?);
    }
    tx.commit().await?;
    Ok(calls)
}

/// Makes one attempt.
pub async fn attempt(app: &App, call: &PartnerCall) -> Attempted {
    let mut log = Vec::new();
    match tell(app, call, &mut log).await {
        Ok((order, outcome)) => Attempted { order, log, outcome },
        Err(failure) => {
            let why = format!("it could not be prepared: {failure}");
            let outcome = if failure.is_the_store() {
                Outcome::NotMade { until: app.clock.now(), why }
            } else {
                Outcome::Failed(None, why)
            };
            Attempted { order: None, log, outcome }
        }
    }
}

/// Stores what attempts came to, in one transaction.
pub async fn settle(app: &App, done: &[(&PartnerCall, &Attempted)]) -> Result<(), Failure> {
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
            let entry = redact::entry(app, &about, exchange);
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
    Ok(())
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
        tracing::warn!(order.id = %call.order_id, partner = call.partner, action = %call.telling.action, "a partner was not told: {note}");
    }
}

/// What came of an attempt.
enum Outcome {
    Sent(u16),
    Skipped(&'static str),
    Failed(Option<u16>, String),
    Again {
        not_before: Option<Timestamp>,
        status: Option<u16>,
        why: String,
    },
    /// Nothing was sent. It is tried again after that moment.
    NotMade {
        until: Timestamp,
        why: String,
    },
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
                let next = until.saturating_add(apart).unwrap_or(*until);
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
    now.saturating_add(backoff.next_delay(&app.mint).max(pause)).unwrap_or(now)
}

async fn tell(
    app: &App,
    call: &PartnerCall,
    log: &mut Vec<Exchange>,
) -> Result<(Option<Order>, Outcome), Failure> {
    let now = app.clock.now();
    if call.worthless_at <= now {
        let why = call.note.as_deref().unwrap_or("nobody had a try");
        let why = format!("could not be told in time; the last: {why}");
        return Ok((None, Outcome::Failed(call.status, why)));
    }
    let mut tx = app.db.read().await?;
    let order = store::orders::load(&mut tx, call.order_id).await?;
    let Some((order, external_id)) = order.and_then(|it| Some((it.clone(), it.external_id?)))
    else {
        return Ok((None, Outcome::Failed(None, "the order is gone".to_owned())));
    };
    let mapping = match external(&order) {
        Some(id) => store::mappings::get(&mut tx, &id).await?,
        None => None,
    };
    let action = call.telling.action;
    let was_told = store::partner_calls::was_told(&mut tx, order.id, action).await?;
    drop(tx);
    if was_told && action != PartnerAction::Delay {
        return Ok((Some(order), Outcome::Skipped("it was told before")));
    }
    let speaker = outgoing::line(app, &call.partner).await?.zip(outbound::find(&call.partner));
    let Some((line, outbound)) = speaker else {
        let why = "nobody has configured how this partner is reached".to_owned();
        return Ok((Some(order), Outcome::Failed(None, why)));
    };
    let contact = mapping.and_then(|it| it.mapping_data).unwrap_or(Value::Null);
    if outbound.signs() && credentials::lacks_some(app, &call.partner).await? {
        let until = now.saturating_add(*app.config.outbound.longest_delay).unwrap_or(now);
        let why = "this server lacks the partner's sealing key".to_owned();
        return Ok((Some(order), Outcome::NotMade { until, why }));
    }
    let saying = Saying {
        id: call.id,
        telling: &call.telling,
        order: &order,
        external_id: &external_id,
        contact: &contact,
        was_told,
        now,
    };
    let outcome = match outbound.word(&saying, &line) {
        Wording::Skip(why) => Outcome::Skipped(why),
        Wording::Cannot(why) => Outcome::Failed(None, why.to_owned()),
        Wording::Say(request) => say(app, &call.partner, (&line, outbound), *request, log).await,
    };
    Ok((Some(order), outcome))
}

async fn say(
    app: &App,
    partner: &str,
    (line, outbound): (&Line, &dyn Outbound),
    request: Request,
    log: &mut Vec<Exchange>,
) -> Outcome {
    let talk = talk(app, partner, (line, outbound), request, log).await;
    let (answer, usual) = match talk {
        Talk::Answered(answer, usual) => (answer, usual),
        Talk::Spared(until) => {
            let why = "the partner's host is down and left alone".to_owned();
            return Outcome::NotMade { until, why };
        }
        Talk::Failed { status, why } => return Outcome::Again { not_before: None, status, why },
    };
    let status = answer.status.as_u16();
    let why = format!("answered with {}", answer.status);
    match outbound.verdict(&answer, usual, app.clock.now()) {
        Verdict::Done => Outcome::Sent(status),
        Verdict::Again { not_before } => Outcome::Again { not_before, status: Some(status), why },
        // With another token it may be taken.
        Verdict::Never if answer.status == StatusCode::UNAUTHORIZED => {
            Outcome::Again { not_before: None, status: Some(status), why }
        }
        Verdict::Never => Outcome::Failed(Some(status), why),
    }
}

/// The order, as its partner calls it.
fn external(order: &Order) -> Option<ExternalId> {
    let id = order.external_id.clone()?;
    Some(ExternalId { system: order.source.clone(), kind: ORDER.to_owned(), id })
}
