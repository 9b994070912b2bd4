//! What every partner's file has in common, and what is easily got wrong.

use std::collections::BTreeMap;

use reqwest::Url;
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    config::{Config, Partner},
    domain::{PartnerAction, PartnerCallId, Reason, ReasonCode, Telling, samples},
    outbound::{Body, Request},
    partners::outbound::{
        Line, Saying, Wording, find, lines,
        registry::{LineError, SPOKEN_TO},
        token,
    },
};

fn line() -> Line {
    Line {
        base_url: Url::parse("https://api.example/v1/").unwrap(),
        token_url: Some(Url::parse("https://login.example/token").unwrap()),
        client_id: Some("us".to_owned()),
        client_secret: Some("s & s".into()),
        secrets: vec!["whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw==".into()],
        callback_hosts: vec!["talabat.example".to_owned()],
    }
}

fn telling(action: PartnerAction, code: ReasonCode, was_accepted: bool) -> Telling {
    Telling {
        action,
        reason: Some(Reason { code, note: None }),
        was_accepted,
        ready_at: None,
        delay_minutes: Some(5),
    }
}

fn word(partner: &str, telling: &Telling, contact: &Value) -> Wording {
    let order = samples::order();
    let saying = Saying {
        id: PartnerCallId::from_uuid(Uuid::nil()),
        telling,
        order: &order,
        external_id: "a/../b?c",
        contact,
        was_told: false,
        now: samples::moment(),
    };
    find(partner).unwrap().word(&saying, &line())
}

fn said(partner: &str, telling: &Telling, contact: &Value) -> (Request, Value) {
    match word(partner, telling, contact) {
        Wording::Say(request) => {
            let body = match &request.body {
                Body::Plain(body) => serde_json::from_slice(body).unwrap(),
                Body::Empty | Body::Secret(_) => Value::Null,
            };
            (*request, body)
        }
        other => panic!("{partner}: {other:?}"),
    }
}

#[test]
fn every_partner_has_a_word_for_every_action_and_every_reason() {
    let contact = json!({"orderAcceptedUrl": "https://api.example/a", "orderRejectedUrl": "https://api.example/r"});
    for (partner, _) in SPOKEN_TO {
        for action in PartnerAction::ALL {
            for code in ReasonCode::ALL {
                for was_accepted in [false, true] {
                    let _no_panic = word(partner, &telling(*action, *code, was_accepted), &contact);
                }
            }
        }
        let (request, _) =
            said(partner, &telling(PartnerAction::Accept, ReasonCode::Other, false), &contact);
        assert_eq!(request.url.host_str(), Some("api.example"), "{partner}");
    }
}

#[test]
fn a_partners_name_for_an_order_leads_nowhere_else() {
    let accept = telling(PartnerAction::Accept, ReasonCode::Other, false);
    let (request, _) = said("careem", &accept, &Value::Null);
    assert_eq!(request.url.path(), "/v1/orders/a%2F..%2Fb%3Fc");
    assert_eq!(request.url.query(), None);
}

#[test]
fn a_login_hides_what_it_says() {
    for (partner, outbound) in SPOKEN_TO {
        let Some(login) = outbound.login(&line()) else {
            assert_eq!(*partner, "generic");
            continue;
        };
        let Body::Secret(body) = login.body else { panic!("{partner} shows its password") };
        assert!(
            body.ends_with(b"s+%26+s") || body.windows(8).any(|it| it == b"s+%26+s&"),
            "{partner}: {body:?}"
        );
    }
}

