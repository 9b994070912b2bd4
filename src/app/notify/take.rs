//! Takes what is due: looks at it, gives it a turn, and claims it before anything is sent.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    app::{
        App, Failure,
        notify::{
            decide::{Known, Verdict, decide},
            facts::{Facts, consent, facts, standing},
            send::fallback,
            settle::count,
            wording,
        },
        tracking,
    },
    cache::{Pace, Turn},
    domain::{Audience, Decision, MessageChannel, NotificationId, NotificationState, Trouble},
    messaging::{Content, Message},
    store::{
        self,
        notifications::{Move, Notification},
    },
};

/// How far ahead messages are given their turns.
const HORIZON: Duration = Duration::from_millis(250);

/// How long whoever takes rows may need to look at them. Who dies meanwhile has sent nothing.
const LOOK: Duration = Duration::from_secs(15);

/// How much longer than its request may take a message is left to its sender.
const SPARE: Duration = Duration::from_secs(5);

/// A message that this process alone may send.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The notification, as it was before.
    pub row: Notification,
    /// What is sent.
    pub message: Message,
    /// How long to wait for its turn.
    pub after: Duration,
}

/// Takes at most `limit` notifications that are due; answers how many were looked at, and those that are to be sent now.
pub async fn take(app: &App, limit: u32) -> Result<(usize, Vec<Claimed>), Failure> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let rows = store::notifications::claim(&mut tx, now, after(now, LOOK), limit).await?;
    tx.commit().await?;
    if rows.is_empty() {
        return Ok((0, Vec::new()));
    }
    let looked_at = rows.len();
    let facts = facts(app, &rows).await?;
    let mut verdicts: Vec<_> = rows.into_iter().map(|it| look(app, &facts, it, now)).collect();
    let turns = turns(app, &mut verdicts, now).await;
    let claimed = claim(app, verdicts, &turns, now).await?;
    Ok((looked_at, claimed))
}

/// What becomes of one row, as far as it does not depend on others.
fn look(app: &App, facts: &Facts, row: Notification, now: Timestamp) -> (Notification, Verdict) {
    let order = row.order_id.and_then(|it| facts.orders.get(&it));
    let stored = row.store_id.and_then(|it| facts.stores.get(&it));
    let known = Known {
        now,
        order,
        store: stored.map(|(store, _)| store),
        quiet: stored.and_then(|(_, rules)| rules.quiet),
        newest: facts.newest.get(&(row.subject.clone(), row.audience)).copied().unwrap_or_default(),
        consent: consent(&facts.standing, &row),
        is_watching: row.audience == Audience::Customer
            && row.order_id.is_some_and(|it| facts.watched.contains(&it)),
        stopped: &facts.stopped,
    };
    let verdict = decide(&row, &known, &app.messaging.catalogue, |template, language| {
        let (Some(order), Some((store, _))) = (order, stored) else {
            return Err(Trouble::new("no_order", "the order or its store is gone"));
        };
        let link = template.button.then(|| tracking::link_to(app, order.id));
        let link = link.as_ref().map(|it| (it.url.as_str(), it.token.as_str()));
        template.word(language, |name| wording::value(name, order, store, language), link)
    });
    let verdict = match verdict {
        Verdict::Send(content) if row.recipient.is_some() => {
            match app.messaging.admit(app, row.channel, now) {
                Ok(()) => Verdict::Send(content),
                Err(until) => later(
                    &row,
                    until,
                    Trouble::new("account_rests", "the account there cannot be used at present"),
                ),
            }
        }
        other => other,
    };
    (row, verdict)
}

/// Later, if it is worth something then.
fn later(row: &Notification, at: Timestamp, why: Trouble) -> Verdict {
    if at < row.worthless_at {
        return Verdict::Later(at, why);
    }
    Verdict::End { state: NotificationState::Expired, why, fall_back: false }
}

