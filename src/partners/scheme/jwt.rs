//! A bearer token, signed with a shared secret: RFC 7519, HS512.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::partners::{
    Call, Rejection, Trust,
    scheme::checks::{AUTHORIZATION, believed_if, keys, malformed, text},
};

/// It must carry the claim; one that has expired is refused, one that never expires is not.
pub fn bearer(
    call: &Call<'_>,
    trust: &Trust<'_>,
    claim: &str,
    value: &str,
) -> Result<(), Rejection> {
    let keys = keys(trust)?;
    let token = text(call, AUTHORIZATION)?.strip_prefix("Bearer ");
    let token = token.ok_or_else(|| malformed(AUTHORIZATION))?;
    let mut validation = Validation::new(Algorithm::HS512);
    validation.required_spec_claims.clear();
    validation.validate_aud = false;
    // By our own clock, below.
    validation.validate_exp = false;
    let claims = keys.iter().find_map(|key| {
        let key = DecodingKey::from_secret(key);
        jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation).ok()
    });
    let claims = claims.ok_or(Rejection::BadSignature)?.claims;
    believed_if(claims.get(claim).and_then(Value::as_str) == Some(value))?;
    match claims.get("exp").map(Value::as_i64) {
        None => Ok(()),
        Some(Some(seconds)) if trust.now.as_second() < seconds => Ok(()),
        Some(_) => Err(Rejection::Stale),
    }
}
