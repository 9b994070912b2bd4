//! Writes down what came of sending.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use metrics::{counter, histogram};

use crate::{
    app::{
        App, Failure,
        audit::{About, entry},
        batch,
        notify::{
            facts::keep_recipients,
            row::{count, count_fallbacks, fallback, too_late},
            send::Sent,
        },
    },
    base::{backoff::Backoff, clock},
    domain::{Fate, NotificationState, Trouble},
    messaging::Judgement,
    store::{
        self,
        notifications::{Move, Notification},
    },
    telemetry::metric,
};

/// Writes down what came of sending these, in one transaction. Where a receipt was faster, that stands.
///
/// A result that cannot be written for a reason of its own does not hold up the others: its message is held until a receipt comes, as
/// after a crash of its sender. A failure is transient: all of it is to be tried again.
pub async fn settle(app: &App, sent: &[&Sent]) -> Result<(), Failure> {
    let written = batch::isolate(sent, |part| write(app, part)).await?;
    for (one, written) in sent.iter().zip(written) {
        if let Err(failure) = written {
            tracing::error!(
                notification.id = %one.row.id,
                "the outcome of a message cannot be written: {failure}"
            );
        }
    }
    Ok(())
}

async fn write(app: &App, sent: &[&Sent]) -> Result<Vec<Result<(), Failure>>, Failure> {
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let now = app.clock.now();
    let moves: Vec<_> =
        sent.iter().map(|one| moved(app, &one.row, fate(app, one, now), now)).collect();
    let mut tx = app.db.begin().await?;
    keep_recipients(&mut tx, sent.iter().map(|one| &one.row)).await?;
    // Receipts of the same messages may be on their way: whoever locks in order does not wait for whoever waits for them.
    let ids: Vec<_> = sent.iter().map(|one| one.row.id).collect();
    store::notifications::lock(&mut tx, &ids).await?;
    let all: Vec<_> = moves.iter().map(|(it, _)| it.clone()).collect();
    let ended: HashSet<_> =
        store::notifications::advance(&mut tx, &all, now).await?.into_iter().collect();
    let (mut fallbacks, mut stopped) = (Vec::new(), BTreeMap::new());
    for (one, (_, fall_back)) in sent.iter().zip(&moves) {
        if *fall_back && ended.contains(&one.row.id) {
            fallbacks.extend(fallback(app, &one.row, now));
        }
        if let (Judgement::TemplateStopped(why), Some((name, language))) =
            (&one.judgement, &one.template)
        {
            stopped.insert((name, language), format!("{}: {}", why.code, why.note));
        }
        if let Some(exchange) = &one.exchange {
            let about = About {
                partner: one.row.channel.as_str(),
                order_id: one.row.order_id,
                store_id: one.row.store_id,
                call_id: None,
                attempt: one.row.attempts,
            };
            store::audit::put(&mut tx, &entry(app, &about, exchange)).await?;
        }
    }
    for ((name, language), reason) in stopped {
        store::notify_rules::stop_template(&mut tx, (name, language), &reason, now).await?;
    }
    store::notifications::put(&mut tx, &fallbacks).await?;
    tx.commit().await?;
    let ended = |(one, _): &(&&Sent, _)| ended.contains(&one.row.id);
    for (one, (it, _)) in sent.iter().zip(&moves).filter(ended) {
        count(one.row.channel, it);
        if it.state == NotificationState::Accepted {
            let lag = now.duration_since(one.row.created_at).as_secs_f64();
            histogram!(metric::NOTIFICATION_LAG_SECONDS, "channel" => one.row.channel.as_str())
                .record(lag);
        }
    }
    count_fallbacks(&fallbacks);
    Ok(sent.iter().map(|_| Ok(())).collect())
}

/// What follows for the message itself.
fn fate(app: &App, sent: &Sent, now: Timestamp) -> Fate {
    let channel = sent.row.channel;
    let was_answered = sent.exchange.as_ref().is_none_or(|it| it.answer.is_ok());
    let is_broken = matches!(sent.judgement, Judgement::AccountBroken(_));
    // Who refuses one message for a reason of its own takes others.
    if was_answered && !is_broken && !matches!(sent.judgement, Judgement::Fate(Fate::Held(_))) {
        app.messaging.works(channel);
    }
    match &sent.judgement {
        Judgement::Fate(fate) => fate.clone(),
        Judgement::TemplateStopped(why) if sent.template.is_none() => {
            Fate::Failed { why: why.clone(), fall_back: true }
        }
        Judgement::TemplateStopped(why) => {
            tracing::error!(
                template = sent.row.template,
                code = why.code,
                "a template cannot be used any more: {}",
                why.note
            );
            // Looked at again, it goes in another language, or is given up.
            Fate::Again { not_before: Some(now), counts: true, why: why.clone() }
        }
        Judgement::AccountBroken(why) => {
            let until = app.messaging.broken(app, channel, now);
            tracing::error!(
                channel = %channel,
                code = why.code,
                "the account cannot be used, and somebody must mend it: {}",
                why.note
            );
            Fate::Again { not_before: Some(until), counts: false, why: why.clone() }
        }
    }
}

/// Where the row goes, and whether the next channel is to take over.
fn moved(app: &App, row: &Notification, fate: Fate, now: Timestamp) -> (Move, bool) {
    let explained = |state, why: Trouble| Move {
        code: Some(why.code),
        note: Some(why.note),
        ..Move::to(row.claim(), state)
    };
    match fate {
        Fate::Accepted { provider_id } => {
            let accepted = Move {
                provider_id,
                sent_at: Some(now),
                ..Move::to(row.claim(), NotificationState::Accepted)
            };
            (accepted, false)
        }
        Fate::Failed { why, fall_back } => (explained(NotificationState::Failed, why), fall_back),
        Fate::Held(why) => {
            let next_attempt_at = Some(hold_until(app, now));
            (Move { next_attempt_at, ..explained(NotificationState::Held, why) }, false)
        }
        Fate::Again { not_before, counts, why } => {
            let settings = &app.config.notify;
            let failures = row.attempts.saturating_sub(1);
            let mut backoff =
                Backoff::after(*settings.first_delay, *settings.longest_delay, failures);
            let usual = clock::after(now, backoff.next_delay(&app.mint));
            let next = not_before.unwrap_or(usual);
            if next < row.worthless_at {
                let queued = explained(NotificationState::Queued, why);
                return (Move { next_attempt_at: Some(next), counts, ..queued }, false);
            }
            let state = too_late(row, now);
            (Move { counts, ..explained(state, why) }, state == NotificationState::Failed)
        }
    }
}

fn hold_until(app: &App, now: Timestamp) -> Timestamp {
    clock::after(now, *app.config.notify.hold_for)
}

/// Gives up waiting for what should have been heard of by now.
pub async fn sweep(app: &App) -> Result<(), Failure> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (held, unconfirmed) =
        store::notifications::sweep(&mut tx, now, hold_until(app, now)).await?;
    tx.commit().await?;
    if held + unconfirmed > 0 {
        tracing::warn!(held, unconfirmed, "messages whose fate nobody knows");
    }
    counter!(metric::NOTIFICATIONS, "channel" => "any", "state" => NotificationState::Unconfirmed.as_str())
        .increment(unconfirmed);
    Ok(())
}
