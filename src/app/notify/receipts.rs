//! What WhatsApp reports: receipts, people's STOP and START, and what became of templates.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use metrics::counter;
use secrecy::ExposeSecret;

use crate::{
    app::{
        App, Failure,
        contacts::{self, Entry},
        intake::outcome,
        notify::{select::blank, send::fallback, wording},
    },
    base::mac,
    domain::{
        Category, Decision, InboxId, Language, MessageChannel, NotificationState, ReceiptStatus,
    },
    messaging::{
        Keyword, keyword,
        whatsapp::{Receipt, Said, read},
    },
    store::{
        self, Tx,
        inbox::{Call, CallState, Settled},
        notifications::Notification,
    },
    telemetry::metric,
};

/// How long an answer to somebody who wrote is worth sending.
const ANSWER_WORTH: SignedDuration = SignedDuration::from_hours(1);

/// What WhatsApp calls templates that can be used again.
const USABLE: [&str; 2] = ["APPROVED", "REINSTATED"];
/// And those that cannot.
const UNUSABLE: [&str; 6] =
    ["PAUSED", "DISABLED", "REJECTED", "DELETED", "PENDING_DELETION", "LIMIT_EXCEEDED"];

/// What is said when the webhook is set up.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// `subscribe`.
    pub mode: String,
    /// What only we and the app's owner know.
    pub token: String,
    /// What is to be answered.
    pub challenge: String,
}

/// The answer to a handshake; `None` when it is not believed.
pub fn handshake(app: &App, said: Handshake) -> Option<String> {
    let token = app.config.whatsapp.verify_token.as_ref()?.expose_secret();
    let is_known = mac::same(token.as_bytes(), said.token.as_bytes());
    (is_known && said.mode == "subscribe").then_some(said.challenge)
}

/// Applies what WhatsApp's calls report; answers what became of each.
pub async fn receive(app: &App, tx: &mut Tx, calls: &[Call]) -> Result<Vec<Settled>, Failure> {
    let now = app.clock.now();
    let said: Vec<_> = calls.iter().map(|it| read(&it.body, it.received_at)).collect();
    let ids: BTreeSet<_> = said
        .iter()
        .flatten()
        .flatten()
        .filter_map(|it| match it {
            Said::Receipt(receipt) => receipt.notification,
            _ => None,
        })
        .collect();
    // All at once and in order: whoever sends them writes down what came of it at the same time.
    store::notifications::lock(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    let mut settled = Vec::with_capacity(calls.len());
    for (call, said) in calls.iter().zip(said) {
        settled.push(match said {
            Err(why) => Settled {
                note: Some(why),
                ..outcome::settled(call.id, CallState::Done, outcome::UNREADABLE, now)
            },
            Ok(said) => apply_all(app, tx, call, said, now).await?,
        });
    }
    Ok(settled)
}

/// What one thing that was reported came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// Nothing follows from it.
    Ignored,
    /// It is old news.
    Late,
    /// It is about a message that nobody knows, or not yet.
    Unknown,
    /// Something follows from it.
    Applied,
}

impl Came {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Late => "late",
            Self::Unknown => UNKNOWN_MESSAGE,
            Self::Applied => "applied",
        }
    }
}

/// It is about a message that is not there.
const UNKNOWN_MESSAGE: &str = "unknown_message";

async fn apply_all(
    app: &App,
    tx: &mut Tx,
    call: &Call,
    said: Vec<Said>,
    now: Timestamp,
) -> Result<Settled, Failure> {
    let mut came = Came::Ignored;
    for said in said {
        came = came.max(match said {
            Said::Receipt(receipt) => apply(app, tx, &receipt, now).await?,
            Said::Text { id, from, text, at } => {
                heard(app, tx, call.id, (&id, &from, &text), said_at(at, now), now).await?
            }
            Said::Preference { from, wants, at } => {
                let categories = [Category::Marketing];
                let said = Word { from: &from, wants, source: "whatsapp_preferences", shown: None };
                let at = if wants { said_at(at, now) } else { now };
                decide(app, tx, call.id, &said, &categories, at).await?;
                Came::Applied
            }
            Said::Template { name, language, status, reason } => {
                template(tx, (&name, &language), &status, reason.as_deref(), now).await?
            }
            Said::Other(_) => Came::Ignored,
        });
    }
    if came == Came::Unknown {
        // Its sender may not have written down yet what the message is called; or it was sent by somebody else.
        return Ok(outcome::parked(app, call, UNKNOWN_MESSAGE, now));
    }
    Ok(outcome::settled(call.id, CallState::Done, came.as_str(), now))
}

/// WhatsApp tells the second only, so it was by its end at the latest.
fn said_at(at: Timestamp, now: Timestamp) -> Timestamp {
    at.saturating_add(SignedDuration::from_millis(999)).unwrap_or(now).min(now)
}

