//! What becomes of a notification that is due. Pure: all that it needs to know is given.

use std::collections::HashSet;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    app::notify::row::too_late,
    domain::{
        DELIVERY, Decision, DeliveryStatus, InQuiet, Language, MessageChannel, NotificationState,
        Order, OrderStatus, QuietHours, Store, Trouble, Version,
    },
    messaging::{Catalogue, Content, Template, Worded},
    store::notifications::Notification,
};

/// Why something is not sent: a code, and words for whoever looks at it.
pub const TOO_LATE: (&str, &str) = ("too_late", "it was worth nothing any more");
const NOTHING_TO_SAY: (&str, &str) = ("nothing_to_say", "it has no words");
const NEWER: (&str, &str) = ("newer", "there was something newer to say");
const WATCHING: (&str, &str) = ("watching", "the customer was watching the live page");
const NO_CONSENT: (&str, &str) = ("no_consent", "the person has not agreed to such messages");
const QUIET: (&str, &str) = ("quiet_hours", "nobody wants to be woken");

/// What is known when a notification is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The time.
    pub now: Timestamp,
    /// The order, where it is about one and that is still there.
    pub order: Option<&'a Order>,
    /// Its store.
    pub store: Option<&'a Store>,
    /// When nobody wants to be woken.
    pub quiet: Option<QuietHours>,
    /// The newest version of which the same person is to be told.
    pub newest: Version,
    /// What the person has said last of such messages.
    pub consent: Option<Decision>,
    /// Whether the customer is watching the live page.
    pub is_watching: bool,
    /// Templates that cannot be used, with their languages.
    pub stopped: &'a HashSet<(String, String)>,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent, in these words.
    Send(Content),
    /// It is looked at again then.
    Later(Timestamp, Trouble),
    /// It is not sent.
    End {
        /// Why, in a word.
        state: NotificationState,
        /// Why.
        why: Trouble,
        /// Whether another channel may do better.
        fall_back: bool,
    },
}

impl Verdict {
    /// Later, if it is worth something then; else another channel may do better.
    pub fn later(row: &Notification, at: Timestamp, now: Timestamp, why: Trouble) -> Self {
        if at < row.worthless_at {
            return Self::Later(at, why);
        }
        let state = too_late(row, now);
        Self::End { state, why, fall_back: state == NotificationState::Failed }
    }

    /// What was to be sent is not.
    pub fn withdrawn(self) -> Self {
        match self {
            Self::Send(_) => Self::End {
                state: NotificationState::NoConsent,
                why: Trouble::new(NO_CONSENT.0, "the person has just asked for no more messages"),
                fall_back: true,
            },
            other => other,
        }
    }
}

/// What becomes of a notification. `word` puts the order's values into a template.
pub fn decide(
    row: &Notification,
    known: &Known<'_>,
    catalogue: &Catalogue,
    word: impl Fn(&Template, Language) -> Result<Worded, Trouble>,
) -> Verdict {
    let end = |state, (code, note): (&str, &str), fall_back| Verdict::End {
        state,
        why: Trouble::new(code, note),
        fall_back,
    };
    if row.worthless_at <= known.now {
        return end(NotificationState::Expired, TOO_LATE, false);
    }
    // Plain words answer somebody who has just written to us: that they were heard is no news that they have to agree to.
    let Some((rule, template)) = row.rule.as_ref().zip(row.template.as_ref()) else {
        return match &row.words {
            Some(words) => Verdict::Send(Content::Text(words.clone())),
            None => end(NotificationState::Failed, NOTHING_TO_SAY, false),
        };
    };
    if row.order_version < known.newest || is_over(row, known.order) {
        return end(NotificationState::Superseded, NEWER, false);
    }
    if known.is_watching && !rule.even_if_watching {
        return end(NotificationState::Suppressed, WATCHING, false);
    }
    if known.consent != Some(Decision::Granted) {
        return end(NotificationState::NoConsent, NO_CONSENT, true);
    }
    if let Some(until) = quiet_until(known) {
        match rule.in_quiet {
            InQuiet::Send => {}
            InQuiet::Wait if until < row.worthless_at => {
                return Verdict::Later(until, Trouble::new(QUIET.0, QUIET.1));
            }
            InQuiet::Wait | InQuiet::Drop => return end(NotificationState::Expired, QUIET, false),
        }
    }
    let fail = |why| Verdict::End { state: NotificationState::Failed, why, fall_back: true };
    let Some(template) = catalogue.get(template) else {
        return fail(Trouble::new("no_template", format!("there is no template {template}")));
    };
    let is_stopped = |code: &str| known.stopped.contains(&(template.name.clone(), code.to_owned()));
    let whatsapp = row.channel == MessageChannel::WhatsApp;
    let language =
        template.languages(row.language).find(|it| !whatsapp || !is_stopped(template.code(*it)));
    match language.map(|it| word(template, it)) {
        Some(Ok(worded)) => Verdict::Send(Content::Template(worded)),
        Some(Err(why)) => fail(why),
        None => fail(Trouble::new(
            "template_stopped",
            format!("template {} cannot be used at present", template.name),
        )),
    }
}

/// Whether the order has ended meanwhile in another way than this tells of, or was reopened after the end that this tells of.
fn is_over(row: &Notification, order: Option<&Order>) -> bool {
    let told = match row.event.strip_prefix(DELIVERY) {
        Some(status) => status.parse::<DeliveryStatus>().ok().and_then(DeliveryStatus::implies),
        None => row.event.parse::<OrderStatus>().ok(),
    };
    let is_end = |it: OrderStatus| it.is_terminal();
    order
        .is_none_or(|it| (is_end(it.status) || told.is_some_and(is_end)) && told != Some(it.status))
}

fn quiet_until(known: &Known<'_>) -> Option<Timestamp> {
    let zone = TimeZone::get(&known.store?.timezone).unwrap_or(TimeZone::UTC);
    known.quiet?.end(known.now, &zone)
}
