//! All that is needed to tell partners something, and what is to be told.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    app::{App, Failure, credentials, partner_calls::tokens::Tokens},
    base::clock,
    domain::{Fact, Order, PartnerCallId, Recorded, tellings},
    outbound::Client,
    partners::outbound::{self, Line},
    store::partner_calls::NewPartnerCall,
};

/// All that is needed to tell partners something.
pub struct Outgoing {
    /// What requests are made with.
    pub client: Client,
    /// The partners that can be reached, by their slugs.
    lines: BTreeMap<String, Line>,
    /// What they know us by.
    pub(in crate::app) tokens: Tokens,
}

impl Outgoing {
    /// To those partners for whom there is a line.
    pub fn new(client: Client, lines: BTreeMap<String, Line>) -> Self {
        Self { client, lines, tokens: Tokens::default() }
    }

    /// The partners that are told things.
    pub fn partners(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// The line to a partner; `None` where nobody has configured one.
    pub fn line(&self, partner: &str) -> Option<&Line> {
        self.lines.get(partner)
    }
}

/// The line to a partner, with what we sign with now; `None` where nobody has configured one.
pub async fn line(app: &App, partner: &str) -> Result<Option<Line>, Failure> {
    let Some(line) = app.outgoing.line(partner) else { return Ok(None) };
    let secrets = credentials::signing(app, partner).await?;
    Ok(Some(Line { secrets, ..line.clone() }))
}

/// What the partner where an order was placed is to be told of what then happened to it, if it can be reached at all and wants to hear
/// it; `before` is `None` for a new order.
pub fn calls(
    app: &App,
    before: Option<&Order>,
    recorded: &Recorded,
    now: Timestamp,
) -> Vec<NewPartnerCall> {
    let partner = match (before, &recorded.fact) {
        (Some(before), _) => &before.source,
        (None, Fact::OrderCreated { draft }) => &draft.source,
        (None, _) => return Vec::new(),
    };
    let line = app.outgoing.line(partner).zip(outbound::find(partner));
    let Some((_, outbound)) = line else { return Vec::new() };
    let worthless_at = clock::after(now, *app.config.outbound.worth_for);
    let call = |(place, telling)| NewPartnerCall {
        id: PartnerCallId::from_uuid(app.mint.uuid(now)),
        partner: partner.clone(),
        order_id: recorded.order_id,
        order_version: recorded.version,
        place,
        telling,
        created_at: now,
        worthless_at,
        traceparent: recorded.context.traceparent.clone(),
    };
    let heard = tellings(before, recorded).into_iter().filter(|it| outbound.hears(it.action));
    (0..).zip(heard).map(call).collect()
}
