//! Every case under `tests/fixtures/partners`, and whatever chance comes up with.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    config::Config,
    domain::{Amount, News, PartnerItem, PartnerOrder, Report},
    partners::{
        Call, Kept, PATH, Partner, Partners, Rejection, Trust, Verified, definition::Definition,
        registry::KNOWN,
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    now: Timestamp,
    secrets: Vec<SecretString>,
    /// What the partner has on file.
    #[serde(default)]
    url: String,
    /// What follows the partner's name in the path.
    #[serde(default)]
    rest: String,
    /// For `sign.sh`.
    #[serde(rename = "sign")]
    _sign: Option<Value>,
    headers: BTreeMap<String, String>,
    body: String,
    expect: Value,
}

impl Case {
    fn verify(&self, partner: &Partner) -> Result<Verified, Rejection> {
        self.verify_body(partner, self.body.as_bytes())
    }

    fn verify_body(&self, partner: &Partner, body: &[u8]) -> Result<Verified, Rejection> {
        let header = |name: &str| self.headers.get(name).map(String::as_bytes);
        let call = Call { header: &header, rest: &self.rest, body };
        partner.verify(&call, &self.trust())
    }

    fn trust(&self) -> Trust<'_> {
        let replay_window = Duration::from_mins(5);
        Trust { secrets: &self.secrets, url: &self.url, replay_window, now: self.now }
    }

    /// What the inbox keeps beside the body.
    fn kept(&self, partner: &Partner) -> Kept {
        let value = |name: &String| match name.as_str() {
            PATH => Some(self.rest.clone()).filter(|it| !it.is_empty()),
            _ => self.headers.get(name).cloned(),
        };
        partner.kept.iter().filter_map(|it| Some((it.clone(), value(it)?))).collect()
    }
}

fn folder(slug: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/partners").join(slug)
}

