//! What WhatsApp reports: how far messages have come, what people write to us, and what became of templates. Of Meta's "Webhooks"
//! reference: `entry[].changes[].{field, value}`, several of each in one call.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{NotificationId, ReceiptStatus, Trouble, is_e164};

/// One thing that is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// How far a message has come.
    Receipt(Receipt),
    /// Somebody writes to us.
    Text {
        /// WhatsApp's name for their message.
        id: String,
        /// Who, in E.164.
        from: String,
        /// What; a button that they pressed counts as its words.
        text: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody wants marketing, or does not.
    Preference {
        /// Who, in E.164.
        from: String,
        /// Whether they want it.
        wants: bool,
        /// When.
        at: Timestamp,
    },
    /// A template can be used now, or cannot.
    Template {
        /// Its name.
        name: String,
        /// Its language, in WhatsApp's words.
        language: String,
        /// How it stands: `APPROVED`, `PAUSED`, `DISABLED`, `REJECTED`…
        status: String,
        /// Why.
        reason: Option<String>,
    },
    /// Something that nothing follows from; its field, or the status that nobody knows.
    Other(String),
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Our name for the message, where it comes back.
    pub notification: Option<NotificationId>,
    /// WhatsApp's name for the message.
    pub provider_id: String,
    /// How far.
    pub status: ReceiptStatus,
    /// Since when.
    pub at: Timestamp,
    /// Why, of a failure.
    pub why: Option<Trouble>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    field: String,
    #[serde(default)]
    value: Value,
}

/// What a call says. `number` is the id of our number, where we have one: what is said of others is not for us. `now` stands where it
/// does not say when.
pub fn read(body: &[u8], number: Option<&str>, now: Timestamp) -> Result<Vec<Said>, String> {
    let call: Call = serde_json::from_slice(body).map_err(|it| it.to_string())?;
    let changes = call.entry.into_iter().flat_map(|it| it.changes);
    let said = |it: Change| {
        let named = it.value.pointer("/metadata/phone_number_id").and_then(Value::as_str);
        match named.zip(number) {
            Some((named, ours)) if named != ours => vec![Said::Other(it.field)],
            _ => change(&it, now),
        }
    };
    Ok(changes.flat_map(said).collect())
}

fn change(change: &Change, now: Timestamp) -> Vec<Said> {
    let value = &change.value;
    let list =
        |name: &str| value.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut said = Vec::new();
    match change.field.as_str() {
        "messages" => {
            said.extend(list("statuses").iter().map(|it| receipt(it, now)));
            said.extend(list("messages").iter().filter_map(|it| text(it, now)));
        }
        "user_preferences" => {
            said.extend(list("user_preferences").iter().filter_map(|it| preference(it, now)));
        }
        "message_template_status_update" => said.extend(template(value)),
        _ => {}
    }
    if said.is_empty() {
        said.push(Said::Other(change.field.clone()));
    }
    said
}

fn receipt(status: &Value, now: Timestamp) -> Said {
    let word = text_at(status, "/status").unwrap_or_default();
    let (Ok(known), Some(provider_id)) = (word.parse(), text_at(status, "/id")) else {
        return Said::Other(word);
    };
    let error = |at: &str| status.pointer(at);
    let why = error("/errors/0/code").map(|code| {
        let details = error("/errors/0/error_data/details").or_else(|| error("/errors/0/title"));
        let note = details.and_then(Value::as_str).unwrap_or("no details");
        Trouble::new(&code.to_string(), note.chars().take(200).collect::<String>())
    });
    Said::Receipt(Receipt {
        notification: text_at(status, "/biz_opaque_callback_data").and_then(|it| it.parse().ok()),
        provider_id,
        status: known,
        at: moment(status, now),
        why,
    })
}

fn text(message: &Value, now: Timestamp) -> Option<Said> {
    let words = ["/text/body", "/button/text", "/interactive/button_reply/title"];
    Some(Said::Text {
        id: text_at(message, "/id")?,
        from: phone(&text_at(message, "/from")?)?,
        text: words.iter().find_map(|it| text_at(message, it)).unwrap_or_default(),
        at: moment(message, now),
    })
}

fn preference(preference: &Value, now: Timestamp) -> Option<Said> {
    if text_at(preference, "/category")? != "marketing_messages" {
        return None;
    }
    let wants = match text_at(preference, "/value")?.as_str() {
        "stop" => false,
        "resume" => true,
        _ => return None,
    };
    let from = phone(&text_at(preference, "/wa_id")?)?;
    Some(Said::Preference { from, wants, at: moment(preference, now) })
}

fn template(value: &Value) -> Option<Said> {
    Some(Said::Template {
        name: text_at(value, "/message_template_name")?,
        language: text_at(value, "/message_template_language")?,
        status: text_at(value, "/event")?,
        reason: text_at(value, "/reason").filter(|it| it != "NONE"),
    })
}

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

/// Seconds since 1970, as a text or a number.
fn moment(value: &Value, now: Timestamp) -> Timestamp {
    let at = value.get("timestamp");
    let seconds = at.and_then(|it| it.as_i64().or_else(|| it.as_str()?.parse().ok()));
    seconds.and_then(|it| Timestamp::from_second(it).ok()).unwrap_or(now)
}

/// WhatsApp's numbers have no plus.
fn phone(digits: &str) -> Option<String> {
    Some(format!("+{digits}")).filter(|it| is_e164(it))
}
