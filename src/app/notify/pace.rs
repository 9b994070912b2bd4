//! How fast each channel may be used.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use crate::{
    app::{App, notify::decide::Verdict},
    base::clock,
    cache::{Pace, Turn},
    domain::{MessageChannel, NotificationId, Trouble},
    store::notifications::Notification,
};

/// How far ahead messages are given their turns.
pub const HORIZON: Duration = Duration::from_millis(250);

/// From which number, and how fast.
pub fn pace(app: &App, channel: MessageChannel) -> (String, Pace) {
    let (name, rate, pair_every) = match channel {
        MessageChannel::WhatsApp => {
            let settings = &app.config.whatsapp;
            let number = settings.phone_number_id.as_deref().unwrap_or("local");
            (number, settings.rate, *settings.pair_every)
        }
        MessageChannel::Sms => ("sms", app.config.sms.rate, Duration::ZERO),
    };
    let every = Duration::from_secs(1) / rate.max(1);
    (name.to_owned(), Pace { every, pair_every, horizon: HORIZON })
}

/// Gives turns to what is to be sent, and puts off what gets none; answers for how long all turns are given.
pub async fn turns(
    app: &App,
    number: &str,
    pace: Pace,
    verdicts: &mut [(Notification, Verdict)],
    now: Timestamp,
) -> (HashMap<NotificationId, Duration>, Option<Duration>) {
    let (mut given, mut rest) = (HashMap::new(), None);
    let mut waiting: Vec<_> =
        verdicts.iter_mut().filter(|(_, it)| matches!(it, Verdict::Send(_))).collect();
    let people: Vec<_> =
        waiting.iter().map(|(row, _)| row.recipient.clone().unwrap_or_default()).collect();
    if people.is_empty() {
        return (given, rest);
    }
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    let turns = app.cache.turns(number, pace, &people, now).await;
    for ((row, verdict), turn) in waiting.iter_mut().zip(turns) {
        match turn {
            Turn::After(wait) => drop(given.insert(row.id, wait)),
            Turn::NotBefore(wait) => {
                let after = clock::after(now, wait);
                let why = Trouble::new("pace", "this person was just written to");
                *verdict = Verdict::later(row, after, now, why);
            }
            Turn::Full(wait) => {
                rest = Some(wait.max(HORIZON / 2));
                let why = Trouble::new("pace", "others were first");
                // It keeps its place among those that wait.
                *verdict = Verdict::later(row, row.created_at, now, why);
            }
        }
    }
    (given, rest)
}
