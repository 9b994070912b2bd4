//! How partners prove themselves: families of schemes, whose members differ in data only.
//!
//! Everything is compared over raw bytes and in constant time, with every active secret.

mod aead;
mod checks;
mod hmac;
mod jwt;
mod key;
mod timed;

use serde::Deserialize;

pub use self::{checks::plain_header, hmac::Hmac, timed::signing_key};
use crate::partners::{Call, Rejection, Trust, Verified, place::HeaderName};

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
