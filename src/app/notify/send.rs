//! Sends one message that was claimed, once.

use jiff::Timestamp;
use metrics::histogram;

use crate::{
    app::{
        App,
        notify::{decide::TOO_LATE, take::Claimed},
    },
    domain::{Fate, Trouble},
    messaging::{Content, Judgement},
    outbound::{Attempt, Exchange},
    store::notifications::Notification,
    telemetry::metric,
};

/// What came of sending a message.
#[derive(Debug)]
pub struct Sent {
    /// The notification, as it was before it was claimed.
    pub row: Notification,
    /// What came of it.
    pub judgement: Judgement,
    /// What was said, where something was: for the audit log.
    pub exchange: Option<Exchange>,
    /// In which language, in the channel's words, where it was a template.
    pub template: Option<(String, String)>,
}

impl Sent {
    /// Its sender fell, and nobody knows how far it got.
    pub fn lost(row: Notification) -> Self {
        let why = Trouble::new("interrupted", "whoever was sending it was interrupted");
        Self { row, judgement: Judgement::Fate(Fate::Held(why)), exchange: None, template: None }
    }
}

/// Sends a message when its turn has come.
pub async fn send(app: &App, claimed: &Claimed) -> Sent {
    let Claimed { row, message, after } = claimed;
    tokio::time::sleep(*after).await;
    let template = match &message.content {
        Content::Template(it) => Some((it.template.clone(), it.language_code.clone())),
        Content::Text(_) => None,
    };
    let sent = |judgement, exchange| Sent { row: row.clone(), judgement, exchange, template };
    let failed = |why| Judgement::Fate(Fate::Failed { why, fall_back: true });
    let now = app.clock.now();
    if row.worthless_at <= now {
        let why = Trouble::new(TOO_LATE.0, TOO_LATE.1);
        return sent(Judgement::Fate(again(Some(row.worthless_at), why)), None);
    }
    let Some(carrier) = app.messaging.carriers.get(row.channel) else {
        return sent(failed(Trouble::new("no_channel", "nobody has configured it")), None);
    };
    let request = match carrier.word(message) {
        Err(why) => return sent(failed(why), None),
        Ok(None) => {
            tracing::info!(
                notification.id = %row.id,
                order.id = row.order_id.map(tracing::field::display),
                event = row.event,
                template = row.template,
                language = %row.language,
                "a message was written down: there are no credentials to send it with"
            );
            let fate = Fate::Accepted { provider_id: None };
            return sent(Judgement::Fate(fate), None);
        }
        Ok(Some(request)) => request,
    };
    match app.outgoing.client.send(carrier.name(), request).await {
        Attempt::Spared(until) => {
            let why = Trouble::new("host_rests", "the channel's host is down and left alone");
            sent(Judgement::Fate(again(Some(until), why)), None)
        }
        Attempt::Made(exchange) => {
            let now = app.clock.now();
            let judgement = carrier.judge(&exchange, row.attempts, now);
            let channel = row.channel.as_str();
            histogram!(metric::NOTIFICATION_SEND_SECONDS, "channel" => channel)
                .record(exchange.took);
            sent(judgement, Some(*exchange))
        }
    }
}

/// It was never sent.
const fn again(not_before: Option<Timestamp>, why: Trouble) -> Fate {
    Fate::Again { not_before, counts: false, why }
}
