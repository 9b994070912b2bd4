//! Standard Webhooks 1.0.0 with symmetric secrets: HMAC-SHA256 over `id.timestamp.payload`, whoever signs it.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::base::{mac, mint::Mint};

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// Bytes of a secret that is made here.
const MADE: usize = 32;

/// The signature of one message, without the `v1,` before it.
pub fn signature(key: &[u8], id: &[u8], time: &[u8], body: &[u8]) -> String {
    STANDARD.encode(mac::hmac_sha256(key, &[id, b".", time, b".", body]))
}

/// The key behind `whsec_` and base64; like in the reference libraries, the prefix may be left out.
pub fn key(secret: &[u8]) -> Option<Vec<u8>> {
    let encoded = secret.strip_prefix(PREFIX.as_bytes()).unwrap_or(secret);
    STANDARD.decode(encoded).ok().filter(|it| !it.is_empty())
}

/// A new secret, which others take as a text like any other.
pub fn secret(mint: &Mint) -> String {
    let mut bytes = [0; MADE];
    mint.fill(&mut bytes);
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_reference_libraries_do() {
        // The example of their documentation.
        let key = key(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = b"msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signature = signature(&key, id, b"1614265330", br#"{"test": 2432232314}"#);
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_made_secret_has_32_bytes_and_is_made_once() {
        let (one, other) = (secret(&Mint::system()), secret(&Mint::system()));
        assert_ne!(one, other);
        assert_eq!(key(one.as_bytes()).unwrap().len(), 32);
        assert_eq!(key(b"whsec_"), None);
        assert_eq!(key(b"not base64!"), None);
    }
}
