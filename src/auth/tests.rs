//! Tokens as strangers, thieves and identity providers would show them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    auth::{Caller, Grant, RenewalRefused, Role, Scope, ScopeSet, Stores, TokenError, Tokens},
    base::{clock::Clock, mac},
    config::{Auth, Span},
    domain::samples,
};

const SECRET: &str = "the secret of this very test, long enough";
const OLD_SECRET: &str = "the secret that was there before, still taken";

fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys").join(name)
}

fn config() -> Auth {
    Auth {
        public_key_files: ["rsa.pub.pem", "ec.pub.pem", "ed.pub.pem"].map(key_file).to_vec(),
        ..Auth::default()
    }
}

fn clock() -> Clock {
    Clock::frozen(samples::moment())
}

fn tokens_on(clock: &Clock) -> Tokens {
    let secrets: [SecretString; 2] = [SECRET.into(), OLD_SECRET.into()];
    Tokens::new(&config(), &secrets, clock.clone()).unwrap()
}

fn tokens() -> Tokens {
    tokens_on(&clock())
}

fn staff() -> Grant {
    Grant {
        role: Role::Staff,
        subject: "sara".to_owned(),
        scopes: [Scope::Ops, Scope::InboxRead].into_iter().collect(),
        stores: Stores::Only(vec![samples::store(), samples::other_store()]),
        order: None,
    }
}

/// Claims that are taken; each test spoils one.
fn claims() -> Value {
    let now = samples::moment().as_second();
    json!({
        "iss": "orderwire", "aud": ["somebody", "orderwire"], "sub": "pos", "iat": now, "exp": now + 60,
        "role": "service", "scope": "orders:read",
    })
}

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[claim] = value;
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

fn signed(algorithm: Algorithm, claims: &Value) -> String {
    let key = match algorithm {
        Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_pem(&read("rsa.pem")),
        Algorithm::ES256 => EncodingKey::from_ec_pem(&read("ec.pem")),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(&read("ed.pem")),
        _ => Ok(EncodingKey::from_secret(SECRET.as_bytes())),
    };
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key.unwrap()).unwrap()
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(key_file(name)).unwrap()
}

fn hand_signed(header: &Value, key: &[u8]) -> String {
    let encode = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
    let signed = format!("{}.{}", encode(header), encode(&claims()));
    let signature = mac::hmac_sha256(key, &[signed.as_bytes()]);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn verified(claims: &Value) -> Result<Arc<Caller>, TokenError> {
    tokens().verify(&signed(Algorithm::HS256, claims))
}

#[test]
fn what_is_minted_comes_back_as_it_was() {
    let tokens = tokens();
    let (token, ends) = tokens.mint(&staff(), Duration::from_mins(10));
    let caller = tokens.verify(&token).unwrap();
    assert_eq!(caller.role, Role::Staff);
    assert_eq!(caller.subject, "sara");
    assert_eq!(caller.scopes, staff().scopes);
    assert_eq!(caller.stores, staff().stores);
    assert_eq!(caller.expires_at, ends);
    assert_eq!(ends.duration_since(samples::moment()).as_secs(), 600);
    assert_eq!(caller.first_issued_at, samples::moment());
    assert!(caller.issued_here);
    assert_eq!(tokens.verify(&token), Ok(caller), "from memory");
}

#[test]
fn what_is_minted_is_good_for_another_library_too() {
    let (token, _) = tokens().mint(&staff(), Duration::from_mins(10));
    let mut validation = jsonwebtoken::Validation::new(Algorithm::HS256);
    validation.set_audience(&["orderwire"]);
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    let data = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap();
    assert_eq!(data.claims["stores"][0], samples::store().to_string());
    assert_eq!(data.claims["scope"], "inbox:read ops");
}

#[test]
fn a_tracking_link_names_its_order() {
    let tokens = tokens();
    let (token, _) = tokens.mint(&Grant::tracking(samples::order().id), Duration::from_mins(1));
    let caller = tokens.verify(&token).unwrap();
    assert!(caller.may_read(&samples::order()));
    assert_eq!(caller.scopes, ScopeSet::NONE);
}

#[test]
fn identity_providers_sign_with_rsa_ec_and_ed25519() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let claims = with("scope", json!("openid orders:read profile"));
        let caller = tokens().verify(&signed(algorithm, &claims)).unwrap();
        assert!(!caller.issued_here && caller.has(Scope::OrdersRead), "{algorithm:?}");
        assert_eq!(caller.stores, Stores::All);
    }
}

