//! Partners lie by silence, too: those whose orders have stood still for long are asked where they are, and which are open at all.
//!
//! What they answer is stored like the calls that did not come, and goes their way.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use metrics::counter;
use serde_json::Value;

use crate::{
    app::{
        App, Failure,
        audit::{self, About},
        intake::Received,
        partner_calls::{
            outgoing,
            talk::{Talk, talk},
        },
    },
    base::{clock, mac},
    domain::{InboxId, OrderId},
    outbound::{Exchange, Request, Verdict},
    partners::outbound::{self, Asking, Inquiry, Line, Outbound},
    store::{
        self,
        inbox::{NewCall, ORIGIN, RECONCILIATION},
        mappings::{Mapping, ORDER, Stale},
    },
    telemetry::metric,
};

/// Orders asked about in one step.
const AT_ONCE: u32 = 100;

/// A partner that can be asked.
struct Peer<'a> {
    name: &'a str,
    line: Line,
    outbound: &'static dyn Outbound,
    inquiry: &'static dyn Inquiry,
}

impl<'a> Peer<'a> {
    async fn find(app: &App, name: &'a str) -> Result<Option<Self>, Failure> {
        let Some((outbound, inquiry)) = outbound::find(name).zip(outbound::inquiry(name)) else {
            return Ok(None);
        };
        let line = outgoing::line(app, name).await?;
        Ok(line.map(|line| Self { name, line, outbound, inquiry }))
    }
}

/// Asks a partner about those of its orders that have stood still; answers how many they were.
pub async fn orders(app: &App, partner: &str) -> Result<usize, Failure> {
    let Some(peer) = Peer::find(app, partner).await? else { return Ok(0) };
    let now = app.clock.now();
    let before = clock::before(now, *app.config.outbound.reconcile_after);
    let stale = Stale { system: partner, kind: ORDER, before, now };
    // Looked first, for most of the time there is nothing and writers would wait for it.
    if !store::mappings::any_stale(&mut app.db.read().await?, &stale).await? {
        return Ok(0);
    }
    let mut tx = app.db.begin().await?;
    let due = store::mappings::claim_stale(&mut tx, &stale, AT_ONCE).await?;
    tx.commit().await?;
    let count = due.len();
    let asked = stream::iter(due).map(|it| about_order(app, &peer, it));
    let mut asked = asked.buffer_unordered(app.config.outbound.at_once);
    while let Some(outcome) = asked.next().await {
        outcome?;
    }
    Ok(count)
}

/// Asks a partner which of its orders are open, where it can be asked.
pub async fn open(app: &App, partner: &str) -> Result<(), Failure> {
    let Some(peer) = Peer::find(app, partner).await? else { return Ok(()) };
    let id = app.mint.uuid(app.clock.now()).to_string();
    let asking = Asking { id: &id, now: app.clock.now(), line: &peer.line };
    let Some(request) = peer.inquiry.about_open(&asking) else { return Ok(()) };
    let about = About { partner, order_id: None, store_id: None, call_id: None, attempt: 1 };
    let said = ask(app, &peer, request, &about).await?;
    keep(app, &peer, said.map_or_else(Vec::new, |it| peer.inquiry.said_of_open(it))).await
}

async fn about_order(app: &App, peer: &Peer<'_>, mapping: Mapping) -> Result<(), Failure> {
    let id = app.mint.uuid(app.clock.now()).to_string();
    let asking = Asking { id: &id, now: app.clock.now(), line: &peer.line };
    let (name, contact) = (mapping.external_entity_id, mapping.mapping_data.unwrap_or_default());
    let Some(request) = peer.inquiry.about_order(&name, &contact, &asking) else { return Ok(()) };
    let order_id = Some(OrderId::from_uuid(mapping.local_entity_id));
    let about = About { partner: peer.name, order_id, store_id: None, call_id: None, attempt: 1 };
    let said = ask(app, peer, request, &about).await?;
    keep(app, peer, said.map_or_else(Vec::new, |it| peer.inquiry.said_of_order(&name, it))).await
}

/// What a partner answers; nothing where it does not, which is no failure of ours. It is asked again when its time comes.
async fn ask(
    app: &App,
    peer: &Peer<'_>,
    request: Request,
    about: &About<'_>,
) -> Result<Option<Value>, Failure> {
    let mut log: Vec<Exchange> = Vec::new();
    let talk = talk(app, peer.name, (&peer.line, peer.outbound), request, &mut log).await;
    let mut tx = app.db.begin().await?;
    for exchange in &log {
        store::audit::put(&mut tx, &audit::entry(app, about, exchange)).await?;
    }
    tx.commit().await?;
    let (outcome, said) = match talk {
        Talk::Answered(answer, Verdict::Done) => match serde_json::from_slice(&answer.body) {
            Ok(said) => ("answered", Some(said)),
            Err(_) => ("unreadable", None),
        },
        Talk::Answered(..) => ("refused", None),
        Talk::Spared(_) => ("spared", None),
        Talk::Failed { .. } => ("no_answer", None),
    };
    let partner = peer.name.to_owned();
    counter!(metric::INQUIRIES, "partner" => partner, "outcome" => outcome).increment(1);
    Ok(said)
}

/// Stores what was said as the calls that it stands for. What was said before is known by its body.
async fn keep(app: &App, peer: &Peer<'_>, said: Vec<Value>) -> Result<(), Failure> {
    for call in said {
        let body = Bytes::from(call.to_string());
        let now = app.clock.now();
        let call = NewCall {
            id: InboxId::from_uuid(app.mint.uuid(now)),
            partner: peer.name.to_owned(),
            event_id: None,
            body_hash: mac::sha256(&body),
            headers: BTreeMap::from([(ORIGIN.to_owned(), RECONCILIATION.to_owned())]),
            body,
            received_at: now,
        };
        if app.calls.store(app, call).await? == Received::Stored {
            tracing::debug!(partner = peer.name, "asking brought something to light");
        }
    }
    Ok(())
}
