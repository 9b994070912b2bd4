//! Rows of notifications: how a new one begins, and how their ends are counted.

use jiff::Timestamp;
use metrics::counter;

use crate::{
    app::App,
    domain::{Audience, Category, MessageChannel, NotificationId, NotificationState, NotifyRule},
    store::notifications::{Move, Notification},
    telemetry::metric,
};

/// A queued notification that says nothing yet.
pub fn blank(app: &App, recipient: &str, channel: MessageChannel, at: Timestamp) -> Notification {
    let now = app.clock.now();
    Notification {
        id: NotificationId::from_uuid(app.mint.uuid(now)),
        subject: String::new(),
        event: String::new(),
        audience: Audience::Customer,
        channel,
        order_id: None,
        order_version: 0,
        store_id: None,
        recipient: Some(recipient.to_owned()),
        language: app.config.notify.language,
        template: None,
        category: Category::Utility,
        rule: None,
        words: None,
        state: NotificationState::Queued,
        code: None,
        note: None,
        attempts: 0,
        claims: 0,
        provider_id: None,
        created_at: at,
        worthless_at: Timestamp::MAX,
        next_attempt_at: Some(now),
        updated_at: now,
        sent_at: None,
        delivered_at: None,
        read_at: None,
    }
}

/// The same by the next channel, where the rule names one that can be used, and there is time for it.
pub fn fallback(app: &App, row: &Notification, now: Timestamp) -> Option<Notification> {
    let rule = row.rule.as_ref()?;
    let (channel, left) = rule.channels.split_first()?;
    if row.worthless_at <= now {
        return None;
    }
    Some(Notification {
        subject: row.subject.clone(),
        event: row.event.clone(),
        audience: row.audience,
        order_id: row.order_id,
        order_version: row.order_version,
        store_id: row.store_id,
        language: row.language,
        template: row.template.clone(),
        category: row.category,
        rule: Some(NotifyRule { channels: left.to_vec(), ..rule.clone() }),
        worthless_at: row.worthless_at,
        ..blank(app, row.recipient.as_deref()?, *channel, row.created_at)
    })
}

/// What becomes of a message that this channel will not take in time: another one may.
pub fn too_late(row: &Notification, now: Timestamp) -> NotificationState {
    let has_another = row.rule.as_ref().is_some_and(|it| !it.channels.is_empty());
    if has_another && now < row.worthless_at {
        NotificationState::Failed
    } else {
        NotificationState::Expired
    }
}

/// Counts where a notification has gone, and why.
pub fn count(channel: MessageChannel, it: &Move) {
    counter!(metric::NOTIFICATIONS, "channel" => channel.as_str(), "state" => it.state.as_str())
        .increment(1);
    if let Some(code) = &it.code {
        counter!(metric::NOTIFICATION_TROUBLES, "channel" => channel.as_str(), "code" => code.clone())
            .increment(1);
    }
}

/// Counts what goes on to another channel.
pub fn count_fallbacks(fallbacks: &[Notification]) {
    for it in fallbacks {
        counter!(metric::NOTIFICATION_FALLBACKS, "channel" => it.channel.as_str()).increment(1);
    }
}
