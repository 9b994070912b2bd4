//! How fast each channel may be used.

use std::time::Duration;

use crate::{app::App, cache::Pace, domain::MessageChannel};

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