fn cases(slug: &str) -> Vec<(String, Case)> {
    let mut cases: Vec<_> = fs::read_dir(folder(slug))
        .unwrap_or_else(|it| panic!("{slug} has no cases: {it}"))
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

fn partners() -> Vec<Arc<Partner>> {
    Partners::new(&Config::default()).unwrap().all().values().cloned().collect()
}

/// What came of a call, in the form that the cases expect it.
fn outcome(partner: &Partner, case: &Case) -> Value {
    let verified = match case.verify(partner) {
        Ok(verified) => verified,
        Err(rejection) => return json!({"rejection": rejection.to_string()}),
    };
    let body = verified.opened.unwrap_or_else(|| case.body.clone().into_bytes());
    let read = match partner.read(&case.kept(partner), &body) {
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
        Report::Placed(order) => json!({"placed": shown_order(order)}),
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

fn shown_order(order: &PartnerOrder) -> Value {
    let PartnerOrder { store, number, is_test, is_accepted, accept_by, fulfilment, .. } = order;
    let PartnerOrder { payment, items, total, currency, customer, address, .. } = order;
    let PartnerOrder { note, eta, contact, .. } = order;
    let items: Vec<_> = items.iter().map(shown_item).collect();
    with_some(
        json!({"store": store, "fulfilment": fulfilment, "payment": payment, "items": items}),
        [
            ("number", json!(number)),
            ("test", json!(is_test.then_some(true))),
            ("accepted", json!(is_accepted.then_some(true))),
            ("acceptBy", json!(accept_by)),
            ("total", shown_amount(total.as_ref())),
            ("currency", json!(currency)),
            ("customer", Some(json!(customer)).filter(|it| *it != json!({})).into()),
            ("address", json!(address)),
            ("note", json!(note)),
            ("eta", json!(eta)),
            ("contact", json!(contact)),
        ],
    )
}

fn shown_item(item: &PartnerItem) -> Value {
    let options = Some(&item.options).filter(|it| !it.is_empty());
    with_some(
        json!({"sku": item.sku, "quantity": item.quantity}),
        [
            ("name", json!(item.name)),
            ("unitPrice", shown_amount(item.unit_price.as_ref())),
            ("note", json!(item.note)),
            ("options", json!(options)),
        ],
    )
}

fn shown_amount(amount: Option<&Amount>) -> Value {
    match amount {
        None => Value::Null,
        Some(Amount::Decimal(text)) => json!(text),
        Some(Amount::Minor(amount)) => json!({"minor": amount}),
    }
}

fn with_some<const N: usize>(object: Value, fields: [(&str, Value); N]) -> Value {
    let Value::Object(mut object) = object else { return object };
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    object.extend(fields.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>());
    Value::Object(object)
}

#[test]
fn every_case_comes_out_as_written() {
    let mut wrong = Vec::new();
    for partner in partners() {
        let cases = cases(&partner.slug);
        assert!(8 <= cases.len(), "{} has too few cases", partner.slug);
        for (name, case) in cases {
            let outcome = outcome(&partner, &case);
            if outcome != case.expect {
                wrong.push(format!("{name}: {}\n  {outcome}\n  {}", case.about, case.expect));
            }
        }
    }
    assert!(wrong.is_empty(), "came out, and expected:\n{}", wrong.join("\n"));
}

#[test]
fn partners_are_found_by_their_names() {
    let partners = Partners::new(&Config::default()).unwrap();
    for (name, _) in KNOWN {
        assert!(partners.find(name).is_some_and(|it| it.slug == *name), "{name}");
    }
    assert!(partners.find("Generic").is_none() && partners.find("").is_none());
}

/// Cases whose signature holds, and covers the body.
fn signed() -> Vec<(Arc<Partner>, Case)> {
    let partners = partners().into_iter().filter(|it| it.signs_bodies());
    let cases = partners.flat_map(|partner| {
        cases(&partner.slug).into_iter().map(move |(_, case)| (Arc::clone(&partner), case))
    });
    cases.filter(|(partner, case)| case.verify(partner).is_ok()).collect()
}

#[test]
fn one_changed_byte_anywhere_in_the_body_is_noticed() {
    let signed = signed();
    assert!(60 < signed.len());
    for (partner, case) in signed {
        for at in 0..case.body.len() {
            let mut body = case.body.clone().into_bytes();
            body[at] ^= 1;
            let verdict = case.verify_body(&partner, &body);
            assert_eq!(verdict, Err(Rejection::BadSignature), "{} at {at}", case.about);
        }
    }
}

/// Headers that prove a call: all that its proof leans on.
const PROOFS: &[&str] = &[
    "authorization",
    "cko-signature",
    "hashstring",
    "stripe-signature",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "svix-id",
    "svix-timestamp",
    "x-authentication-tag",
    "x-careem-api-key",
    "x-deliveroo-hmac-sha256",
    "x-deliveroo-sequence-guid",
    "x-hub-signature-256",
    "x-hmac-sha256",
    "x-initialization-vector",
    "x-postmates-signature",
    "x-server-authorization-hmac-sha256",
    "x-shopify-hmac-sha256",
    "x-signature-sha256",
    "x-square-hmacsha256-signature",
    "x-uber-signature",
];

#[test]
fn no_proof_can_be_left_out_or_changed() {
    for partner in partners() {
        for (name, mut case) in cases(&partner.slug) {
            // Where there are several signatures, one may be spoilt.
            let several = ["rotation_two_signatures", "older_version", "two_headers"]
                .iter()
                .any(|it| name.ends_with(it));
            if several || case.verify(&partner).is_err() {
                continue;
            }
            let headers = case.headers.clone();
            let proofs = headers.iter().filter(|(it, _)| PROOFS.contains(&it.as_str()));
            let mut count = 0;
            for (header, value) in proofs {
                count += 1;
                for at in 0..value.len() {
                    let mut changed = value.clone().into_bytes();
                    changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
                    case.headers.insert(header.clone(), String::from_utf8(changed).unwrap());
                    assert!(case.verify(&partner).is_err(), "{name}: {header} at {at}");
                }
                case.headers.remove(header);
                assert!(case.verify(&partner).is_err(), "{name}: {header} left out");
                case.headers.insert(header.clone(), value.clone());
            }
            assert!(0 < count || !case.rest.is_empty(), "{name}: nothing proves it");
        }
    }
}

#[test]
fn couriers_of_partners_cannot_pass_for_our_own() {
    for partner in partners().into_iter().filter(|it| it.slug != "generic") {
        for (name, case) in cases(&partner.slug) {
            let news = case.expect.pointer("/news").and_then(Value::as_array);
            for news in news.into_iter().flatten() {
                let id = news.pointer("/report/courier/id").and_then(Value::as_str);
                let prefix = format!("{}:", partner.slug);
                assert!(id.is_none_or(|it| it.starts_with(&prefix)), "{name}: {id:?}");
            }
        }
    }
}

/// Beside bodies, readers look at headers and paths.
fn some_kept(partner: &Partner, value: &str) -> Kept {
    partner.kept.iter().map(|it| (it.clone(), value.to_owned())).collect()
}

proptest! {
    #[test]
    fn reading_never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..256),
        kept in "[a-z/]{0,30}",
    ) {
        for partner in partners() {
            let _any_outcome = partner.read(&some_kept(&partner, &kept), &bytes);
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
        for partner in partners() {
            let cases = cases(&partner.slug);
            let (_, case) = choice.get(&cases);
            let body = &case.body;
            let mut starts: Vec<usize> = body.char_indices().map(|(at, _)| at).collect();
            starts.push(body.len());
            let at = at.get(&starts);
            let patched = format!("{}{patch}{}", &body[..*at], &body[*at..]);
            let _any_outcome = partner.read(&case.kept(&partner), patched.as_bytes());
            // Verifiers that look into the body see it before anybody has believed it.
            let _any_verdict = case.verify_body(&partner, patched.as_bytes());
        }
    }

    #[test]
    fn nothing_made_up_is_believed(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 4),
        body in proptest::collection::vec(any::<u8>(), 0..80),
        rest in "[a-z0-9/]{0,30}",
        secret in prop_oneof![
            Just("whsec_Z2VuZXJpYy1zZWNyZXQtb2YtMzItYnl0ZXMtMTIzNDU="),
            Just("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        ],
    ) {
        for partner in partners() {
            let header = |name: &str| values.get(name.len() % 5).map(Vec::as_slice);
            let call = Call { header: &header, rest: &rest, body: &body };
            let secrets: [SecretString; 1] = [secret.into()];
            let replay_window = Duration::from_mins(5);
            let now = Timestamp::UNIX_EPOCH;
            let trust = Trust { secrets: &secrets, url: "https://o.example", replay_window, now };
            prop_assert!(partner.verify(&call, &trust).is_err());
        }
    }
}

#[test]
fn a_secret_in_the_path_is_not_kept_with_what_is_read_there() {
    let file = |event: &str| {
        format!(
            "slug = \"x\"\nschemes = [{{ secret-path = {{}} }}]\nevent = \"{event}\"\n\
             [[messages]]\nexternal_id = \"/id\"\nsays = [{{ words = {{ a = \"nothing\" }} }}]\n"
        )
    };
    assert!(Definition::read(&file("/event")).is_ok());
    let fault = Definition::read(&file("path:0")).unwrap_err();
    assert!(fault.line == 2 && fault.what.contains("secret would be kept"), "{fault}");
}
