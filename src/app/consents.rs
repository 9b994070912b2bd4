//! Consents: what people have agreed to, entered in the ledger.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    app::{App, Detail, Failure},
    auth::Caller,
    domain::{Actor, ActorKind, Category, ConsentId, Decision, MessageChannel},
    store::{self, Tx, consents::Consent},
};

/// The longest texts of an entry, in characters.
const LONGEST_SOURCE: usize = 64;
const LONGEST_SHOWN: usize = 2000;

/// What somebody has said, to be entered in the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Who, in E.164.
    pub phone: &'a str,
    /// By what.
    pub channels: &'a [MessageChannel],
    /// What about.
    pub categories: &'a [Category],
    /// Whether they want it.
    pub decision: Decision,
    /// Where they said it.
    pub source: &'a str,
    /// The words that they agreed to.
    pub shown: Option<&'a str>,
    /// What it can be held against.
    pub evidence: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

/// Enters something in the ledger.
pub async fn enter(
    app: &App,
    tx: &mut Tx,
    entry: &Entry<'_>,
    actor: &Actor,
) -> Result<(), Failure> {
    let mut consents = Vec::new();
    for channel in entry.channels {
        for category in entry.categories {
            consents.push(Consent {
                id: ConsentId::from_uuid(app.mint.uuid(app.clock.now())),
                phone: entry.phone.to_owned(),
                channel: *channel,
                category: *category,
                decision: entry.decision,
                source: entry.source.to_owned(),
                shown: entry.shown.map(str::to_owned),
                evidence: entry.evidence.map(str::to_owned),
                actor: actor.clone(),
                at: entry.at,
            });
        }
    }
    store::consents::put(tx, &consents).await?;
    Ok(())
}

/// The person, by the channel that they used.
pub fn themselves(channel: MessageChannel) -> Actor {
    Actor { kind: ActorKind::Customer, id: Some(channel.as_str().to_owned()) }
}

/// What somebody has agreed to, or not any more, as asked for.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewConsent {
    /// Whether they want it.
    pub decision: Decision,
    /// By what; left out: by all channels.
    #[serde(default)]
    pub channels: Option<Vec<MessageChannel>>,
    /// What about; left out: news of their orders.
    #[serde(default)]
    pub categories: Option<Vec<Category>>,
    /// Where they said it: `checkout`, `counter`, `call_centre`…
    pub source: String,
    /// The words that they agreed to, as they were shown. Needed for a grant: it is the proof.
    #[serde(default)]
    pub shown: Option<String>,
    /// What it can be held against: a receipt, a recording.
    #[serde(default)]
    pub evidence: Option<String>,
    /// When they said it; left out: now.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

impl NewConsent {
    /// Every fault at once. `place` is where it stands in the request.
    pub fn faults(&self, place: &str, now: Timestamp) -> Vec<Detail> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: &str| {
            faults.push(Detail::new(format!("{place}{field}"), message));
        };
        let longest = |it: &str, most: usize| most < it.chars().count();
        if self.source.trim().is_empty() || longest(&self.source, LONGEST_SOURCE) {
            fault("source", "has 1 to 64 characters");
        }
        let shown = self.shown.as_deref().unwrap_or_default();
        if self.decision == Decision::Granted && shown.trim().is_empty() {
            fault("shown", "must be the words that they agreed to: they are the proof");
        }
        if longest(shown, LONGEST_SHOWN) {
            fault("shown", "has at most 2000 characters");
        }
        if longest(self.evidence.as_deref().unwrap_or_default(), LONGEST_SHOWN) {
            fault("evidence", "has at most 2000 characters");
        }
        if self.channels.as_ref().is_some_and(Vec::is_empty) {
            fault("channels", "names at least one");
        }
        if self.categories.as_ref().is_some_and(Vec::is_empty) {
            fault("categories", "names at least one");
        }
        if self.at.is_some_and(|it| now < it) {
            fault("at", "must not lie in the future");
        }
        faults
    }

    /// Enters it in the ledger; with an order only what does not undo what the number's owner has withdrawn: a tick that is set beforehand
    /// must not bring back who has said STOP.
    pub async fn enter(
        &self,
        app: &App,
        tx: &mut Tx,
        phone: &str,
        caller: &Caller,
        is_with_order: bool,
    ) -> Result<(), Failure> {
        let now = app.clock.now();
        let standing = store::consents::standing(tx, &[phone]).await?;
        for channel in self.channels.as_deref().unwrap_or(MessageChannel::ALL) {
            for category in self.categories.as_deref().unwrap_or(&[Category::Utility]) {
                let wish = (phone.to_owned(), *channel, *category);
                let was_withdrawn = standing.get(&wish) == Some(&Decision::Withdrawn);
                if is_with_order && was_withdrawn {
                    continue;
                }
                let entry = Entry {
                    phone,
                    channels: &[*channel],
                    categories: &[*category],
                    decision: self.decision,
                    source: &self.source,
                    shown: self.shown.as_deref(),
                    evidence: self.evidence.as_deref(),
                    at: self.at.unwrap_or(now),
                };
                enter(app, tx, &entry, &caller.actor()).await?;
            }
        }
        Ok(())
    }
}
