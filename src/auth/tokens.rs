//! JSON Web Tokens: made here with HS256, verified here whoever made them.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use quick_cache::sync::Cache;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    auth::{
        Caller, ClaimsError, Grant, KeyError, Role, TokenError,
        claims::{self, Claims},
        public_keys::{self, PublicKey},
    },
    base::{
        clock::{self, Clock},
        mac,
    },
    config::Auth,
};

/// The shortest HS256 secret, in bytes: as long as the hash (RFC 7518 section 3.2).
const SHORTEST_SECRET: usize = 32;

/// The longest token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 8192;

/// Verified tokens that are remembered, so that a storm of reconnects costs no signatures. Rarely used ones give way.
const REMEMBERED: usize = 65_536;

/// Why a token is not renewed. Safe to send to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenewalRefused {
    /// An identity provider made it.
    #[error("this token was not issued here; ask its issuer for a fresh one")]
    Foreign,
    /// Tracking links end when they end.
    #[error("tracking links are not renewed")]
    Tracking,
    /// It all began too long ago.
    #[error("this token was first issued too long ago; sign in again")]
    TooOld,
}

/// Makes, renews and verifies tokens.
pub struct Tokens {
    config: Auth,
    clock: Clock,
    signing: SecretString,
    own: Vec<DecodingKey>,
    foreign: Vec<PublicKey>,
    verified: Cache<[u8; 32], Arc<Caller>>,
}

impl Tokens {
    /// Reads the public key files. `own_secrets` are [`crate::auth::Keys::token_secrets`].
    pub fn new(
        config: &Auth,
        own_secrets: &[SecretString],
        clock: Clock,
    ) -> Result<Self, KeyError> {
        for secret in own_secrets {
            let bytes = secret.expose_secret().len();
            if bytes < SHORTEST_SECRET {
                return Err(KeyError::ShortSecret { bytes, least: SHORTEST_SECRET });
            }
        }
        let foreign: Result<_, _> =
            config.public_key_files.iter().map(|it| public_keys::read(it)).collect();
        Ok(Self {
            config: config.clone(),
            clock,
            signing: own_secrets.first().ok_or(KeyError::NoSecret)?.clone(),
            own: own_secrets
                .iter()
                .map(|it| DecodingKey::from_secret(it.expose_secret().as_bytes()))
                .collect(),
            foreign: foreign?,
            verified: Cache::new(REMEMBERED),
        })
    }

    /// Makes a token, and says when it ends.
    pub fn mint(&self, grant: &Grant, ttl: Duration) -> (String, Timestamp) {
        self.sign(grant, ttl, None)
    }

    /// Makes a token for the same caller that ends later, and says when. The first issue stays the first.
    pub fn renew(&self, caller: &Caller) -> Result<(String, Timestamp), RenewalRefused> {
        if !caller.issued_here {
            return Err(RenewalRefused::Foreign);
        }
        if caller.role == Role::Tracking {
            return Err(RenewalRefused::Tracking);
        }
        if !within(self.clock.now(), caller.first_issued_at, *self.config.renew_for) {
            return Err(RenewalRefused::TooOld);
        }
        let grant = Grant {
            role: caller.role,
            subject: caller.subject.clone(),
            scopes: caller.scopes,
            stores: caller.stores.clone(),
            order: caller.order,
        };
        Ok(self.sign(&grant, *self.config.token_ttl, Some(caller.first_issued_at)))
    }

    /// Who bears this token, if it is good now.
    pub fn verify(&self, token: &str) -> Result<Arc<Caller>, TokenError> {
        if LONGEST_TOKEN < token.len() {
            return Err(TokenError::Malformed);
        }
        let digest = mac::sha256(token.as_bytes());
        if let Some(caller) = self.verified.get(&digest) {
            if self.has_ended(&caller) {
                self.verified.remove(&digest);
                return Err(TokenError::Expired);
            }
            return Ok(caller);
        }
        let caller = Arc::new(self.verify_afresh(token)?);
        self.verified.insert(digest, Arc::clone(&caller));
        Ok(caller)
    }

