//! Keys that are sent along: they prove who calls, and nothing of what is said.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::partners::{
    Call, Rejection, Trust,
    scheme::checks::{AUTHORIZATION, believed_if, header, is_known, keys, malformed},
};

pub fn in_header(
    call: &Call<'_>,
    trust: &Trust<'_>,
    name: &str,
    prefix: &str,
) -> Result<(), Rejection> {
    let keys = keys(trust)?;
    let shown = header(call, name)?.strip_prefix(prefix.as_bytes());
    let shown = shown.ok_or_else(|| malformed(name))?;
    believed_if(is_known(&keys, shown))
}

pub fn in_path(call: &Call<'_>, trust: &Trust<'_>) -> Result<(), Rejection> {
    let keys = keys(trust)?;
    let shown = call.rest.rsplit('/').next().filter(|it| !it.is_empty());
    believed_if(is_known(&keys, shown.ok_or(Rejection::MissingKey)?.as_bytes()))
}

/// RFC 7617; the word `Basic` is written in either case.
pub fn basic(call: &Call<'_>, trust: &Trust<'_>) -> Result<(), Rejection> {
    let keys = keys(trust)?;
    let value = header(call, AUTHORIZATION)?;
    let (word, shown) = value.split_at_checked(6).ok_or_else(|| malformed(AUTHORIZATION))?;
    let shown = STANDARD.decode(shown).ok().filter(|_| word.eq_ignore_ascii_case(b"basic "));
    believed_if(is_known(&keys, &shown.ok_or_else(|| malformed(AUTHORIZATION))?))
}
