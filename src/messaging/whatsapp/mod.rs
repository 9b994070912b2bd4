//! WhatsApp's Cloud API: how a message is sent, what its answers mean, and what it reports.
//!
//! `POST {base}/{version}/{phone number id}/messages`, of Meta's "Messages" reference. There is no idempotency key: whoever sends again
//! after a lost reply sends twice. What comes back with every report is `biz_opaque_callback_data`, where the notification's id stands.

mod errors;
mod webhook;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use self::errors::{Class, Errors};
pub use self::{
    errors::BadErrors,
    webhook::{Receipt, Said, read},
};
use crate::{
    config,
    domain::{Fate, Trouble},
    messaging::{Carrier, Content, Judgement, Message},
    outbound::{Body, Exchange, Request, Verdict},
};

/// The name under which its reports come in, and its secrets are kept.
pub const PARTNER: &str = "whatsapp";

/// The longest that one is told to wait for writing to the same person too often: 4^6 s is more than an hour.
const MOST_PATIENCE: u32 = 6;

/// One number of ours.
pub struct WhatsApp {
    url: Url,
    headers: HeaderMap,
    errors: Errors,
}

impl WhatsApp {
    /// As configured; `None` when nobody has.
    pub fn new(settings: &config::WhatsApp) -> Result<Option<Self>, BadErrors> {
        let errors = Errors::new(settings.errors_file.as_deref())?;
        let Some((number, token)) = settings.phone_number_id.as_ref().zip(settings.token.as_ref())
        else {
            return Ok(None);
        };
        let base = settings.base_url.trim_end_matches('/');
        let url = format!("{base}/{}/{}/messages", settings.version, &**number);
        let url = url.parse().map_err(|_| BadErrors::Url(url))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| BadErrors::Token)?;
        bearer.set_sensitive(true);
        let headers =
            [(AUTHORIZATION, bearer), (CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Ok(Some(Self { url, headers: headers.into_iter().collect(), errors }))
    }
}

impl Carrier for WhatsApp {
    fn name(&self) -> &'static str {
        PARTNER
    }

    fn word(&self, message: &Message) -> Result<Option<Request>, Trouble> {
        let body = Bytes::from(body(message).to_string());
        Ok(Some(Request {
            method: Method::POST,
            url: self.url.clone(),
            headers: self.headers.clone(),
            // A number, and what somebody has ordered.
            body: Body::Secret(body),
        }))
    }

    fn judge(&self, exchange: &Exchange, attempts: u32, now: Timestamp) -> Judgement {
        let answer = match &exchange.answer {
            Ok(answer) => answer,
            Err(why) if exchange.never_left => {
                let why = Trouble::new("unreachable", why);
                return Judgement::Fate(Fate::Again { not_before: None, counts: true, why });
            }
            Err(why) => return Judgement::Fate(Fate::Held(Trouble::new("no_reply", why))),
        };
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() {
            let id = body.pointer("/messages/0/id").and_then(Value::as_str);
            return Judgement::Fate(Fate::accepted(id));
        }
        let not_before = match exchange.verdict {
            Verdict::Again { not_before } => not_before,
            Verdict::Done | Verdict::Never => None,
        };
        let Some(code) = body.pointer("/error/code").and_then(Value::as_u64) else {
            return Judgement::Fate(without_code(answer.status, not_before));
        };
        let why = Trouble::new(&code.to_string(), words(&body));
        let class = self.errors.class(code);
        let patience = || {
            let wait = SignedDuration::from_secs(4i64.pow(attempts.clamp(1, MOST_PATIENCE)));
            now.checked_add(wait).ok().max(not_before)
        };
        match class {
            Some(Class::Again) => again(not_before, why),
            Some(Class::SlowDown) => again(patience(), why),
            Some(Class::Template) => Judgement::TemplateStopped(why),
            Some(Class::Account) => Judgement::AccountBroken(why),
            Some(Class::NotNow | Class::Recipient | Class::Window | Class::Fault) => {
                Judgement::Fate(Fate::Failed { why, fall_back: true })
            }
            // Said by the API itself, so it was not taken; whether it ever will be, nobody knows.
            None if answer.status.is_server_error() => again(not_before, why),
            None => Judgement::Fate(Fate::Failed { why, fall_back: true }),
        }
    }
}

fn again(not_before: Option<Timestamp>, why: Trouble) -> Judgement {
    Judgement::Fate(Fate::Again { not_before, counts: true, why })
}

/// An answer that is not the API's own: some gateway's, which may have passed the message on.
fn without_code(status: StatusCode, not_before: Option<Timestamp>) -> Fate {
    let why = Trouble::new(&status.as_u16().to_string(), "an answer without a code");
    match status {
        StatusCode::TOO_MANY_REQUESTS => Fate::Again { not_before, counts: true, why },
        it if it.is_server_error() || it == StatusCode::REQUEST_TIMEOUT => Fate::Held(why),
        _ => Fate::Failed { why, fall_back: true },
    }
}

/// What an error says of itself. Its details never quote a message.
fn words(body: &Value) -> String {
    let word = |at: &str| body.pointer(at).and_then(Value::as_str);
    let details = word("/error/error_data/details").or_else(|| word("/error/message"));
    details.unwrap_or("no details").chars().take(200).collect()
}

fn body(message: &Message) -> Value {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.to.trim_start_matches('+'),
        "biz_opaque_callback_data": message.id,
    });
    let (kind, content) = match &message.content {
        Content::Text(text) => ("text", json!({"preview_url": false, "body": text})),
        Content::Template(worded) => {
            let text = |it: &String| json!({"type": "text", "text": it});
            let mut components = Vec::new();
            if !worded.parameters.is_empty() {
                let parameters: Vec<_> = worded.parameters.iter().map(text).collect();
                components.push(json!({"type": "body", "parameters": parameters}));
            }
            if let Some(button) = &worded.button {
                components.push(json!({
                    "type": "button", "sub_type": "url", "index": "0", "parameters": [text(button)],
                }));
            }
            let language = json!({"code": worded.language_code, "policy": "deterministic"});
            let template =
                json!({"name": worded.template, "language": language, "components": components});
            ("template", template)
        }
    };
    if let Some(fields) = body.as_object_mut() {
        fields.insert("type".to_owned(), Value::from(kind));
        fields.insert(kind.to_owned(), content);
    }
    body
}