#[test]
fn talabat_takes_few_reasons_after_the_acceptance() {
    const AFTERWARDS: [&str; 9] = [
        "BAD_WEATHER",
        "CARD_READER_NOT_AVAILABLE",
        "CONTENT_WRONG_MISLEADING",
        "FOOD_QUALITY_SPILLAGE",
        "LATE_DELIVERY",
        "UNABLE_TO_FIND",
        "UNABLE_TO_PAY",
        "UNPROFESSIONAL_BEHAVIOUR",
        "WRONG_ORDER_ITEMS_DELIVERED",
    ];
    let contact = json!({"callbackUrls": {"orderRejectedUrl": "https://api.example/r"}});
    for code in ReasonCode::ALL {
        let (_, body) = said("talabat", &telling(PartnerAction::Reject, *code, true), &contact);
        assert!(AFTERWARDS.contains(&body["reason"].as_str().unwrap()), "{code}: {body}");
    }
    let (_, body) =
        said("talabat", &telling(PartnerAction::Reject, ReasonCode::TooBusy, false), &contact);
    assert_eq!(body["reason"], "TOO_BUSY");
}

#[test]
fn talabat_hears_of_a_time_that_is_far_enough_ahead() {
    let contact = json!({"orderAcceptedUrl": "https://api.example/a"});
    for (ready_in, named_in) in [(None, 3), (Some(1), 3), (Some(20), 20)] {
        let minutes = |it: i64| samples::moment() + jiff::SignedDuration::from_mins(it);
        let ready_at = ready_in.map(minutes);
        let accept =
            Telling { ready_at, ..telling(PartnerAction::Accept, ReasonCode::Other, false) };
        let (_, body) = said("talabat", &accept, &contact);
        assert_eq!(body["acceptanceTime"], minutes(named_in).to_string());
    }
}

#[test]
fn our_token_goes_to_the_partners_hosts_only() {
    let goes = |address: &str| line().callback(address).is_some();
    for fine in [
        "https://api.example/x?y=1",
        "https://talabat.example/x",
        "https://eu.talabat.example:8443/x",
    ] {
        assert!(goes(fine), "{fine}");
    }
    for foul in [
        "http://api.example/x",
        "https://api.example:8443/x",
        "https://api.example.evil/x",
        "https://nottalabat.example/x",
        "https://us:pw@api.example/x",
        "https://evil.example/talabat.example",
        "ftp://api.example/x",
        "/x",
        "",
    ] {
        assert!(!goes(foul), "{foul}");
    }
}

#[test]
fn a_token_is_read_as_oauth_and_others_write_it() {
    let life = |body: &str| token(body.as_bytes()).map(|it| it.life.as_secs());
    assert_eq!(life(r#"{"access_token": "abc", "expires_in": 1800}"#), Some(1800));
    assert_eq!(life(r#"{"access_token": "abc", "expires_in": "60"}"#), Some(60));
    assert_eq!(life(r#"{"token": "abc"}"#), Some(300));
    for odd in [
        "",
        "{}",
        r#"{"access_token": ""}"#,
        r#"{"access_token": "a b"}"#,
        r#"{"access_token": 7}"#,
    ] {
        assert_eq!(life(odd), None, "{odd}");
    }
}

#[test]
fn a_line_that_cannot_work_is_named_at_the_start() {
    let of = |slug: &str, partner: Partner| {
        let mut config = Config::default();
        config.partners.insert(slug.to_owned(), partner);
        let secrets = BTreeMap::<String, Vec<SecretString>>::new();
        lines(&config, &secrets).map(|it| it.len()).map_err(|it| it.to_string())
    };
    let base = |url: &str| Partner { base_url: Some(url.to_owned()), ..Partner::default() };
    assert_eq!(of("careem", Partner::default()), Ok(0));
    let whole = Partner {
        token_url: Some("https://login.example".to_owned()),
        client_id: Some("us".to_owned()),
        client_secret: Some("s".into()),
        ..base("https://api.example")
    };
    assert_eq!(of("careem", whole.clone()), Ok(1));
    let missing = of("careem", Partner { client_secret: None, ..whole.clone() }).unwrap_err();
    assert!(missing.starts_with("setting `partners.careem.client_secret` is missing"), "{missing}");
    let odd =
        of("careem", Partner { base_url: Some("api.example".to_owned()), ..whole }).unwrap_err();
    assert!(odd.starts_with("setting `partners.careem.base_url`"), "{odd}");
    let mute = LineError::Mute { slug: "jood".to_owned() }.to_string();
    assert_eq!(of("jood", base("https://api.example")), Err(mute));
}
