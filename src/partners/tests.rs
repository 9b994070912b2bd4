//! Every case under `tests/fixtures/partners`, and whatever chance comes up with.

use std::{collections::BTreeMap, fs, path::PathBuf};

use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    domain::{News, Report},
    partners::{Call, PARTNERS, Partner, Rejection, Verified, find},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    now: Timestamp,
    secrets: Vec<SecretString>,
    /// For `sign.sh`.
    #[serde(rename = "sign")]
    _sign: Option<Value>,
    headers: BTreeMap<String, String>,
    body: String,
    expect: Value,
}

impl Case {
    fn verify(&self, partner: &Partner) -> Result<Verified, Rejection> {
        let header = |name: &str| self.headers.get(name).map(String::as_bytes);
        let call = Call { header: &header, body: self.body.as_bytes() };
        partner.inbound.verify(&call, &self.secrets, self.now)
    }
}

fn cases(slug: &str) -> Vec<(String, Case)> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/partners").join(slug);
    let mut cases: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .map(|path| {
            let name = format!("{slug}/{}", path.file_stem().unwrap().display());
            let text = fs::read_to_string(path).unwrap();
            let case = serde_json::from_str(&text).unwrap_or_else(|it| panic!("{name}: {it}"));
            (name, case)
        })
        .collect();
    cases.sort_by(|left, right| left.0.cmp(&right.0));
    cases
}

/// What came of a call, in the form that the cases expect it.
fn outcome(partner: &Partner, case: &Case) -> Value {
    let verified = match case.verify(partner) {
        Ok(verified) => verified,
        Err(rejection) => return json!({"rejection": rejection.to_string()}),
    };
    let read = match partner.inbound.read(case.body.as_bytes()) {
        Ok(news) => json!({"news": news.iter().map(shown).collect::<Vec<_>>()}),
        Err(unreadable) => json!({"unreadable": unreadable.to_string()}),
    };
    with_some(read, [("eventId", json!(verified.event_id))])
}

fn shown(news: &News) -> Value {
    let report = match &news.report {
        Report::Order { status, reason } => {
            with_some(json!({"order": status}), [("reason", json!(reason))])
        }
        Report::Delivery { status, courier, tracking_url } => with_some(
            json!({"delivery": status}),
            [("courier", json!(courier)), ("trackingUrl", json!(tracking_url))],
        ),
        Report::Placed(order) => json!({"placed": format!("{order:?}")}),
        Report::Payment { status } => json!({"payment": status}),
        Report::Unknown { word } => json!({"unknown": word}),
        Report::Nothing { word } => json!({"nothing": word}),
    };
    with_some(
        json!({"report": report}),
        [
            ("externalId", json!(news.external_id)),
            ("orderId", json!(news.order_id)),
            ("occurredAt", json!(news.occurred_at)),
        ],
    )
}

fn with_some<const N: usize>(object: Value, fields: [(&str, Value); N]) -> Value {
    let Value::Object(mut object) = object else { return object };
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    object.extend(fields.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>());
    Value::Object(object)
}

#[test]
fn every_case_comes_out_as_written() {
    for partner in PARTNERS {
        let cases = cases(partner.slug);
        assert!(8 <= cases.len(), "{} has too few cases", partner.slug);
        for (name, case) in cases {
            assert_eq!(outcome(partner, &case), case.expect, "{name}: {}", case.about);
        }
    }
}

#[test]
fn partners_are_found_by_their_names() {
    assert!(PARTNERS.iter().all(|it| find(it.slug).is_some_and(|found| found.slug == it.slug)));
    assert!(find("Generic").is_none() && find("").is_none());
}

/// Cases whose signature covers the body, and holds.
fn signed() -> Vec<(&'static Partner, Case)> {
    let partners = PARTNERS.iter().filter(|it| it.slug != "careem");
    let cases = partners.flat_map(|it| cases(it.slug).into_iter().map(move |(_, case)| (it, case)));
    cases.filter(|(partner, case)| case.verify(partner).is_ok()).collect()
}

#[test]
fn one_changed_byte_anywhere_in_the_body_is_noticed() {
    for (partner, case) in signed() {
        for at in 0..case.body.len() {
            let mut body = case.body.clone().into_bytes();
            body[at] ^= 1;
            let header = |name: &str| case.headers.get(name).map(String::as_bytes);
            let call = Call { header: &header, body: &body };
            let verdict = partner.inbound.verify(&call, &case.secrets, case.now);
            assert_eq!(verdict, Err(Rejection::BadSignature), "{} at {at}", case.about);
        }
    }
}

#[test]
fn whatever_is_signed_cannot_be_changed_or_left_out() {
    let covered =
        ["x-deliveroo-hmac-sha256", "x-deliveroo-sequence-guid", "webhook-id", "webhook-timestamp"];
    for (partner, mut case) in signed() {
        let headers = case.headers.clone();
        for (name, value) in headers.iter().filter(|(name, _)| covered.contains(&name.as_str())) {
            for at in 0..value.len() {
                let mut changed = value.clone().into_bytes();
                changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
                case.headers.insert(name.clone(), String::from_utf8(changed).unwrap());
                assert!(case.verify(partner).is_err(), "{}: {name} at {at}", case.about);
            }
            case.headers.remove(name);
            assert!(case.verify(partner).is_err(), "{}: {name} left out", case.about);
            case.headers.insert(name.clone(), value.clone());
        }
    }
}

#[test]
fn couriers_of_partners_cannot_pass_for_our_own() {
    for (name, case) in cases("careem").into_iter().chain(cases("deliveroo")) {
        let couriers = case.expect.pointer("/news/0/report/courier/id");
        let made_up = couriers.is_none_or(|it| it.as_str().unwrap().contains(':'));
        assert!(made_up, "{name}");
    }
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        for partner in PARTNERS {
            let _any_outcome = partner.inbound.read(&bytes);
        }
    }

    #[test]
    fn reading_what_is_nearly_right_never_panics(
        choice in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
        patch in prop_oneof![
            Just("null"), Just("[]"), Just("{}"), Just("-1"), Just("\"\\u0000\""), Just("1e999"), Just(""),
        ],
    ) {
        for partner in PARTNERS {
            let cases = cases(partner.slug);
            let body = &choice.get(&cases).1.body;
            let mut starts: Vec<usize> = body.char_indices().map(|(at, _)| at).collect();
            starts.push(body.len());
            let at = at.get(&starts);
            let patched = format!("{}{patch}{}", &body[..*at], &body[*at..]);
            let _any_outcome = partner.inbound.read(patched.as_bytes());
        }
    }

    #[test]
    fn nothing_made_up_is_believed(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 4),
        body in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        for partner in PARTNERS {
            let header = |name: &str| values.get(name.len() % 5).map(Vec::as_slice);
            let call = Call { header: &header, body: &body };
            let secrets: [SecretString; 1] = ["whsec_Z2VuZXJpYy1zZWNyZXQtb2YtMzItYnl0ZXMtMTIzNDU=".into()];
            prop_assert!(partner.inbound.verify(&call, &secrets, Timestamp::UNIX_EPOCH).is_err());
        }
    }
}
