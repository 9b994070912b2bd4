//! All that is needed to tell partners something, and what is to be told.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    app::{App, partner_calls::tokens::Tokens},
    domain::{Order, PartnerCallId, Recorded, tellings},
    outbound::Client,
    partners::outbound::Line,
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

/// What the partner where `before` was placed is to be told of what then happened to it, if it can be reached at all.
pub fn calls(
    app: &App,
    before: &Order,
    recorded: &Recorded,
    now: Timestamp,
) -> Vec<NewPartnerCall> {
    if app.outgoing.line(&before.source).is_none() {
        return Vec::new();
    }
    let worthless_at = now.saturating_add(*app.config.outbound.worth_for).unwrap_or(Timestamp::MAX);
    let call = |(place, telling)| NewPartnerCall {
        id: PartnerCallId::from_uuid(app.mint.uuid(now)),
        partner: before.source.clone(),
        order_id: before.id,
        order_version: recorded.version,
        place,
        telling,
        created_at: now,
        worthless_at,
    };
    (0..).zip(tellings(before, recorded)).map(call).collect()
}
