//! The settings of messages to people.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    config::{
        AccountId, Span,
        setting::{Setting, Shown, range, section},
    },
    domain::Language,
};

section! {
    /// Notifications to people.
    pub struct Notify as "notify" {
        /// How long a message waits in case a newer one about the same order replaces it, if its rule has no delay.
        window: Span = Span::secs(5), in Span::millis(0), Span::secs(600);
        /// The language for people whose language is unknown: `ar` or `en`.
        language: Language = Language::Arabic;
        /// A TOML file with your own templates, and rules for stores without rules. Default: the built-in ones.
        templates_file: Option<PathBuf> = None;
        /// Messages under way, from one process.
        at_once: usize = 64, in 1, 10_000;
        /// The delay before the first retry of a message. It doubles with each retry, with random variation.
        first_delay: Span = Span::secs(2), in Span::millis(10), Span::secs(600);
        /// The longest delay between two attempts.
        longest_delay: Span = Span::secs(120), in Span::millis(10), Span::secs(3600);
        /// How long to wait for a receipt if it is unknown whether a message was sent. The message is never sent again automatically.
        hold_for: Span = Span::secs(15 * 60), in Span::millis(100), Span::secs(86_400);
        /// How often processes tell each other, through Redis, which orders are watched.
        presence_every: Span = Span::secs(5), in Span::millis(100), Span::secs(60);
        /// How long notifications are kept after their last change.
        keep: Span = Span::secs(90 * 86_400), in Span::secs(2 * 86_400), Span::secs(3650 * 86_400);
    }
}

section! {
    /// WhatsApp's Cloud API.
    pub struct WhatsApp as "whatsapp" {
        /// The id of the sending number. Default: messages are recorded and not sent.
        phone_number_id: Option<AccountId> = None;
        /// The token of a system user that may send.
        token: Option<SecretString> = None;
        /// The app's secrets, which sign WhatsApp's webhooks. Several during a rotation.
        app_secrets: Vec<SecretString> = Vec::new();
        /// The word that WhatsApp must send when its webhook is set up.
        verify_token: Option<SecretString> = None;
        /// The address of the API.
        base_url: String = "https://graph.facebook.com".to_owned();
        /// The version of the API.
        version: String = "v24.0".to_owned();
        /// Messages a second from the number: 80 by default, 1,000 after Meta's upgrade, 20 for numbers shared with the app.
        rate: u32 = 80, in 1, 10_000;
        /// The shortest time between two messages to the same person.
        pair_every: Span = Span::secs(6), in Span::millis(0), Span::secs(600);
        /// How long nothing is sent after the API reported that the account cannot be used; then one message is sent as a probe.
        rest: Span = Span::secs(60), in Span::millis(10), Span::secs(3600);
        /// A TOML file with the meaning of error codes. Default: the built-in table.
        errors_file: Option<PathBuf> = None;
    }
}

section! {
    /// The gateway for text messages.
    pub struct Sms as "sms" {
        /// The address that each message is posted to. Default: there are no text messages.
        url: Option<String> = None;
        /// The body of the request; `{to}`, `{text}`, `{sender}` and `{id}` are replaced.
        body: String = r#"{"to":"{to}","from":"{sender}","text":"{text}","reference":"{id}"}"#.to_owned();
        /// The type of the body: `application/json` or `application/x-www-form-urlencoded`.
        content_type: String = "application/json".to_owned();
        /// The whole `Authorization` header.
        authorization: Option<SecretString> = None;
        /// The sender that phones show.
        sender: String = "Orderwire".to_owned();
        /// The place of the gateway's id of the message in its answer: a JSON pointer.
        id_pointer: Option<String> = None;
        /// Messages a second.
        rate: u32 = 10, in 1, 10_000;
    }
}
