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
            decide::Verdict,
            evaluate::evaluate,
            facts::{consent, keep_recipients, standing},
            pace::{HORIZON, pace, turns},
            row::{count, count_fallbacks, fallback},
        },
    },
    base::clock,
    domain::{Decision, MessageChannel, NotificationId, NotificationState, Trouble},
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
    let most = HORIZON.as_micros() / pace.every.as_micros().max(1) + 1;
    let limit = limit.min(u32::try_from(most).unwrap_or(u32::MAX));
    let mut tx = app.db.begin().await?;
    let times = (now, clock::after(now, LOOK));
    let rows = store::notifications::claim(&mut tx, channel, times, limit).await?;
    tx.commit().await?;
    let looked_at = rows.len();
    let mut verdicts = evaluate(app, rows, now).await?;
    let (turns, rest) = turns(app, &number, pace, &mut verdicts, now).await;
    let claimed = claim(app, verdicts, &turns, now).await?;
    Ok(Taken { looked_at, claimed, rest })
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
            if has_withdrawn { (row, verdict.withdrawn()) } else { (row, verdict) }
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
                next_attempt_at: Some(clock::after(now, lease)),
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

fn message(
    row: Notification,
    content: Content,
    turns: &HashMap<NotificationId, Duration>,
) -> Option<Claimed> {
    let message = Message { id: row.id, to: row.recipient.clone()?, content };
    let after = turns.get(&row.id).copied().unwrap_or_default();
    Some(Claimed { row, message, after })
}
