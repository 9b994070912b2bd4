//! The wire form of a token's payload, and what it means.

use std::fmt::Display;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    auth::{Caller, Role, ScopeSet, Stores},
    domain::{OrderId, StoreId},
};

/// What a new token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What kind of somebody bears it.
    pub role: Role,
    /// Which one.
    pub subject: String,
    /// What it allows beyond its role.
    pub scopes: ScopeSet,
    /// The stores it reaches; only looked at for staff and services.
    pub stores: Stores,
    /// The one order; for tracking links, and only for them.
    pub order: Option<OrderId>,
}

impl Grant {
    /// A tracking link's: it shows one order and nothing else.
    pub fn tracking(order: OrderId) -> Self {
        Self {
            role: Role::Tracking,
            subject: order.to_string(),
            scopes: ScopeSet::NONE,
            stores: Stores::NONE,
            order: Some(order),
        }
    }
}

/// Why a token is refused. Safe to send to whoever showed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no JWT, or too long to be one of ours.
    #[error("this is not a JSON Web Token")]
    Malformed,
    /// It is signed in a way that is not taken here, or not at all.
    #[error("the token must be signed with HS256, RS256, ES256 or EdDSA")]
    WrongAlgorithm,
    /// None of our keys fits its signature.
    #[error("the token's signature is not valid")]
    BadSignature,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It has not begun.
    #[error("the token is not valid yet")]
    NotYet,
    /// Somebody else's.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// For somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// A claim is missing.
    #[error("the token lacks the claim `{0}`")]
    Incomplete(&'static str),
    /// A claim cannot be understood.
    #[error("the token's claims cannot be used: {0}")]
    Unusable(#[from] ClaimsError),
}

/// The claims as they stand in the token. Foreign issuers add their own, so others are passed over.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub iss: Option<String>,
    pub aud: Option<Audience>,
    sub: Option<String>,
    iat: Option<f64>,
    exp: Option<f64>,
    nbf: Option<f64>,
    role: Option<String>,
    #[serde(default)]
    scope: String,
    stores: Option<Vec<String>>,
    order: Option<String>,
    oat: Option<f64>,
}

/// For whom a token is: one, or several (RFC 7519 section 4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(it) => it == wanted,
            Self::Several(them) => them.iter().any(|it| it == wanted),
        }
    }
}

/// A claim that says something we cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{claim}`: {cause}")]
pub struct ClaimsError {
    /// Which one.
    pub claim: &'static str,
    /// What is wrong with it, and what would be right.
    pub cause: String,
}

impl Claims {
    /// From when on the token holds: the later of `nbf` and `iat`.
    pub fn not_before(&self) -> Result<Option<Timestamp>, ClaimsError> {
        let nbf = self.nbf.map(|it| moment("nbf", it)).transpose()?;
        let iat = self.iat.map(|it| moment("iat", it)).transpose()?;
        Ok(nbf.max(iat))
    }

    /// Who calls. `issued_here` says whose key signed: what we sign must be right to the letter, while an identity provider's
    /// token may carry scopes for others (`openid profile`), which are passed over.
    pub fn into_caller(self, issued_here: bool) -> Result<Caller, TokenError> {
        let role: Role = parsed("role", &self.role.ok_or(TokenError::Incomplete("role"))?)?;
        let iat = self.iat.ok_or(TokenError::Incomplete("iat"))?;
        let exp = self.exp.ok_or(TokenError::Incomplete("exp"))?;
        let order: Option<OrderId> = self.order.map(|it| parsed("order", &it)).transpose()?;
        match (role, order) {
            (Role::Tracking, None) => return Err(TokenError::Incomplete("order")),
            // Left alone, it would look like a limit that nobody heeds.
            (Role::Customer | Role::Staff | Role::Service | Role::Courier, Some(_)) => {
                let cause = "only tracking tokens are for one order".to_owned();
                return Err(ClaimsError { claim: "order", cause }.into());
            }
            _ => {}
        }
        Ok(Caller {
            role,
            subject: self.sub.ok_or(TokenError::Incomplete("sub"))?,
            scopes: if issued_here {
                parsed("scope", &self.scope)?
            } else {
                ScopeSet::known_in(&self.scope)
            },
            stores: stores(role, self.stores)?,
            order,
            expires_at: moment("exp", exp)?,
            first_issued_at: match self.oat {
                Some(oat) if issued_here => moment("oat", oat)?,
                _ => moment("iat", iat)?,
            },
            issued_here,
        })
    }
}

/// The payload of a token that we make.
pub(crate) fn payload(
    grant: &Grant,
    (issuer, audience): (&str, &str),
    (issued_at, expires_at): (Timestamp, Timestamp),
    first_issued_at: Option<Timestamp>,
) -> Value {
    let mut payload = Map::new();
    let mut put = |claim: &str, value: Value| payload.insert(claim.to_owned(), value);
    put("iss", json!(issuer));
    put("aud", json!(audience));
    put("sub", json!(grant.subject));
    put("iat", json!(issued_at.as_second()));
    put("exp", json!(expires_at.as_second()));
    put("role", json!(grant.role.as_str()));
    if grant.scopes != ScopeSet::NONE {
        put("scope", json!(grant.scopes.to_string()));
    }
    match &grant.stores {
        Stores::All => put("stores", json!(["*"])),
        Stores::Only(stores) if stores.is_empty() && !needs_stores(grant.role) => None,
        Stores::Only(stores) => {
            put("stores", stores.iter().map(|it| json!(it.to_string())).collect())
        }
    };
    if let Some(order) = grant.order {
        put("order", json!(order.to_string()));
    }
    if let Some(first) = first_issued_at {
        put("oat", json!(first.as_second()));
    }
    Value::Object(payload)
}

/// Staff must say where they work; a service that names no store is bound to none.
fn stores(role: Role, words: Option<Vec<String>>) -> Result<Stores, TokenError> {
    match (role, words) {
        (Role::Staff, None) => Err(TokenError::Incomplete("stores")),
        (Role::Service, None) => Ok(Stores::All),
        (Role::Customer | Role::Courier | Role::Tracking, _) => Ok(Stores::NONE),
        (Role::Staff | Role::Service, Some(words)) => {
            if words.iter().any(|it| it == "*") {
                return Ok(Stores::All);
            }
            let stores: Result<Vec<StoreId>, _> =
                words.iter().map(|it| parsed("stores", it)).collect();
            Ok(Stores::Only(stores?))
        }
    }
}

const fn needs_stores(role: Role) -> bool {
    matches!(role, Role::Staff | Role::Service)
}

fn parsed<T: std::str::FromStr<Err: Display>>(
    claim: &'static str,
    word: &str,
) -> Result<T, ClaimsError> {
    word.parse().map_err(|cause: T::Err| ClaimsError { claim, cause: cause.to_string() })
}

/// A moment as JWTs write it: seconds since 1970, possibly with a fraction.
fn moment(claim: &'static str, seconds: f64) -> Result<Timestamp, ClaimsError> {
    SignedDuration::try_from_secs_f64(seconds).and_then(Timestamp::from_duration).map_err(|_| {
        ClaimsError { claim, cause: "this is no moment in seconds since 1970".to_owned() }
    })
}
