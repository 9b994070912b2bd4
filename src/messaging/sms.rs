//! Text messages, by any gateway that takes one HTTP request for each.

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::{
    config,
    domain::{Fate, Trouble},
    messaging::{Carrier, Judgement, Message},
    outbound::{Body, Exchange, Request, Verdict},
};

/// A gateway.
pub struct Sms {
    url: Url,
    headers: HeaderMap,
    body: String,
    is_form: bool,
    sender: String,
    id_pointer: Option<String>,
}

/// The gateway cannot be used as configured. For the operator.
#[derive(Debug, thiserror::Error)]
pub enum BadGateway {
    /// Its address.
    #[error("`sms.url` is no address: {0}")]
    Url(String),
    /// What proves who we are.
    #[error("`sms.authorization` and `sms.content_type` must be printable ASCII")]
    Header,
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Sms {
    /// As configured; `None` when nobody has.
    pub fn new(settings: &config::Sms) -> Result<Option<Self>, BadGateway> {
        let Some(url) = &settings.url else { return Ok(None) };
        let url = url.parse::<Url>().map_err(|it| BadGateway::Url(it.to_string()))?;
        let mut headers = HeaderMap::new();
        let header = |it: &str| HeaderValue::from_str(it).map_err(|_| BadGateway::Header);
        headers.insert(CONTENT_TYPE, header(&settings.content_type)?);
        if let Some(authorization) =
            settings.authorization.as_ref().map(SecretString::expose_secret)
        {
            let mut value = header(authorization)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Some(Self {
            url,
            headers,
            body: settings.body.clone(),
            is_form: settings.content_type.starts_with(FORM),
            sender: settings.sender.clone(),
            id_pointer: settings.id_pointer.clone(),
        }))
    }

    /// The body, with values as its format wants them.
    fn fill(&self, message: &Message) -> String {
        let values = [
            ("{to}", message.to.as_str()),
            ("{text}", message.content.text()),
            ("{sender}", &self.sender),
            ("{id}", &message.id.to_string()),
        ];
        let mut body = String::with_capacity(self.body.len() + 160);
        let mut rest = self.body.as_str();
        // In one pass: a text that says `{to}` is a text.
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            body.push_str(before);
            let found = values.iter().find(|(name, _)| from.starts_with(name));
            let (name, value) =
                found.map_or(("{", "{".to_owned()), |(name, value)| (*name, self.escape(value)));
            body.push_str(&value);
            rest = from.get(name.len()..).unwrap_or_default();
        }
        body.push_str(rest);
        body
    }

    fn escape(&self, value: &str) -> String {
        if self.is_form {
            return form_urlencoded::byte_serialize(value.as_bytes()).collect();
        }
        let quoted = Value::from(value).to_string();
        quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
    }
}

impl Carrier for Sms {
    fn name(&self) -> &'static str {
        "sms"
    }

    fn word(&self, message: &Message) -> Result<Option<Request>, Trouble> {
        Ok(Some(Request {
            method: Method::POST,
            url: self.url.clone(),
            headers: self.headers.clone(),
            // A number, and what somebody has ordered.
            body: Body::Secret(Bytes::from(self.fill(message))),
        }))
    }

    fn judge(&self, exchange: &Exchange, _: u32, _: Timestamp) -> Judgement {
        let answer = match &exchange.answer {
            Ok(answer) => answer,
            Err(why) if exchange.never_left => {
                let why = Trouble::new("unreachable", why);
                return Judgement::Fate(Fate::Again { not_before: None, counts: true, why });
            }
            Err(why) => return Judgement::Fate(Fate::Held(Trouble::new("no_reply", why))),
        };
        let code = answer.status.as_u16().to_string();
        let why = Trouble::new(&code, "the gateway's answer");
        Judgement::Fate(match exchange.verdict {
            Verdict::Done => {
                let answer: Option<Value> = serde_json::from_slice(&answer.body).ok();
                let id = answer.zip(self.id_pointer.as_ref()).and_then(|(answer, pointer)| {
                    let id = answer.pointer(pointer)?;
                    Some(id.as_str().map_or_else(|| id.to_string(), str::to_owned))
                });
                Fate::accepted(id.as_deref())
            }
            // It may have been sent on before the gateway broke.
            Verdict::Again { .. }
                if answer.status.is_server_error()
                    || answer.status == StatusCode::REQUEST_TIMEOUT =>
            {
                Fate::Held(why)
            }
            Verdict::Again { not_before } => Fate::Again { not_before, counts: true, why },
            Verdict::Never => Fate::Failed { why, fall_back: true },
        })
    }
}
