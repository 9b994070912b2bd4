//! Bodies encrypted with AES-256-GCM: whoever can encrypt one knows the key, so opening it is the proof.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::Value;

use crate::partners::{
    Call, Rejection, Trust, Verified,
    scheme::checks::{keys, malformed, text},
};

/// Opens the body. It is hexadecimal digits, bare or in JSON as `encryptedBody`.
pub fn open(
    call: &Call<'_>,
    trust: &Trust<'_>,
    iv: &str,
    tag: &str,
) -> Result<Verified, Rejection> {
    let keys: Vec<_> = keys(trust)?.into_iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err(Rejection::NoSecrets);
    }
    let header = |name: &str| hex::decode(text(call, name)?).ok().ok_or_else(|| malformed(name));
    let (iv_bytes, tag) = (header(iv)?, header(tag)?);
    let sealed = sealed(call.body).ok_or(Rejection::BadSignature)?;
    let sealed = [sealed, tag].concat();
    for key in keys {
        let nonce = Nonce::try_assume_unique_for_key(&iv_bytes).map_err(|_| malformed(iv))?;
        let mut bytes = sealed.clone();
        if let Ok(opened) = key.open_in_place(nonce, Aad::empty(), &mut bytes) {
            return Ok(Verified { event_id: None, opened: Some(opened.to_vec()) });
        }
    }
    Err(Rejection::BadSignature)
}

/// 64 hexadecimal digits.
fn key(secret: &[u8]) -> Option<LessSafeKey> {
    let bytes = hex::decode(str::from_utf8(secret).ok()?).ok()?;
    UnboundKey::new(&AES_256_GCM, &bytes).ok().map(LessSafeKey::new)
}

fn sealed(body: &[u8]) -> Option<Vec<u8>> {
    let body = str::from_utf8(body).ok()?.trim();
    if !body.starts_with('{') {
        return hex::decode(body).ok();
    }
    let wrapped: Value = serde_json::from_str(body).ok()?;
    hex::decode(wrapped.pointer("/encryptedBody")?.as_str()?).ok()
}
