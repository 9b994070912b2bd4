//! What people say to us by WhatsApp: that they want no more messages, or want them again.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        App, Failure,
        consents::{self, Entry},
        notify::{row::blank, wording},
    },
    base::clock,
    domain::{Category, Decision, Language, MessageChannel},
    messaging::{Keyword, keyword},
    store::{self, Tx, inbox::Call, notifications::Notification},
};

/// How long an answer to somebody who wrote is worth sending.
pub const ANSWER_WORTH: SignedDuration = SignedDuration::from_hours(1);

/// Somebody writes to us: only a STOP or a START means something.
pub async fn heard(
    app: &App,
    tx: &mut Tx,
    call: &Call,
    (id, from, text): (&str, &str, &str),
    at: Timestamp,
) -> Result<(), Failure> {
    let Some(keyword) = keyword(text) else { return Ok(()) };
    let wants = keyword == Keyword::Start;
    let decision = if wants { Decision::Granted } else { Decision::Withdrawn };
    let (shown, categories) = match keyword {
        Keyword::Start => (Some(wording::START_SHOWN), &[Category::Utility][..]),
        Keyword::Stop => (None, Category::ALL),
    };
    let wish = (from.to_owned(), MessageChannel::WhatsApp, Category::Utility);
    let before = store::consents::standing(tx, &[from]).await?.get(&wish).copied();
    let said = Word { from, wants, source: "whatsapp", shown };
    enter(app, tx, call, &said, categories, at).await?;
    let after = store::consents::standing(tx, &[from]).await?.get(&wish).copied();
    if before == after || after != Some(decision) {
        return Ok(());
    }
    let language = language_of(text);
    let now = app.clock.now();
    let (event, words) = match keyword {
        Keyword::Stop => ("stop_confirmed", wording::farewell(language)),
        Keyword::Start => ("start_confirmed", wording::welcome(language)),
    };
    let answer = Notification {
        subject: id.to_owned(),
        event: event.to_owned(),
        language,
        words: Some(words),
        worthless_at: clock::after(now, ANSWER_WORTH),
        ..blank(app, from, MessageChannel::WhatsApp, now)
    };
    store::notifications::put(tx, &[answer]).await?;
    Ok(())
}

/// Somebody has switched marketing off or on, in WhatsApp itself.
pub async fn preferred(
    app: &App,
    tx: &mut Tx,
    call: &Call,
    (from, wants): (&str, bool),
    at: Timestamp,
) -> Result<(), Failure> {
    let said = Word { from, wants, source: "whatsapp_preferences", shown: None };
    enter(app, tx, call, &said, &[Category::Marketing], at).await
}

/// What somebody has said of messages.
struct Word<'a> {
    from: &'a str,
    wants: bool,
    source: &'a str,
    shown: Option<&'a str>,
}

/// Enters it in the ledger. Who wants no more messages by WhatsApp wants none by other ways in its place, either.
///
/// A STOP counts from when it came, by our clock: a moment before, they may have agreed in the shop. A START counts from when they wrote it.
/// So a call that is replayed later changes nothing that was said since.
async fn enter(
    app: &App,
    tx: &mut Tx,
    call: &Call,
    said: &Word<'_>,
    categories: &[Category],
    at: Timestamp,
) -> Result<(), Failure> {
    let (decision, channels, at) = if said.wants {
        (Decision::Granted, &[MessageChannel::WhatsApp][..], said_at(at, call.received_at))
    } else {
        (Decision::Withdrawn, MessageChannel::ALL, call.received_at)
    };
    let entry = Entry {
        phone: said.from,
        channels,
        categories,
        decision,
        source: said.source,
        shown: said.shown,
        evidence: Some(&call.id.to_string()),
        at,
    };
    consents::enter(app, tx, &entry, &consents::themselves(MessageChannel::WhatsApp)).await
}

/// WhatsApp tells the second only, so it was by its end at the latest, and not after it came.
fn said_at(at: Timestamp, now: Timestamp) -> Timestamp {
    clock::after(at, SignedDuration::from_millis(999)).min(now)
}

/// Who writes in Arabic letters reads Arabic.
fn language_of(text: &str) -> Language {
    let is_arabic = text.chars().any(|it| ('\u{600}'..='\u{6ff}').contains(&it));
    if is_arabic { Language::Arabic } else { Language::English }
}
