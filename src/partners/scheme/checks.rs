//! What the schemes have in common: headers, keys, times and comparisons.

use secrecy::ExposeSecret;

use crate::{
    base::mac,
    partners::{Call, Rejection, Trust},
};

/// The longest id of a call, in bytes.
const LONGEST_EVENT_ID: usize = 256;

/// The header of a bearer token, and of basic authentication.
pub const AUTHORIZATION: &str = "authorization";

/// The header's value; an empty one is as good as none.
pub fn header<'a>(call: &Call<'a>, name: &str) -> Result<&'a [u8], Rejection> {
    let value = (call.header)(name).filter(|it| !it.is_empty());
    value.ok_or_else(|| Rejection::MissingHeader(name.to_owned().into()))
}

/// The header's value as text.
pub fn text<'a>(call: &Call<'a>, name: &str) -> Result<&'a str, Rejection> {
    str::from_utf8(header(call, name)?).map_err(|_| malformed(name))
}

/// A header that cannot be read.
pub fn malformed(name: &str) -> Rejection {
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
pub fn keys<'a>(trust: &Trust<'a>) -> Result<Vec<&'a [u8]>, Rejection> {
    let keys: Vec<_> = trust
        .secrets
        .iter()
        .map(|it| it.expose_secret().as_bytes())
        .filter(|it| !it.is_empty())
        .collect();
    if keys.is_empty() { Err(Rejection::NoSecrets) } else { Ok(keys) }
}

/// The outcome of a comparison.
pub fn believed_if(known: bool) -> Result<(), Rejection> {
    if known { Ok(()) } else { Err(Rejection::BadSignature) }
}

/// Whether `shown` is one of the keys. Hashed first, because a comparison tells how long the key is.
pub fn is_known(keys: &[&[u8]], shown: &[u8]) -> bool {
    let shown = mac::sha256(shown);
    keys.iter().any(|key| mac::same(&mac::sha256(key), &shown))
}

/// A signed time, in seconds since 1970, must not be far from ours.
pub fn fresh(trust: &Trust<'_>, seconds: i64) -> Result<(), Rejection> {
    let distance = trust.now.as_second().abs_diff(seconds);
    if trust.replay_window.as_secs() < distance { Err(Rejection::Stale) } else { Ok(()) }
}
