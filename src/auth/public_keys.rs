//! Public keys of the identity provider, from PEM files.

use std::{fs, path::Path};

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::auth::KeyError;

/// One key, and the one algorithm that it is good for.
pub(crate) struct PublicKey {
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// Reads a file that holds one public key: RSA, EC on P-256, or Ed25519.
pub(crate) fn read(path: &Path) -> Result<PublicKey, KeyError> {
    let shown = path.display().to_string();
    let pem = fs::read_to_string(path)
        .map_err(|cause| KeyError::Unreadable { path: shown.clone(), cause })?;
    parse(&pem).ok_or(KeyError::NotAPublicKey { path: shown })
}

fn parse(pem: &str) -> Option<PublicKey> {
    // The parser would also take the number inside a private key or a certificate for a public key.
    let is_public = pem.contains("PUBLIC KEY-----") && !pem.contains("PRIVATE KEY-----");
    let pem = is_public.then_some(pem.as_bytes())?;
    if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
        return Some(PublicKey { algorithm: Algorithm::RS256, key });
    }
    if let Ok(key) = DecodingKey::from_ec_pem(pem) {
        // An uncompressed point on P-256; the parser takes other curves too.
        let is_p256 = key.try_get_as_bytes().is_ok_and(|it| it.len() == 65);
        return is_p256.then_some(PublicKey { algorithm: Algorithm::ES256, key });
    }
    let key = DecodingKey::from_ed_pem(pem).ok()?;
    Some(PublicKey { algorithm: Algorithm::EdDSA, key })
}