#[test]
fn an_older_secret_is_still_taken_and_a_strange_one_is_not() {
    let sign = |secret: &str| hand_signed(&json!({"alg": "HS256"}), secret.as_bytes());
    assert!(tokens().verify(&sign(OLD_SECRET)).is_ok());
    let strange = tokens().verify(&sign("a secret from somewhere else altogether"));
    assert_eq!(strange, Err(TokenError::BadSignature));
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    for name in ["rsa.pub.pem", "ec.pub.pem", "ed.pub.pem"] {
        let pem = read(name);
        let trimmed = String::from_utf8(pem.clone()).unwrap().trim().to_owned();
        for key in [pem.as_slice(), trimmed.as_bytes()] {
            let token = hand_signed(&json!({"alg": "HS256"}), key);
            assert_eq!(tokens().verify(&token), Err(TokenError::BadSignature), "{name}");
        }
    }
}

#[test]
fn the_header_cannot_choose_a_weaker_check() {
    let key = SECRET.as_bytes();
    for algorithm in ["none", "None", "HS1", ""] {
        let token = hand_signed(&json!({"alg": algorithm}), key);
        assert_eq!(tokens().verify(&token), Err(TokenError::WrongAlgorithm), "{algorithm}");
    }
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let token = hand_signed(&json!({"alg": algorithm}), key);
        assert_eq!(tokens().verify(&token), Err(TokenError::BadSignature), "{algorithm}");
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::PS256] {
        let token = signed(algorithm, &claims());
        assert_eq!(tokens().verify(&token), Err(TokenError::WrongAlgorithm), "{algorithm:?}");
    }
    let token = hand_signed(&json!({"alg": "HS256"}), key);
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    assert_eq!(tokens().verify(&format!("{unsigned}.")), Err(TokenError::BadSignature));
    assert_eq!(tokens().verify(unsigned), Err(TokenError::Malformed));
}

#[test]
fn a_token_ends_by_our_clock_and_not_before_the_leeway() {
    let clock = clock();
    let tokens = tokens_on(&clock);
    let token = signed(Algorithm::HS256, &claims());
    clock.advance(Duration::from_secs(89));
    assert!(tokens.verify(&token).is_ok());
    clock.advance(Duration::from_secs(1));
    assert_eq!(tokens.verify(&token), Err(TokenError::Expired), "from memory");
    assert_eq!(tokens_on(&clock).verify(&token), Err(TokenError::Expired), "afresh");
}

#[test]
fn a_token_begins_when_it_says_less_the_leeway() {
    let now = samples::moment().as_second();
    for claim in ["nbf", "iat"] {
        assert!(verified(&with(claim, json!(now + 29))).is_ok());
        assert_eq!(verified(&with(claim, json!(now + 31))), Err(TokenError::NotYet));
    }
    let strict = Auth { leeway: Span::secs(0), ..config() };
    let tokens = Tokens::new(&strict, &[SECRET.into()], clock()).unwrap();
    assert!(tokens.verify(&tokens.mint(&staff(), Duration::from_secs(1)).0).is_ok());
}

#[test]
fn whoever_it_is_from_and_for_is_checked() {
    assert_eq!(verified(&with("iss", json!("other"))), Err(TokenError::WrongIssuer));
    assert_eq!(verified(&with("aud", json!("other"))), Err(TokenError::WrongAudience));
    assert_eq!(verified(&with("aud", json!([]))), Err(TokenError::WrongAudience));
    assert!(verified(&with("aud", json!("orderwire"))).is_ok());
}

#[test]
fn what_is_missing_is_named() {
    for claim in ["iss", "aud", "sub", "iat", "exp", "role"] {
        assert_eq!(verified(&without(claim)), Err(TokenError::Incomplete(claim)));
    }
    assert_eq!(verified(&with("role", json!("staff"))), Err(TokenError::Incomplete("stores")));
    assert_eq!(verified(&with("role", json!("tracking"))), Err(TokenError::Incomplete("order")));
}

