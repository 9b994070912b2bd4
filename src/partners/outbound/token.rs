//! Reads the answers of those who give out tokens.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

/// How long a token is good of which nobody says.
const USUAL_LIFE: Duration = Duration::from_mins(5);

/// What a partner knows us by for a while.
#[derive(Clone, Debug)]
pub struct Token {
    /// What is sent along.
    pub text: SecretString,
    /// How long it is good.
    pub life: Duration,
}

/// A token as OAuth 2.0 answers it (RFC 6749, 5.1): `access_token`, and `expires_in` in seconds. Some just say `token`.
pub fn token(body: &[u8]) -> Option<Token> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let text = ["/access_token", "/token"]
        .iter()
        .find_map(|it| answer.pointer(it)?.as_str())
        .filter(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_graphic()))?;
    let life = answer.pointer("/expires_in").and_then(|it| match it {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    let life = life.map_or(USUAL_LIFE, Duration::from_secs);
    Some(Token { text: text.to_owned().into(), life })
}
