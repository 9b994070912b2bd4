//! How partners prove themselves: families of schemes, whose members differ in data only.
//!
//! Everything is compared over raw bytes and in constant time, with every active secret.

mod aead;
mod hmac;
mod jwt;
mod key;
mod timed;

use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::{
    base::mac,
    partners::{Call, Rejection, Trust, Verified, place::HeaderName},
};

pub use self::{hmac::Hmac, timed::signing_key};

/// The longest id of a call, in bytes.
const LONGEST_EVENT_ID: usize = 256;

pub const AUTHORIZATION: &str = "authorization";

/// One way to prove a call.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Scheme {
    /// HMAC-SHA256 over parts of the call.
    Hmac(Hmac),
    /// HMAC-SHA256 over a time and the body, several signatures in one header: `t=…,v1=…,v1=…`.
    Timestamped {
        /// The header.
        header: HeaderName,
    },
    /// Standard Webhooks with symmetric secrets: signs an id and a time along with the body.
    StandardWebhooks {
        /// What its three headers begin with: `webhook`, or `svix`.
        headers: String,
    },
    /// A key that is sent along as it is. It proves who calls and says nothing of the body.
    StaticKey {
        /// The header.
        header: HeaderName,
        /// What stands in front of the key: `Bearer `.
        #[serde(default)]
        prefix: String,
    },
    /// A key at the end of the URL, for partners who can do nothing else. It says nothing of the body.
    SecretPath {},
    /// HTTP's basic authentication; the secret is `user:password`. It says nothing of the body.
    Basic {},
    /// A token signed with HS512, in `Authorization: Bearer …`. It says nothing of the body.
    BearerJwt {
        /// A claim that it must have.
        claim: String,
        /// What that claim must say.
        value: String,
    },
    /// The body is encrypted with AES-256-GCM, in hexadecimal digits; the secret is the key, in hexadecimal digits.
    AesGcm {
        /// The header of the initialization vector.
        iv: HeaderName,
        /// The header of the authentication tag.
        tag: HeaderName,
    },
}

impl Scheme {
    /// Whether the partner sent this.
    pub fn verify(&self, call: &Call<'_>, trust: &Trust<'_>) -> Result<Verified, Rejection> {
        let believed = |()| Verified::default();
        match self {
            Self::Hmac(hmac) => hmac.verify(call, trust).map(believed),
            Self::Timestamped { header } => timed::signatures(call, trust, header).map(believed),
            Self::StandardWebhooks { headers } => timed::standard_webhooks(call, trust, headers),
            Self::StaticKey { header, prefix } => {
                key::in_header(call, trust, header, prefix).map(believed)
            }
            Self::SecretPath {} => key::in_path(call, trust).map(believed),
            Self::Basic {} => key::basic(call, trust).map(believed),
            Self::BearerJwt { claim, value } => {
                jwt::bearer(call, trust, claim, value).map(believed)
            }
            Self::AesGcm { iv, tag } => aead::open(call, trust, iv, tag),
        }
    }

    /// Whether nothing of the body can be changed without being noticed.
    pub fn covers_body(&self) -> bool {
        match self {
            Self::Hmac(hmac) => hmac.covers_body(),
            Self::Timestamped { .. } | Self::StandardWebhooks { .. } | Self::AesGcm { .. } => true,
            Self::StaticKey { .. }
            | Self::SecretPath {}
            | Self::Basic {}
            | Self::BearerJwt { .. } => false,
        }
    }

    /// Whether nothing of a header can be changed without being noticed.
    pub fn covers_header(&self, name: &HeaderName) -> bool {
        matches!(self, Self::Hmac(hmac) if hmac.covers_header(name))
    }
}

/// The header's value; an empty one is as good as none.
fn header<'a>(call: &Call<'a>, name: &str) -> Result<&'a [u8], Rejection> {
    let value = (call.header)(name).filter(|it| !it.is_empty());
    value.ok_or_else(|| Rejection::MissingHeader(name.to_owned().into()))
}

/// The header's value as text.
fn text<'a>(call: &Call<'a>, name: &str) -> Result<&'a str, Rejection> {
    str::from_utf8(header(call, name)?).map_err(|_| malformed(name))
}

fn malformed(name: &str) -> Rejection {
    Rejection::MalformedHeader(name.to_owned().into())
}

/// A header that is part of what is signed, or names the call. It may be an index key, which must not be long; and with spaces in
/// it, part of the body could pass for part of the header.
pub fn plain_header<'a>(call: &Call<'a>, name: &str) -> Result<&'a str, Rejection> {
    let value = header(call, name)?;
    let is_plain = value.len() <= LONGEST_EVENT_ID && value.iter().all(u8::is_ascii_graphic);
    let value = is_plain.then(|| str::from_utf8(value).ok()).flatten();
    value.ok_or_else(|| malformed(name))
}

/// The secrets as bytes. Empty ones would fit an empty header.
fn keys<'a>(trust: &Trust<'a>) -> Result<Vec<&'a [u8]>, Rejection> {
    let keys: Vec<_> = trust
        .secrets
        .iter()
        .map(|it| it.expose_secret().as_bytes())
        .filter(|it| !it.is_empty())
        .collect();
    if keys.is_empty() { Err(Rejection::NoSecrets) } else { Ok(keys) }
}

fn believed_if(known: bool) -> Result<(), Rejection> {
    if known { Ok(()) } else { Err(Rejection::BadSignature) }
}

/// Whether `shown` is one of the keys. Hashed first, because a comparison tells how long the key is.
fn is_known(keys: &[&[u8]], shown: &[u8]) -> bool {
    let shown = mac::sha256(shown);
    keys.iter().any(|key| mac::same(&mac::sha256(key), &shown))
}

/// A signed time, in seconds since 1970, must not be far from ours.
fn fresh(trust: &Trust<'_>, seconds: i64) -> Result<(), Rejection> {
    let distance = trust.now.as_second().abs_diff(seconds);
    if trust.replay_window.as_secs() < distance { Err(Rejection::Stale) } else { Ok(()) }
}
