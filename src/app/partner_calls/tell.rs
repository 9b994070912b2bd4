//! Tells partners what is due: one attempt at a time, each written down with what came of it.

use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    app::{
        App, Failure,
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
        partner_calls::{PartnerCall, TellingState, Tried},
    },
    telemetry::metric,
};

/// How much longer than its requests may take a call is left to whoever took it.
const SPARE: Duration = Duration::from_secs(5);

/// How the mapping of an order stands, by whether its partner took what it was last told.
const SYNCED: &str = "active";
const FAILED: &str = "failed";

/// Takes calls that one partner is due, for this process to tell. Whoever takes one and dies loses nothing: it is due again when three
/// requests would have timed out: somebody else's login, an own one, and the telling.
pub async fn claim(app: &App, partner: &str, limit: u32) -> Result<Vec<PartnerCall>, Failure> {
    let now = app.clock.now();
    let lease = app.config.outbound.timeout.saturating_mul(3).saturating_add(SPARE);
    let leased_until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
    let mut tx = app.db.begin().await?;
    let calls = store::partner_calls::claim(&mut tx, partner, now, leased_until, limit).await?;
    tx.commit().await?;
    Ok(calls)
}

/// Makes one attempt, and writes down what came of it.
pub async fn tell(app: &App, call: &PartnerCall) -> Result<(), Failure> {
    let mut log = Vec::new();
    let (order, outcome) = attempt(app, call, &mut log).await?;
    let tried = outcome.tried(app, call);
    let mut tx = app.db.begin().await?;
    let about = About {
        partner: &call.partner,
        order_id: Some(call.order_id),
        store_id: order.as_ref().map(|it| it.store_id),
        call_id: Some(call.id),
        attempt: call.attempts,
    };
    for exchange in &log {
        let entry = redact::entry(app, &about, exchange);
        store::audit::put(&mut tx, &entry).await?;
    }
    store::partner_calls::note(&mut tx, call.id, &tried).await?;
    if let Some(id) = order.as_ref().and_then(external) {
        match tried.state {
            TellingState::Sent => {
                store::mappings::synced(&mut tx, &id, Some(tried.at), SYNCED).await?;
            }
            TellingState::Failed => store::mappings::synced(&mut tx, &id, None, FAILED).await?,
            TellingState::Pending | TellingState::Skipped => {}
        }
    }
    tx.commit().await?;
    if tried.state != TellingState::Pending {
        let (partner, action) = (call.partner.clone(), call.telling.action.as_str());
        let state = tried.state.as_str();
        counter!(metric::PARTNER_CALLS, "partner" => partner, "action" => action, "state" => state)
            .increment(1);
    }
    if tried.state == TellingState::Failed {
        let note = tried.note.unwrap_or_default();
        tracing::warn!(order.id = %call.order_id, partner = call.partner, action = %call.telling.action, "a partner was not told: {note}");
    }
    Ok(())
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
    /// Nothing was sent.
    Spared(Timestamp),
}

impl Outcome {
    fn tried(self, app: &App, call: &PartnerCall) -> Tried {
        let now = app.clock.now();
        let settled = |state, status, note| Tried {
            state,
            next_attempt_at: None,
            at: now,
            status,
            note,
            counts: true,
        };
        let (next, status, why, counts) = match self {
            Self::Sent(status) => return settled(TellingState::Sent, Some(status), None),
            Self::Skipped(why) => {
                return settled(TellingState::Skipped, None, Some(why.to_owned()));
            }
            Self::Failed(status, why) => return settled(TellingState::Failed, status, Some(why)),
            Self::Again { status, why, .. } if app.config.outbound.attempts <= call.attempts => {
                let why = format!("given up after {} attempts; the last: {why}", call.attempts);
                return settled(TellingState::Failed, status, Some(why));
            }
            Self::Again { not_before, status, why } => {
                let next = later(app, call, now).max(not_before.unwrap_or(now));
                (next, status, why, true)
            }
            Self::Spared(until) => {
                // A little apart, so that they do not all come at once when the rest is over.
                let apart = app.config.outbound.first_delay.mul_f64(app.mint.fraction());
                let next = until.saturating_add(apart).unwrap_or(until);
                (next, None, "the partner's host is down and left alone".to_owned(), false)
            }
        };
        if call.worthless_at <= next {
            let why = format!("could not be told in time; the last: {why}");
            return settled(TellingState::Failed, status, Some(why));
        }
        Tried {
            state: TellingState::Pending,
            next_attempt_at: Some(next),
            at: now,
            status,
            note: Some(why),
            counts,
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

async fn attempt(
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
        Talk::Spared(until) => return Outcome::Spared(until),
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