/// Gives turns to what is to be sent, and puts off what gets none.
async fn turns(
    app: &App,
    verdicts: &mut [(Notification, Verdict)],
    now: Timestamp,
) -> HashMap<NotificationId, Duration> {
    let mut given = HashMap::new();
    for channel in MessageChannel::ALL {
        let mut waiting: Vec<_> = verdicts
            .iter_mut()
            .filter(|(row, it)| row.channel == *channel && matches!(it, Verdict::Send(_)))
            .collect();
        let people: Vec<_> =
            waiting.iter().map(|(row, _)| row.recipient.clone().unwrap_or_default()).collect();
        if people.is_empty() {
            continue;
        }
        let people: Vec<_> = people.iter().map(String::as_str).collect();
        let (number, pace) = pace(app, *channel);
        let turns = app.cache.turns(&number, pace, &people, now).await;
        for ((row, verdict), turn) in waiting.iter_mut().zip(turns) {
            match turn {
                Turn::After(wait) => drop(given.insert(row.id, wait)),
                Turn::NotBefore(wait) => {
                    let why = Trouble::new(
                        "pace",
                        "others were first, or this person was just written to",
                    );
                    *verdict = later(row, after(now, wait), why);
                }
            }
        }
    }
    given
}

/// From which number, and how fast.
fn pace(app: &App, channel: MessageChannel) -> (String, Pace) {
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

/// Writes down what becomes of the rows. What is to be sent is this process's alone after it.
async fn claim(
    app: &App,
    verdicts: Vec<(Notification, Verdict)>,
    turns: &HashMap<NotificationId, Duration>,
    now: Timestamp,
) -> Result<Vec<Claimed>, Failure> {
    let lease = app.config.outbound.timeout.saturating_add(HORIZON).saturating_add(SPARE);
    let (mut moves, mut fallbacks, mut claimed) = (Vec::new(), Vec::new(), Vec::new());
    let mut tx = app.db.begin().await?;
    // Once more: who has said STOP while the rows were looked at is not written to.
    let rows: Vec<_> = verdicts.iter().map(|(row, _)| row.clone()).collect();
    let standing = standing(&mut tx, &rows).await?;
    for (row, verdict) in verdicts {
        let verdict = if row.rule.is_some() && consent(&standing, &row) == Some(Decision::Withdrawn)
        {
            withdrawn(verdict)
        } else {
            verdict
        };
        match verdict {
            Verdict::Send(content) => {
                moves.push(Move {
                    next_attempt_at: Some(after(now, lease)),
                    words: Some(content.text().to_owned()),
                    tries: 1,
                    ..Move::to(row.id, NotificationState::Sending)
                });
                claimed.extend(message(row, content, turns));
            }
            Verdict::Later(at, why) => moves.push(Move {
                next_attempt_at: Some(at),
                code: Some(why.code),
                note: Some(why.note),
                ..Move::to(row.id, NotificationState::Queued)
            }),
            Verdict::End { state, why, fall_back } => {
                moves.push(Move {
                    code: Some(why.code),
                    note: Some(why.note),
                    ..Move::to(row.id, state)
                });
                if fall_back {
                    fallbacks.extend(fallback(app, &row, now));
                }
            }
        }
    }
    let begun: HashSet<_> =
        store::notifications::begin(&mut tx, &moves, now).await?.into_iter().collect();
    store::notifications::put(&mut tx, &fallbacks).await?;
    tx.commit().await?;
    for it in moves.iter().filter(|it| begun.contains(&it.id)) {
        if let Some(row) = rows.iter().find(|row| row.id == it.id) {
            count(row.channel, it);
        }
    }
    claimed.retain(|it| begun.contains(&it.row.id));
    Ok(claimed)
}

/// What was to be sent is not.
fn withdrawn(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Send(_) => Verdict::End {
            state: NotificationState::NoConsent,
            why: Trouble::new("no_consent", "the person has just asked for no more messages"),
            fall_back: true,
        },
        other => other,
    }
}

fn message(
    row: Notification,
    content: Content,
    turns: &HashMap<NotificationId, Duration>,
) -> Option<Claimed> {
    let message = Message { id: row.id, to: row.recipient.clone()?, content };
    let after = turns.get(&row.id).copied().unwrap_or_default();
    Some(Claimed { row, message, after })
}

fn after(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
