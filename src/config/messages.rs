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
    /// What people are told of their orders.
    pub struct Notify as "notify" {
        /// How long a message waits for something newer to say of the same order, where its rule says nothing else.
        window: Span = Span::secs(5), in Span::millis(0), Span::secs(600);
        /// The language of those who have not said theirs: `ar` or `en`.
        language: Language = Language::Arabic;
        /// A TOML file with the restaurant's own templates, and rules for stores without rules. Left out: those that come with Orderwire.
        templates_file: Option<PathBuf> = None;
        /// Messages under way at once, from one process.
        at_once: usize = 64, in 1, 10_000;
        /// The delay before a message is tried again that a channel would not take; it doubles each time, give or take.
        first_delay: Span = Span::secs(2), in Span::millis(10), Span::secs(600);
        /// The longest delay between two attempts.
        longest_delay: Span = Span::secs(120), in Span::millis(10), Span::secs(3600);
        /// How long a message whose fate nobody knows is held for a receipt. It is never sent again by itself.
        hold_for: Span = Span::secs(15 * 60), in Span::millis(100), Span::secs(86_400);
        /// How often processes tell each other, through Redis, which orders are being watched.
        presence_every: Span = Span::secs(5), in Span::millis(100), Span::secs(60);
        /// How long notifications are kept after their last change.
        keep: Span = Span::secs(90 * 86_400), in Span::secs(2 * 86_400), Span::secs(3650 * 86_400);
    }
}

section! {
    /// WhatsApp's Cloud API.
    pub struct WhatsApp as "whatsapp" {
        /// The id of the number that messages come from. Left out: messages are written down, and go nowhere.
        phone_number_id: Option<AccountId> = None;
        /// The token of a system user that may send.
        token: Option<SecretString> = None;
        /// The app's secrets, which sign what WhatsApp reports; several during a rotation.
        app_secrets: Vec<SecretString> = Vec::new();
        /// What WhatsApp must say when its webhook is set up.
        verify_token: Option<SecretString> = None;
        /// Where the API begins.
        base_url: String = "https://graph.facebook.com".to_owned();
        /// Its version.
        version: String = "v24.0".to_owned();
        /// Messages a second from the number: 80 by default, 1,000 after Meta's upgrade, 20 for numbers shared with the app.
        rate: u32 = 80, in 1, 10_000;
        /// How long the same person is left alone between two messages.
        pair_every: Span = Span::secs(6), in Span::millis(0), Span::secs(600);
        /// How long nothing is sent after the API said that the account cannot be used; then one message goes to see.
        rest: Span = Span::secs(60), in Span::millis(10), Span::secs(3600);
        /// A TOML file that says what error codes mean. Left out: the table that comes with Orderwire.
        errors_file: Option<PathBuf> = None;
    }
}

section! {
    /// The gateway for text messages.
    pub struct Sms as "sms" {
        /// Where each message is posted. Left out: there are no text messages.
        url: Option<String> = None;
        /// What is posted; `{to}`, `{text}`, `{sender}` and `{id}` are filled in.
        body: String = r#"{"to":"{to}","from":"{sender}","text":"{text}","reference":"{id}"}"#.to_owned();
        /// What that is: `application/json` or `application/x-www-form-urlencoded`.
        content_type: String = "application/json".to_owned();
        /// The whole `Authorization` header.
        authorization: Option<SecretString> = None;
        /// Who it comes from, as phones show it.
        sender: String = "Orderwire".to_owned();
        /// Where the gateway's name for the message stands in its answer: a JSON pointer.
        id_pointer: Option<String> = None;
        /// Messages a second.
        rate: u32 = 10, in 1, 10_000;
    }
}
