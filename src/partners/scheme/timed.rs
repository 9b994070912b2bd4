//! Signatures over a time and the body: what was captured once cannot be sent again later.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    base::{mac, standard_webhooks as standard},
    partners::{
        Call, Rejection, Trust, Verified,
        scheme::checks::{believed_if, fresh, header, keys, malformed, plain_header, text},
    },
};

/// `t=<seconds>,v1=<hex>,v1=<hex>`: each signature is over `<seconds>.<body>`. Other versions of it are passed over.
pub fn signatures(call: &Call<'_>, trust: &Trust<'_>, name: &str) -> Result<(), Rejection> {
    let keys = keys(trust)?;
    let items = text(call, name)?.split(',').filter_map(|it| it.trim().split_once('='));
    let time = items.clone().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let time = time.ok_or_else(|| malformed(name))?;
    let seconds: i64 = time.parse().map_err(|_| malformed(name))?;
    let shown: Vec<_> = items
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, it)| hex::decode(it).ok())
        .collect();
    believed_if(keys.iter().any(|key| {
        let ours = mac::hmac_sha256(key, &[time.as_bytes(), b".", call.body]);
        shown.iter().any(|it| mac::same(it, &ours))
    }))?;
    fresh(trust, seconds)
}

/// Standard Webhooks, whose three headers begin with `prefix`.
pub fn standard_webhooks(
    call: &Call<'_>,
    trust: &Trust<'_>,
    prefix: &str,
) -> Result<Verified, Rejection> {
    let keys: Vec<Vec<u8>> = keys(trust)?.into_iter().filter_map(standard::key).collect();
    if keys.is_empty() {
        return Err(Rejection::NoSecrets);
    }
    let [id, timestamp, signature] =
        ["id", "timestamp", "signature"].map(|it| format!("{prefix}-{it}"));
    let id = plain_header(call, &id)?;
    let time = header(call, &timestamp)?;
    let seconds = str::from_utf8(time).ok().and_then(|it| it.parse().ok());
    let seconds: i64 = seconds.ok_or_else(|| malformed(&timestamp))?;
    let shown: Vec<&[u8]> = header(call, &signature)?
        .split(|it| *it == b' ')
        .filter_map(|it| it.strip_prefix(b"v1,"))
        .collect();
    believed_if(keys.iter().any(|key| {
        let ours = standard::signature(key, id.as_bytes(), time, call.body);
        shown.iter().any(|it| mac::same(it, ours.as_bytes()))
    }))?;
    fresh(trust, seconds)?;
    Ok(Verified { event_id: Some(id.to_owned()), opened: None })
}

/// The key of a secret for Standard Webhooks, for those who sign.
pub fn signing_key(secret: &SecretString) -> Option<Vec<u8>> {
    standard::key(secret.expose_secret().as_bytes())
}
