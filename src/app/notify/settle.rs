//! Writes down what came of sending.

use jiff::Timestamp;
use metrics::{counter, histogram};

use crate::{
    app::{
        App, Failure,
        notify::send::{Sent, fallback},
        partner_calls::redact::{About, entry},
    },
    base::backoff::Backoff,
    domain::{Fate, MessageChannel, NotificationState, Trouble},
    messaging::Judgement,
    store::{
        self,
        notifications::{Move, Notification},
    },
    telemetry::metric,
};

/// Writes down what came of sending these, in one transaction. Where a receipt was faster, that stands.
pub async fn settle(app: &App, sent: &[Sent]) -> Result<(), Failure> {
    if sent.is_empty() {
        return Ok(());
    }
    let now = app.clock.now();
    let (mut moves, mut counted, mut fallbacks) = (Vec::new(), Vec::new(), Vec::new());
    let mut tx = app.db.begin().await?;
    for one in sent {
        if let (Judgement::TemplateStopped(why), Some((name, language))) =
            (&one.judgement, &one.template)
        {
            let reason = format!("{}: {}", why.code, why.note);
            store::notify_rules::stop_template(&mut tx, (name, language), &reason, now).await?;
        }
        let fate = fate(app, one, now);
        if let Fate::Failed { fall_back: true, .. } = &fate {
            fallbacks.extend(fallback(app, &one.row, now));
        }
        if let Fate::Accepted { .. } = &fate {
            let lag = now.duration_since(one.row.created_at).as_secs_f64();
            histogram!(metric::NOTIFICATION_LAG_SECONDS, "channel" => one.row.channel.as_str())
                .record(lag);
        }
        let it = moved(app, &one.row, fate, now);
        counted.push((one.row.channel, it.clone()));
        moves.push(it);
        if let Some(exchange) = &one.exchange {
            let about = About {
                partner: one.row.channel.as_str(),
                order_id: one.row.order_id,
                store_id: one.row.store_id,
                call_id: None,
                attempt: one.row.attempts.saturating_add(1),
            };
            store::audit::put(&mut tx, &entry(app, &about, exchange)).await?;
        }
    }
    // Receipts of the same messages may be on their way: whoever locks in order does not wait for whoever waits for them.
    let ids: Vec<_> = moves.iter().map(|it| it.id).collect();
    store::notifications::lock(&mut tx, &ids).await?;
    store::notifications::end(&mut tx, &moves, now).await?;
    store::notifications::put(&mut tx, &fallbacks).await?;
    tx.commit().await?;
    for (channel, it) in &counted {
        count(*channel, it);
    }
    Ok(())
}

/// What follows for the message itself.
fn fate(app: &App, sent: &Sent, now: Timestamp) -> Fate {
    let channel = sent.row.channel;
    match &sent.judgement {
        Judgement::Fate(fate) => {
            if matches!(fate, Fate::Accepted { .. }) {
                app.messaging.works(channel);
            }
            fate.clone()
        }
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

fn moved(app: &App, row: &Notification, fate: Fate, now: Timestamp) -> Move {
    let explained = |state, why: Trouble| Move {
        code: Some(why.code),
        note: Some(why.note),
        ..Move::to(row.id, state)
    };
    match fate {
        Fate::Accepted { provider_id } => Move {
            provider_id,
            sent_at: Some(now),
            ..Move::to(row.id, NotificationState::Accepted)
        },
        Fate::Failed { why, .. } => explained(NotificationState::Failed, why),
        Fate::Held(why) => Move {
            next_attempt_at: Some(hold_until(app, now)),
            ..explained(NotificationState::Held, why)
        },
        Fate::Again { not_before, counts, why } => {
            let settings = &app.config.notify;
            let mut backoff =
                Backoff::after(*settings.first_delay, *settings.longest_delay, row.attempts);
            let usual = now.saturating_add(backoff.next_delay(&app.mint)).unwrap_or(now);
            let next = not_before.unwrap_or(usual);
            let tries = if counts { 0 } else { -1 };
            if row.worthless_at <= next {
                return Move { tries, ..explained(NotificationState::Expired, why) };
            }
            Move { next_attempt_at: Some(next), tries, ..explained(NotificationState::Queued, why) }
        }
    }
}

fn hold_until(app: &App, now: Timestamp) -> Timestamp {
    now.saturating_add(*app.config.notify.hold_for).unwrap_or(Timestamp::MAX)
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

/// Counts where a notification has gone, and why.
pub(in crate::app::notify) fn count(channel: MessageChannel, it: &Move) {
    counter!(metric::NOTIFICATIONS, "channel" => channel.as_str(), "state" => it.state.as_str())
        .increment(1);
    if let Some(code) = &it.code {
        counter!(metric::NOTIFICATION_TROUBLES, "channel" => channel.as_str(), "code" => code.clone())
            .increment(1);
    }
}