#[test]
fn what_cannot_be_understood_is_named() {
    let said = |claim: &str, value: Value| verified(&with(claim, value)).unwrap_err().to_string();
    assert!(said("role", json!("king")).contains("`role`: \"king\" is not one of customer"));
    assert!(said("scope", json!("order:read")).contains("`scope`: \"order:read\" is not one of"));
    assert!(
        said("stores", json!(["abdoun"])).contains("`stores`: an id of this kind looks like str_")
    );
    assert!(said("stores", json!("*")).contains("expected a sequence"));
    assert!(said("order", json!(samples::order().id)).contains("only tracking tokens"));
    assert!(said("exp", json!(1e300)).contains("`exp`"));
    assert!(said("exp", json!("soon")).contains("payload"));
}

#[test]
fn renewal_keeps_the_first_issue_and_ends_with_it() {
    let clock = clock();
    let mut config = config();
    config.renew_for = Span::secs(3600);
    let tokens = Tokens::new(&config, &[SECRET.into()], clock.clone()).unwrap();
    let (token, _) = tokens.mint(&staff(), Duration::from_mins(10));
    clock.advance(Duration::from_secs(500));
    let (token, ends) = tokens.renew(&tokens.verify(&token).unwrap()).unwrap();
    assert_eq!(ends.duration_since(clock.now()).as_secs(), 12 * 3600);
    let caller = tokens.verify(&token).unwrap();
    assert_eq!(caller.first_issued_at, samples::moment());
    assert_eq!(caller.scopes, staff().scopes);
    clock.advance(Duration::from_secs(3100));
    assert_eq!(tokens.renew(&caller), Err(RenewalRefused::TooOld));
}

#[test]
fn only_our_own_lasting_tokens_are_renewed() {
    let tokens = tokens();
    let foreign = tokens.verify(&signed(Algorithm::ES256, &claims())).unwrap();
    assert_eq!(tokens.renew(&foreign), Err(RenewalRefused::Foreign));
    let (link, _) = tokens.mint(&Grant::tracking(samples::order().id), Duration::from_mins(1));
    assert_eq!(tokens.renew(&tokens.verify(&link).unwrap()), Err(RenewalRefused::Tracking));
}

#[test]
fn a_provider_cannot_say_when_its_token_was_first_issued() {
    let caller = tokens().verify(&signed(Algorithm::EdDSA, &with("oat", json!(1)))).unwrap();
    assert_eq!(caller.first_issued_at, samples::moment());
}

#[test]
fn keys_that_are_no_good_are_refused_at_the_start() {
    let start = |files: &[&str], secret: &str| {
        let files = files.iter().map(|it| key_file(it)).collect();
        let config = Auth { public_key_files: files, ..Auth::default() };
        Tokens::new(&config, &[secret.into()], clock()).map(drop).map_err(|it| it.to_string())
    };
    assert!(start(&[], "too short").unwrap_err().contains("has 9 bytes"));
    for name in ["rsa.pem", "ed.pem", "p384.pub.pem", "README.md"] {
        assert!(start(&[name], SECRET).unwrap_err().contains("no public key"), "{name}");
    }
    assert!(start(&["missing.pem"], SECRET).unwrap_err().contains("cannot read"));
    assert!(Tokens::new(&Auth::default(), &[], clock()).is_err());
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(token in ".*", parts in proptest::array::uniform3("[A-Za-z0-9_-]*")) {
        prop_assert!(tokens().verify(&token).is_err());
        prop_assert!(tokens().verify(&parts.join(".")).is_err());
    }

    #[test]
    fn one_changed_letter_spoils_it(at in 0_usize..1000, letter in "[A-Za-z0-9_-]") {
        let tokens = tokens();
        let (mut token, _) = tokens.mint(&staff(), Duration::from_mins(1));
        let at = at % token.len();
        let before = token.clone();
        token.replace_range(at..=at, &letter);
        prop_assume!(token != before);
        prop_assert!(tokens.verify(&token).is_err());
    }
}
