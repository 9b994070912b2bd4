//! Signature schemes, by family. Everything is compared over raw bytes and in constant time.
//!
//! A partner's file chooses a family and fills in the names of its headers.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    base::mac,
    partners::{Call, Rejection, Verified},
};

/// How far a signed time may be from ours, in seconds (Standard Webhooks).
const TOLERANCE: u64 = 300;

/// The longest id of a call, in bytes.
const LONGEST_EVENT_ID: usize = 256;

const WEBHOOK_ID: &str = "webhook-id";
const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
const WEBHOOK_SIGNATURE: &str = "webhook-signature";

/// The header's value; an empty one is as good as none.
pub(crate) fn header<'a>(call: &Call<'a>, name: &'static str) -> Result<&'a [u8], Rejection> {
    (call.header)(name).filter(|it| !it.is_empty()).ok_or(Rejection::MissingHeader(name))
}

/// The header that names the call. It will be an index key, which must not be long; and with spaces in it, part of the body
/// could pass for part of the id.
pub(crate) fn event_id<'a>(call: &Call<'a>, name: &'static str) -> Result<&'a str, Rejection> {
    let id = header(call, name)?;
    let is_plain = id.len() <= LONGEST_EVENT_ID && id.iter().all(u8::is_ascii_graphic);
    let id = is_plain.then(|| str::from_utf8(id).ok()).flatten();
    id.ok_or(Rejection::MalformedHeader(name))
}

/// A key that is sent along as it is. It proves who calls and says nothing of the body.
pub(crate) fn static_key(
    call: &Call<'_>,
    secrets: &[SecretString],
    name: &'static str,
) -> Result<(), Rejection> {
    let keys = texts(secrets)?;
    // Hashed first, because a comparison tells how long the key is.
    let shown = mac::sha256(header(call, name)?);
    let known = keys.iter().any(|key| mac::same(&mac::sha256(key), &shown));
    if known { Ok(()) } else { Err(Rejection::BadSignature) }
}

/// HMAC-SHA256 in hexadecimal over some parts and then the body. Any one of the `prefixes` will do: partners change theirs.
pub(crate) fn hex_hmac(
    call: &Call<'_>,
    secrets: &[SecretString],
    name: &'static str,
    prefixes: &[&[&[u8]]],
) -> Result<(), Rejection> {
    let keys = texts(secrets)?;
    let shown = str::from_utf8(header(call, name)?)
        .ok()
        .and_then(mac::from_hex)
        .ok_or(Rejection::MalformedHeader(name))?;
    let fits = |key: &[u8], prefix: &[&[u8]]| {
        let parts: Vec<_> = prefix.iter().copied().chain([call.body]).collect();
        mac::same(&mac::hmac_sha256(key, &parts), &shown)
    };
    let signed = keys.iter().any(|key| prefixes.iter().any(|prefix| fits(key, prefix)));
    if signed { Ok(()) } else { Err(Rejection::BadSignature) }
}

/// Standard Webhooks with symmetric secrets (`whsec_…`): signs an id and a time along with the body.
pub(crate) fn standard_webhooks(
    call: &Call<'_>,
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<Verified, Rejection> {
    let keys: Vec<Vec<u8>> = texts(secrets)?.into_iter().filter_map(decoded).collect();
    if keys.is_empty() {
        return Err(Rejection::NoSecrets);
    }
    let id = event_id(call, WEBHOOK_ID)?;
    let time = header(call, WEBHOOK_TIMESTAMP)?;
    let seconds: i64 = str::from_utf8(time)
        .ok()
        .and_then(|it| it.parse().ok())
        .ok_or(Rejection::MalformedHeader(WEBHOOK_TIMESTAMP))?;
    let shown: Vec<&[u8]> = header(call, WEBHOOK_SIGNATURE)?
        .split(|it| *it == b' ')
        .filter_map(|it| it.strip_prefix(b"v1,"))
        .collect();
    let signed = keys.iter().any(|key| {
        let ours = mac::hmac_sha256(key, &[id.as_bytes(), b".", time, b".", call.body]);
        let ours = STANDARD.encode(ours);
        shown.iter().any(|it| mac::same(it, ours.as_bytes()))
    });
    if !signed {
        return Err(Rejection::BadSignature);
    }
    if TOLERANCE < now.as_second().abs_diff(seconds) {
        return Err(Rejection::Stale);
    }
    Ok(Verified { event_id: Some(id.to_owned()) })
}

/// The secrets as bytes. Empty ones would fit an empty header.
fn texts(secrets: &[SecretString]) -> Result<Vec<&[u8]>, Rejection> {
    let texts: Vec<_> = secrets
        .iter()
        .map(|it| it.expose_secret().as_bytes())
        .filter(|it| !it.is_empty())
        .collect();
    if texts.is_empty() { Err(Rejection::NoSecrets) } else { Ok(texts) }
}

/// The key of a secret for Standard Webhooks, for those who sign.
pub(crate) fn decoded_secret(secret: &SecretString) -> Option<Vec<u8>> {
    decoded(secret.expose_secret().as_bytes())
}

/// The key behind `whsec_` and base64; like in the reference libraries, the prefix may be left out.
fn decoded(secret: &[u8]) -> Option<Vec<u8>> {
    let encoded = secret.strip_prefix(b"whsec_").unwrap_or(secret);
    STANDARD.decode(encoded).ok().filter(|it| !it.is_empty())
}