async fn apply(app: &App, tx: &mut Tx, receipt: &Receipt, now: Timestamp) -> Result<Came, Failure> {
    let found = store::notifications::find(tx, receipt.notification, &receipt.provider_id).await?;
    let came = match found {
        None => Came::Unknown,
        Some(row) => match row.state.after(receipt.status) {
            None => Came::Late,
            Some(state) => {
                move_on(app, tx, receipt, &row, state, now).await?;
                Came::Applied
            }
        },
    };
    counter!(metric::RECEIPTS, "status" => receipt.status.as_str(), "outcome" => came.as_str())
        .increment(1);
    Ok(came)
}

async fn move_on(
    app: &App,
    tx: &mut Tx,
    receipt: &Receipt,
    row: &Notification,
    state: NotificationState,
    now: Timestamp,
) -> Result<(), Failure> {
    let what = (receipt.status, state);
    let why = receipt.why.as_ref();
    let times = (receipt.at, now);
    store::notifications::receive(tx, row.id, what, &receipt.provider_id, why, times).await?;
    if receipt.status == ReceiptStatus::Failed {
        let code = why.map_or_else(|| "unknown".to_owned(), |it| it.code.clone());
        let channel = row.channel.as_str();
        counter!(metric::NOTIFICATION_TROUBLES, "channel" => channel, "code" => code).increment(1);
        let next: Vec<_> = fallback(app, row, now).into_iter().collect();
        store::notifications::put(tx, &next).await?;
    }
    counter!(metric::NOTIFICATIONS, "channel" => row.channel.as_str(), "state" => state.as_str())
        .increment(1);
    Ok(())
}

/// Somebody writes to us: only a STOP or a START means something.
async fn heard(
    app: &App,
    tx: &mut Tx,
    call: InboxId,
    (id, from, text): (&str, &str, &str),
    at: Timestamp,
    now: Timestamp,
) -> Result<Came, Failure> {
    let Some(keyword) = keyword(text) else { return Ok(Came::Ignored) };
    let wants = keyword == Keyword::Start;
    let standing = store::consents::standing(tx, &[from]).await?;
    let decision = if wants { Decision::Granted } else { Decision::Withdrawn };
    let wish = (from.to_owned(), MessageChannel::WhatsApp, Category::Utility);
    let is_news = standing.get(&wish) != Some(&decision);
    let (shown, categories) = match keyword {
        Keyword::Start => (Some(wording::START_SHOWN), &[Category::Utility][..]),
        Keyword::Stop => (None, Category::ALL),
    };
    let said = Word { from, wants, source: "whatsapp", shown };
    // A STOP counts from when it is heard: a moment before, they may have agreed in the shop, by a clock that is not WhatsApp's.
    decide(app, tx, call, &said, categories, if wants { at } else { now }).await?;
    if is_news {
        let language = language_of(text);
        let answer = blank(app, from, MessageChannel::WhatsApp, now);
        let (event, words) = match keyword {
            Keyword::Stop => ("stop_confirmed", wording::farewell(language)),
            Keyword::Start => ("start_confirmed", wording::welcome(language)),
        };
        let answer = Notification {
            subject: id.to_owned(),
            event: event.to_owned(),
            language,
            words: Some(words),
            worthless_at: now.saturating_add(ANSWER_WORTH).unwrap_or(Timestamp::MAX),
            ..answer
        };
        store::notifications::put(tx, &[answer]).await?;
    }
    Ok(Came::Applied)
}

/// What somebody has said of messages.
struct Word<'a> {
    from: &'a str,
    wants: bool,
    source: &'a str,
    shown: Option<&'a str>,
}

/// Who wants no more messages by WhatsApp wants none by other ways in its place, either.
async fn decide(
    app: &App,
    tx: &mut Tx,
    call: InboxId,
    said: &Word<'_>,
    categories: &[Category],
    at: Timestamp,
) -> Result<(), Failure> {
    let (decision, channels) = if said.wants {
        (Decision::Granted, &[MessageChannel::WhatsApp][..])
    } else {
        (Decision::Withdrawn, MessageChannel::ALL)
    };
    let entry = Entry {
        phone: said.from,
        channels,
        categories,
        decision,
        source: said.source,
        shown: said.shown,
        evidence: Some(&call.to_string()),
        at,
    };
    contacts::enter(app, tx, &entry, &contacts::themselves(MessageChannel::WhatsApp)).await
}

async fn template(
    tx: &mut Tx,
    (name, language): (&str, &str),
    status: &str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Came, Failure> {
    if USABLE.contains(&status) {
        store::notify_rules::release_template(tx, name, language).await?;
        return Ok(Came::Applied);
    }
    if !UNUSABLE.contains(&status) {
        return Ok(Came::Ignored);
    }
    tracing::error!(template = name, language, status, "a template cannot be used any more");
    let why = match reason {
        Some(reason) => format!("{status}: {reason}"),
        None => status.to_owned(),
    };
    store::notify_rules::stop_template(tx, (name, language), &why, now).await?;
    Ok(Came::Applied)
}

/// Who writes in Arabic letters reads Arabic.
fn language_of(text: &str) -> Language {
    let is_arabic = text.chars().any(|it| ('\u{600}'..='\u{6ff}').contains(&it));
    if is_arabic { Language::Arabic } else { Language::English }
}