    /// Whether this caller's token has ended by now, leeway included.
    pub fn has_ended(&self, caller: &Caller) -> bool {
        !within(self.clock.now(), caller.expires_at, *self.config.leeway)
    }

    fn verify_afresh(&self, token: &str) -> Result<Caller, TokenError> {
        let (claims, issued_here) = self.claims(token)?;
        if claims.iss.as_ref().ok_or(TokenError::Incomplete("iss"))? != &self.config.issuer {
            return Err(TokenError::WrongIssuer);
        }
        let audience = claims.aud.as_ref().ok_or(TokenError::Incomplete("aud"))?;
        if !audience.contains(&self.config.audience) {
            return Err(TokenError::WrongAudience);
        }
        let not_before = claims.not_before()?;
        let caller = claims.into_caller(issued_here)?;
        if self.has_ended(&caller) {
            return Err(TokenError::Expired);
        }
        let now = self.clock.now();
        if not_before.is_some_and(|it| now < it && !within(it, now, *self.config.leeway)) {
            return Err(TokenError::NotYet);
        }
        Ok(caller)
    }

    /// The claims behind a good signature, and whether it is ours. The header's algorithm only chooses among the keys that are
    /// good for it: a public key never becomes an HMAC secret.
    fn claims(&self, token: &str) -> Result<(Claims, bool), TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            ErrorKind::Json(cause) if cause.is_data() => TokenError::WrongAlgorithm,
            _ => TokenError::Malformed,
        })?;
        let foreign = || {
            self.foreign.iter().filter(|it| it.algorithm == header.alg).map(|it| (&it.key, false))
        };
        match header.alg {
            Algorithm::HS256 => first_fit(token, header.alg, self.own.iter().map(|it| (it, true))),
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => {
                first_fit(token, header.alg, foreign())
            }
            _ => Err(TokenError::WrongAlgorithm),
        }
    }

    fn sign(
        &self,
        grant: &Grant,
        ttl: Duration,
        first_issued_at: Option<Timestamp>,
    ) -> (String, Timestamp) {
        let now = self.clock.now();
        let ends = clock::after(now, ttl);
        // Tokens count in seconds, and so do we then.
        let ends = Timestamp::from_second(ends.as_second()).unwrap_or(ends);
        let names = (self.config.issuer.as_str(), self.config.audience.as_str());
        let payload = claims::payload(grant, names, (now, ends), first_issued_at);
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload.to_string()));
        let key = self.signing.expose_secret().as_bytes();
        let signature = mac::hmac_sha256(key, &[signed.as_bytes()]);
        (format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)), ends)
    }
}

fn first_fit<'a>(
    token: &str,
    algorithm: Algorithm,
    keys: impl Iterator<Item = (&'a DecodingKey, bool)>,
) -> Result<(Claims, bool), TokenError> {
    let mut validation = Validation::new(algorithm);
    // Time is checked against our own clock, the rest with words of our own.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    for (key, issued_here) in keys {
        match jsonwebtoken::decode::<Claims>(token, key, &validation) {
            Ok(data) => return Ok((data.claims, issued_here)),
            Err(error) => match understood(error.kind()) {
                TokenError::BadSignature => {}
                other => return Err(other),
            },
        }
    }
    Err(TokenError::BadSignature)
}

fn understood(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::Json(cause) if cause.is_data() => {
            ClaimsError { claim: "payload", cause: cause.to_string() }.into()
        }
        ErrorKind::InvalidToken
        | ErrorKind::Base64(_)
        | ErrorKind::Utf8(_)
        | ErrorKind::Json(_) => TokenError::Malformed,
        _ => TokenError::BadSignature,
    }
}

/// Whether `now` is less than `span` past `since`.
fn within(now: Timestamp, since: Timestamp, span: Duration) -> bool {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.duration_since(since) < span
}
