//! One attempt at a call: what is to be said is worked out from the order as it is now, and said once.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    app::{
        App, Failure, credentials,
        partner_calls::{
            outgoing,
            talk::{Talk, talk},
        },
    },
    base::clock,
    domain::{Order, PartnerAction},
    outbound::{Exchange, Request, Verdict, trace},
    partners::outbound::{self, Line, Outbound, Saying, Wording},
    store::{
        self,
        mappings::{ExternalId, ORDER},
        partner_calls::PartnerCall,
    },
};

/// What one attempt came to.
pub struct Attempted {
    /// The order that the call is about, if it could be read.
    pub(in crate::app::partner_calls) order: Option<Order>,
    /// The requests that were made.
    pub(in crate::app::partner_calls) log: Vec<Exchange>,
    pub(in crate::app::partner_calls) outcome: Outcome,
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

/// How it ended.
pub(in crate::app::partner_calls) enum Outcome {
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

/// Makes one attempt.
pub async fn attempt(app: &App, call: &PartnerCall) -> Attempted {
    let mut log = Vec::new();
    match tell(app, call, &mut log).await {
        Ok((order, outcome)) => Attempted { order, log, outcome },
        Err(failure) => {
            let why = format!("it could not be prepared: {failure}");
            let outcome = if failure.is_transient() {
                Outcome::NotMade { until: app.clock.now(), why }
            } else {
                Outcome::Failed(None, why)
            };
            Attempted { order: None, log, outcome }
        }
    }
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
        let until = clock::after(now, *app.config.outbound.longest_delay);
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
        Wording::Say(mut request) => {
            trace(&mut request.headers, call.traceparent.as_deref());
            say(app, &call.partner, (&line, outbound), *request, log).await
        }
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
pub(in crate::app::partner_calls) fn external(order: &Order) -> Option<ExternalId> {
    let id = order.external_id.clone()?;
    Some(ExternalId { system: order.source.clone(), kind: ORDER.to_owned(), id })
}
