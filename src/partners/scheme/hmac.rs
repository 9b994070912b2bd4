//! HMAC-SHA256 over parts of a call: the body alone, or with a header, a literal or our URL beside it, or some fields of the body.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    base::mac,
    domain::{Currency, Money},
    partners::{
        Call, Rejection, Trust, json,
        place::{HeaderName, Pointer},
        scheme::checks::{believed_if, keys, malformed, plain_header, text},
    },
};

/// What is signed, and where the signature stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hmac {
    /// The header with the signature.
    pub header: HeaderName,
    /// What stands in front of the signature: `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// What is signed, one after the other.
    #[serde(default = "the_body")]
    pub signed: Vec<Part>,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal digits of either case.
    #[default]
    Hex,
    /// The standard alphabet, padded.
    Base64,
}

/// A part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Part {
    /// The body, byte for byte.
    Body,
    /// The URL that the partner has on file for us.
    Url,
    /// A header's value.
    Header(HeaderName),
    /// These very characters.
    Literal(String),
    /// A field of the body; nothing where it is missing.
    Field(Pointer),
    /// An amount in the body, with as many decimals as its currency has.
    Amount {
        /// Where the amount stands.
        value: Pointer,
        /// Where its currency stands.
        currency: Pointer,
    },
}

fn the_body() -> Vec<Part> {
    vec![Part::Body]
}

impl Hmac {
    pub fn verify(&self, call: &Call<'_>, trust: &Trust<'_>) -> Result<(), Rejection> {
        let keys = keys(trust)?;
        let parts = self.parts(call, trust)?;
        let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
        let shown = text(call, &self.header)?.strip_prefix(&self.prefix);
        let shown = shown.and_then(|it| self.encoding.decode(it));
        let shown = shown.ok_or_else(|| malformed(&self.header))?;
        believed_if(keys.iter().any(|key| mac::same(&mac::hmac_sha256(key, &parts), &shown)))
    }

    fn parts<'p, 'a: 'p>(
        &'p self,
        call: &Call<'a>,
        trust: &'p Trust<'_>,
    ) -> Result<Vec<Cow<'p, [u8]>>, Rejection> {
        let has_fields =
            self.signed.iter().any(|it| matches!(it, Part::Field(_) | Part::Amount { .. }));
        // What is no JSON has no fields, and so no signature over them.
        let body = has_fields.then(|| json::parse(call.body)).transpose();
        let body = body.map_err(|_| Rejection::BadSignature)?.unwrap_or_default();
        let part = |part: &'p Part| {
            Ok(match part {
                Part::Body => Cow::Borrowed(call.body),
                Part::Url => trust.url.as_bytes().into(),
                Part::Header(name) => plain_header(call, name)?.as_bytes().into(),
                Part::Literal(text) => text.as_bytes().into(),
                Part::Field(pointer) => printed(&body, pointer).into_bytes().into(),
                Part::Amount { value, currency } => {
                    amount(&body, value, currency).into_bytes().into()
                }
            })
        };
        self.signed.iter().map(part).collect()
    }

    pub fn covers_body(&self) -> bool {
        self.signed.contains(&Part::Body)
    }

    /// A signature in hexadecimal digits names what it signs.
    pub fn covers_header(&self, name: &HeaderName) -> bool {
        self.signed.iter().any(|it| matches!(it, Part::Header(it) if it == name))
            || (self.encoding == Encoding::Hex && self.header == *name)
    }
}

impl Encoding {
    fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => STANDARD.decode(text).ok(),
        }
    }
}

fn printed(body: &Value, pointer: &str) -> String {
    match body.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

fn amount(body: &Value, value: &str, currency: &str) -> String {
    let text = printed(body, value);
    let money = Currency::from_code(&printed(body, currency))
        .and_then(|currency| Money::from_decimal(&text, currency));
    money.map_or(text, |it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_either_case_and_what_is_not_hex_is_refused() {
        let from_hex = |text| Encoding::Hex.decode(text);
        assert_eq!(from_hex("00fFa1"), Some(vec![0, 255, 161]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("+1"), None);
        assert_eq!(from_hex("é1"), None);
    }
}
