//! What WhatsApp reports: receipts, people's STOP and START, and what became of templates.

use std::collections::BTreeSet;

use jiff::Timestamp;
use metrics::counter;
use secrecy::ExposeSecret;

use crate::{
    app::{
        App, Failure,
        notify::{
            facts::keep_recipients,
            heard::{heard, preferred},
            row::{count_fallbacks, fallback},
        },
    },
    base::mac,
    domain::{NotificationState, ReceiptStatus, Trouble},
    messaging::whatsapp::{Receipt, Said, read},
    store::{
        self, Tx,
        inbox::{Call, CallState, Settled, outcome},
        notifications::Notification,
    },
    telemetry::metric,
};

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
    let number = app.config.whatsapp.phone_number_id.as_deref();
    let said: Vec<_> = calls.iter().map(|it| read(&it.body, number, it.received_at)).collect();
    let receipts = || {
        said.iter().flatten().flatten().filter_map(|said| match said {
            Said::Receipt(receipt) => Some((receipt.notification?, receipt.status)),
            _ => None,
        })
    };
    // Only a failure makes a message by another channel.
    let failed = receipts().filter(|(_, status)| *status == ReceiptStatus::Failed);
    let failed: Vec<_> = failed.map(|(id, _)| id).collect();
    if !failed.is_empty() {
        let rows = store::notifications::load_all(tx, &failed).await?;
        keep_recipients(tx, rows.iter()).await?;
    }
    let ids: BTreeSet<_> = receipts().map(|(id, _)| id).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    // All at once and in order: whoever sends them writes down what came of it at the same time.
    store::notifications::lock(tx, &ids).await?;
    let mut settled = Vec::with_capacity(calls.len());
    for (call, said) in calls.iter().zip(said) {
        settled.push(match said {
            Err(why) => Settled {
                note: Some(why),
                ..outcome::settled(call, CallState::Done, outcome::UNREADABLE)
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
    let (mut came, mut is_unknown) = (Came::Ignored, false);
    for said in said {
        let next = match said {
            Said::Receipt(receipt) => apply(app, tx, &receipt, now).await?,
            Said::Text { id, from, text, at } => {
                heard(app, tx, call, (&id, &from, &text), at).await?;
                Came::Applied
            }
            Said::Preference { from, wants, at } => {
                preferred(app, tx, call, (&from, wants), at).await?;
                Came::Applied
            }
            Said::Template { name, language, status, reason } => {
                template(tx, (&name, &language), &status, reason.as_deref(), now).await?
            }
            Said::Other(_) => Came::Ignored,
        };
        is_unknown |= next == Came::Unknown;
        came = came.max(next);
    }
    // What else is in the call is entered once more with it, and changes nothing.
    if is_unknown {
        // Its sender may not have written down yet what the message is called; or it was sent by somebody else.
        return Ok(outcome::parked(&app.mint, call, UNKNOWN_MESSAGE, now));
    }
    Ok(outcome::settled(call, CallState::Done, came.as_str()))
}

async fn apply(app: &App, tx: &mut Tx, receipt: &Receipt, now: Timestamp) -> Result<Came, Failure> {
    let found = store::notifications::find(tx, receipt.notification, &receipt.provider_id).await?;
    let came = match found {
        None => Came::Unknown,
        // Of an earlier message, which failed, before somebody sent it again.
        Some(row) if is_of_another(&row, receipt) => Came::Late,
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

fn is_of_another(row: &Notification, receipt: &Receipt) -> bool {
    receipt.status == ReceiptStatus::Failed
        && row.provider_id.as_ref().is_some_and(|it| *it != receipt.provider_id)
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
    let unknown = Trouble::new("unknown", "the channel did not say why");
    let why = match receipt.status {
        ReceiptStatus::Failed => receipt.why.as_ref().or(Some(&unknown)),
        _ => None,
    };
    let times = (receipt.at, now);
    store::notifications::receive(tx, row.id, what, &receipt.provider_id, why, times).await?;
    if receipt.status == ReceiptStatus::Failed {
        let code = why.map_or_else(|| "unknown".to_owned(), |it| it.code.clone());
        let channel = row.channel.as_str();
        counter!(metric::NOTIFICATION_TROUBLES, "channel" => channel, "code" => code).increment(1);
        let next: Vec<_> = fallback(app, row, now).into_iter().collect();
        store::notifications::put(tx, &next).await?;
        count_fallbacks(&next);
    }
    counter!(metric::NOTIFICATIONS, "channel" => row.channel.as_str(), "state" => state.as_str())
        .increment(1);
    Ok(())
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
