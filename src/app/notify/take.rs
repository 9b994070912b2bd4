//! Takes what is due: looks at it, gives it a turn, and claims it before anything is sent.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    app::{
        App, Failure, batch,
        notify::{
            decide::{Known, Verdict, decide},
            facts::{Facts, consent, facts, keep_recipients, standing},
            pace::{HORIZON, pace},
            send::fallback,
            settle::{count, count_fallbacks, too_late},
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

/// What came of taking some.
#[derive(Debug)]
pub struct Taken {
    /// How many were looked at.
    pub looked_at: usize,
    /// Those that are to be sent now.
    pub claimed: Vec<Claimed>,
    /// All turns are given: after so long there will be several.
    pub rest: Option<Duration>,
}

/// Takes at most `limit` notifications by one channel that are due.
pub async fn take(app: &App, channel: MessageChannel, limit: u32) -> Result<Taken, Failure> {
    let now = app.clock.now();
    let (number, pace) = pace(app, channel);
    let turns = HORIZON.as_micros() / pace.every.as_micros().max(1) + 1;
    let limit = limit.min(u32::try_from(turns).unwrap_or(u32::MAX));
    let mut tx = app.db.begin().await?;
    let times = (now, after(now, LOOK));
    let rows = store::notifications::claim(&mut tx, channel, times, limit).await?;
    tx.commit().await?;
    let looked_at = rows.len();
    let mut verdicts = looked(app, rows, now).await?;
    let (turns, rest) = self::turns(app, &number, pace, &mut verdicts, now).await;
    let claimed = claim(app, verdicts, &turns, now).await?;
    Ok(Taken { looked_at, claimed, rest })
}

/// What becomes of rows, as far as it does not depend on others. One whose order or store cannot be read fails alone.
async fn looked(
    app: &App,
    rows: Vec<Notification>,
    now: Timestamp,
) -> Result<Vec<(Notification, Verdict)>, Failure> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let looked = batch::isolate(&rows, |part| async move {
        let facts = facts(app, part).await?;
        Ok(part.iter().map(|row| Ok(look(app, &facts, row.clone(), now))).collect())
    });
    let unreadable = |(row, looked): (Notification, Result<_, Failure>)| {
        looked.unwrap_or_else(|failure| {
            tracing::error!(notification.id = %row.id, "what a message is about cannot be read: {failure}");
            let why = Trouble::new("unreadable", "its order or its store cannot be read");
            let state = NotificationState::Failed;
            (row, Verdict::End { state, why, fall_back: false })
        })
    };
    let looked = looked.await?;
    Ok(rows.into_iter().zip(looked).map(unreadable).collect())
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
                    now,
                    Trouble::new("account_rests", "the account there cannot be used at present"),
                ),
            }
        }
        other => other,
    };
    (row, verdict)
}

/// Later, if it is worth something then; else another channel may do better.
fn later(row: &Notification, at: Timestamp, now: Timestamp, why: Trouble) -> Verdict {
    if at < row.worthless_at {
        return Verdict::Later(at, why);
    }
    let state = too_late(row, now);
    Verdict::End { state, why, fall_back: state == NotificationState::Failed }
}

/// Gives turns to what is to be sent, and puts off what gets none; answers for how long all turns are given.
async fn turns(
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
                let why = Trouble::new("pace", "this person was just written to");
                *verdict = later(row, after(now, wait), now, why);
            }
            Turn::Full(wait) => {
                rest = Some(wait.max(HORIZON / 2));
                let why = Trouble::new("pace", "others were first");
                // It keeps its place among those that wait.
                *verdict = later(row, row.created_at, now, why);
            }
        }
    }
    (given, rest)
}

/// Writes down what becomes of the rows. What is to be sent is this process's alone after it.
async fn claim(
    app: &App,
    verdicts: Vec<(Notification, Verdict)>,
    turns: &HashMap<NotificationId, Duration>,
    now: Timestamp,
) -> Result<Vec<Claimed>, Failure> {
    if verdicts.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = app.db.begin().await?;
    let rows: Vec<_> = verdicts.iter().map(|(row, _)| row.clone()).collect();
    keep_recipients(&mut tx, rows.iter()).await?;
    // Once more: a person who has said STOP while the rows were looked at is not written to.
    let standing = standing(&mut tx, &rows).await?;
    let verdicts: Vec<_> = verdicts
        .into_iter()
        .map(|(row, verdict)| {
            let has_withdrawn =
                row.rule.is_some() && consent(&standing, &row) == Some(Decision::Withdrawn);
            if has_withdrawn { (row, withdrawn(verdict)) } else { (row, verdict) }
        })
        .collect();
    let moves: Vec<_> = verdicts.iter().map(|(row, it)| moved(app, row, it, now)).collect();
    let begun: HashSet<_> =
        store::notifications::advance(&mut tx, &moves, now).await?.into_iter().collect();
    let (mut fallbacks, mut claimed) = (Vec::new(), Vec::new());
    for (row, verdict) in verdicts.into_iter().filter(|(row, _)| begun.contains(&row.id)) {
        match verdict {
            Verdict::Send(content) => claimed.extend(message(row, content, turns)),
            Verdict::End { fall_back: true, .. } => fallbacks.extend(fallback(app, &row, now)),
            Verdict::Later(..) | Verdict::End { .. } => {}
        }
    }
    store::notifications::put(&mut tx, &fallbacks).await?;
    tx.commit().await?;
    for (row, it) in rows.iter().zip(&moves).filter(|(row, _)| begun.contains(&row.id)) {
        count(row.channel, it);
    }
    count_fallbacks(&fallbacks);
    Ok(claimed)
}

/// Where a row goes.
fn moved(app: &App, row: &Notification, verdict: &Verdict, now: Timestamp) -> Move {
    let to = |state| Move::to(row.claim(), state);
    let explained = |state, why: &Trouble| Move {
        code: Some(why.code.clone()),
        note: Some(why.note.clone()),
        // Nothing was sent.
        counts: false,
        ..to(state)
    };
    match verdict {
        Verdict::Send(content) => {
            let lease = app.config.outbound.timeout.saturating_add(HORIZON).saturating_add(SPARE);
            Move {
                next_attempt_at: Some(after(now, lease)),
                words: Some(content.text().to_owned()),
                ..to(NotificationState::Sending)
            }
        }
        Verdict::Later(at, why) => {
            Move { next_attempt_at: Some(*at), ..explained(NotificationState::Queued, why) }
        }
        Verdict::End { state, why, .. } => explained(*state, why),
    }
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
