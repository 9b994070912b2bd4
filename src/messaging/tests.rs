//! Words, codes and reports: pure, so all of it can be looked at here.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    base::mint::Mint,
    config::{self, AccountId},
    domain::{Fate, Language, NotificationId, ReceiptStatus, Trouble},
    messaging::{
        Carrier, Catalogue, Content, Judgement, Keyword, Message, Worded, keyword,
        sms::Sms,
        whatsapp::{Said, WhatsApp, read},
    },
    outbound::{Answer, Body, Exchange, Request, Verdict},
};

fn now() -> Timestamp {
    "2026-11-20T18:30:00Z".parse().unwrap()
}

fn id() -> NotificationId {
    NotificationId::from_uuid(Uuid::from_u128(7))
}

fn worded() -> Worded {
    let catalogue = Catalogue::new(None).unwrap();
    let template = catalogue.get("order_on_the_way").unwrap();
    let value = |name: &str| Some(format!("the {name}"));
    let link = Some(("https://o.example/track/tk", "tk"));
    template.word(Language::English, value, link).unwrap()
}

fn message(content: Content) -> Message {
    Message { id: id(), to: "+962790000001".to_owned(), content }
}

fn whatsapp() -> WhatsApp {
    let settings = config::WhatsApp {
        phone_number_id: Some(AccountId("1065".to_owned())),
        token: Some("t0ken".into()),
        ..config::WhatsApp::default()
    };
    WhatsApp::new(&settings).unwrap().unwrap()
}

fn body(request: &Request) -> String {
    match &request.body {
        Body::Secret(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?} may be looked at"),
    }
}

#[test]
fn a_template_goes_out_as_the_cloud_api_wants_it() {
    let request = whatsapp().word(&message(Content::Template(worded()))).unwrap().unwrap();
    assert_eq!(request.url.as_str(), "https://graph.facebook.com/v24.0/1065/messages");
    assert!(request.headers["authorization"].is_sensitive());
    let said: Value = serde_json::from_str(&body(&request)).unwrap();
    let text = |it: &str| json!({"type": "text", "text": it});
    assert_eq!(
        said,
        json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "962790000001",
            "biz_opaque_callback_data": id(), "type": "template",
            "template": {
                "name": "order_on_the_way", "language": {"code": "en", "policy": "deterministic"},
                "components": [
                    {"type": "body", "parameters": [text("the customer"), text("the number"), text("the time")]},
                    {"type": "button", "sub_type": "url", "index": "0", "parameters": [text("tk")]},
                ],
            },
        })
    );
}

#[test]
fn a_place_that_stays_empty_is_found_before_anything_is_sent() {
    let catalogue = Catalogue::new(None).unwrap();
    let template = catalogue.get("order_ready").unwrap();
    let values = BTreeMap::from([("customer", "Sara"), ("number", "118"), ("store", " \n\t ")]);
    let value = |name: &str| values.get(name).map(|it| (*it).to_owned());
    let missing = template.word(Language::Arabic, value, None).unwrap_err();
    assert_eq!(missing, Trouble::new("parameter_missing", "template order_ready needs store"));
}

#[test]
fn values_become_one_line_and_never_places() {
    let catalogue = Catalogue::new(None).unwrap();
    let template = catalogue.get("order_ready").unwrap();
    let value = |name: &str| {
        Some(if name == "customer" { "a\n{{3}}    b".to_owned() } else { name.to_owned() })
    };
    let worded = template.word(Language::English, value, None).unwrap();
    assert_eq!(worded.parameters[0], "a {{3}} b");
    assert_eq!(
        worded.text,
        "Hello a { {3}} b, your order number is ready. Come and get it at store while it is hot."
    );
}

fn exchange(status: Option<u16>, body: &Value, never_left: bool) -> Exchange {
    let request = Request {
        method: Method::POST,
        url: "https://graph.facebook.com/".parse().unwrap(),
        headers: HeaderMap::new(),
        body: Body::Empty,
    };
    let answer = status.map(|it| Answer {
        status: StatusCode::from_u16(it).unwrap(),
        headers: HeaderMap::new(),
        body: if body.is_null() { Bytes::new() } else { body.to_string().into() },
    });
    let verdict = answer.as_ref().map_or(Verdict::Again { not_before: None }, |it| {
        Verdict::of(it.status, &it.headers, now())
    });
    let answer = answer.ok_or_else(|| "nobody answered".to_owned());
    Exchange { request, at: now(), took: Duration::ZERO, answer, never_left, verdict }
}

/// A judgement in a word.
fn word(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::Fate(Fate::Accepted { .. }) => "accepted",
        Judgement::Fate(Fate::Again { .. }) => "again",
        Judgement::Fate(Fate::Held(_)) => "held",
        Judgement::Fate(Fate::Failed { .. }) => "failed",
        Judgement::TemplateStopped(_) => "template",
        Judgement::AccountBroken(_) => "account",
    }
}

#[test]
fn every_code_means_what_the_table_says() {
    let table = [
        ("again", vec![1, 2, 4, 80_007, 130_429, 131_000, 131_016, 131_056, 131_057, 133_004]),
        (
            "failed",
            vec![131_048, 131_049, 130_472, 131_026, 131_021, 131_030, 131_050, 130_497, 131_047],
        ),
        ("template", vec![132_000, 132_001, 132_007, 132_015, 132_016]),
        (
            "account",
            vec![0, 190, 3, 10, 200, 250, 299, 368, 131_031, 131_042, 131_037, 131_045, 133_010],
        ),
        (
            "failed",
            vec![33, 100, 132_005, 132_012, 131_008, 131_009, 131_051, 131_053, 424_242, 300],
        ),
    ];
    for (wanted, codes) in table {
        for code in codes {
            let answer = exchange(Some(400), &json!({"error": {"code": code}}), false);
            assert_eq!(word(&whatsapp().judge(&answer, 1, now())), wanted, "{code}");
        }
    }
}

#[test]
fn only_what_was_surely_not_taken_is_tried_again() {
    let judge = |status, never_left| {
        word(&whatsapp().judge(&exchange(status, &Value::Null, never_left), 1, now()))
    };
    // No connection came about; a gateway said that there are too many.
    assert_eq!((judge(None, true), judge(Some(429), false)), ("again", "again"));
    // The reply was lost; something in front of the API broke.
    for status in [None, Some(408), Some(500), Some(502), Some(503), Some(504)] {
        assert_eq!(judge(status, false), "held", "{status:?}");
    }
    assert_eq!(judge(Some(404), false), "failed");
    let taken = exchange(Some(200), &json!({"messages": [{"id": "wamid.1"}]}), false);
    let fate = Fate::Accepted { provider_id: Some("wamid.1".to_owned()) };
    assert_eq!(whatsapp().judge(&taken, 1, now()), Judgement::Fate(fate));
}

#[test]
fn who_writes_too_often_to_one_person_waits_four_times_longer_each_time() {
    let refused = exchange(Some(400), &json!({"error": {"code": 131_056}}), false);
    let wait = |attempts| match whatsapp().judge(&refused, attempts, now()) {
        Judgement::Fate(Fate::Again { not_before: Some(at), .. }) => {
            at.duration_since(now()).as_secs()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!([1, 2, 3, 6, 60].map(wait), [4, 16, 64, 4096, 4096]);
}

#[test]
fn stop_and_start_are_known_in_both_languages_and_nothing_else_is() {
    for stop in [
        "STOP",
        " stop. ",
        "Unsubscribe",
        "إيقاف",
        "ايقاف",
        "إِيقاف",
        "الغاء",
        "إلغاء",
        "توقف",
        "إيقـــاف",
    ] {
        assert_eq!(keyword(stop), Some(Keyword::Stop), "{stop}");
    }
    for start in ["Start", "ابدأ", "إبدأ", "بدء", "UNSTOP"] {
        assert_eq!(keyword(start), Some(Keyword::Start), "{start}");
    }
    for other in [
        "",
        "!",
        "please stop",
        "don't stop",
        "cancel",
        "وين الطلب؟",
        "stop it now please, I have had enough of it",
    ] {
        assert_eq!(keyword(other), None, "{other}");
    }
}

#[test]
fn reports_are_read_one_by_one_however_they_are_bundled() {
    let status = |word: &str| {
        json!({"id": "wamid.1", "status": word, "timestamp": "1795199000",
        "recipient_id": "962790000001", "biz_opaque_callback_data": id(),
        "errors": [{"code": 131_026, "title": "t", "error_data": {"details": "d"}}]})
    };
    let text = json!({"from": "962790000001", "id": "wamid.2", "timestamp": 1_795_199_000, "type": "text",
        "text": {"body": "STOP"}});
    let call = json!({"object": "whatsapp_business_account", "entry": [
        {"changes": [
            {"field": "messages", "value": {"statuses": [status("sent"), status("failed")]}},
            {"field": "messages", "value": {"messages": [text]}},
        ]},
        {"changes": [{"field": "account_update", "value": {}}, {"field": "messages", "value": {"statuses": [status("warming")]}}]},
    ]});
    let said = read(call.to_string().as_bytes(), None, now()).unwrap();
    let [
        Said::Receipt(sent),
        Said::Receipt(failed),
        Said::Text { from, text, at, .. },
        Said::Other(field),
        Said::Other(word),
    ] = &said[..]
    else {
        panic!("{said:#?}")
    };
    assert_eq!((sent.status, sent.notification), (ReceiptStatus::Sent, Some(id())));
    assert_eq!(failed.why, Some(Trouble::new("131026", "d")));
    assert_eq!(
        (from.as_str(), text.as_str(), at.as_second()),
        ("+962790000001", "STOP", 1_795_199_000)
    );
    assert_eq!((field.as_str(), word.as_str()), ("account_update", "warming"));
}

#[test]
fn what_is_said_of_another_number_is_not_for_us() {
    let value = json!({"metadata": {"phone_number_id": "1066"},
        "statuses": [{"id": "wamid.1", "status": "sent", "timestamp": "1"}]});
    let call = json!({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).to_string();
    let said = |number| read(call.as_bytes(), number, now()).unwrap();
    assert!(matches!(said(Some("1065"))[..], [Said::Other(_)]));
    for number in [None, Some("1066")] {
        assert!(matches!(said(number)[..], [Said::Receipt(_)]), "{number:?}");
    }
}

#[test]
fn a_text_message_is_written_as_its_gateway_wants_it() {
    let text = "قال: \"{to}\" & more\n";
    let send = |content_type: &str, body: &str| {
        let settings = config::Sms {
            url: Some("https://sms.example/send".to_owned()),
            content_type: content_type.to_owned(),
            body: body.to_owned(),
            ..config::Sms::default()
        };
        let sms = Sms::new(&settings).unwrap().unwrap();
        self::body(&sms.word(&message(Content::Text(text.to_owned()))).unwrap().unwrap())
    };
    let json: Value =
        serde_json::from_str(&send("application/json", &config::Sms::default().body)).unwrap();
    assert_eq!((&json["text"], &json["to"]), (&json!(text), &json!("+962790000001")));
    let form = send("application/x-www-form-urlencoded", "to={to}&message={text}&x={unknown}");
    assert!(form.starts_with("to=%2B962790000001&message=%D9%82"), "{form}");
    assert!(form.ends_with("%26+more%0A&x={unknown}"), "{form}");
}

#[test]
fn a_file_of_templates_with_a_fault_says_what_is_wrong() {
    let file = |text: &str| {
        let path = std::env::temp_dir()
            .join(format!("orderwire-templates-{}", Mint::system().uuid(now())));
        std::fs::write(&path, text).unwrap();
        let read = Catalogue::new(Some(&path)).map(drop);
        std::fs::remove_file(&path).unwrap();
        read.unwrap_err().to_string()
    };
    let template = |rest: &str| format!("[[templates]]\nname = \"hello\"\n{rest}\n");
    assert!(
        file(&template("text = { en = \"{{1}}\" }"))
            .contains("has 1 places, and there are 0 parameters")
    );
    assert!(
        file(&template("parameters = [\"number\"]\ntext = { en = \"{{2}}\" }"))
            .contains("has no {{1}}")
    );
    assert!(file(&template("text = { en = \"x\" }")).contains("give `[rules]` of your own"));
    assert!(file("nonsense").contains("notify.templates_file"));
}

proptest! {
    #[test]
    fn no_report_makes_us_fall(body in proptest::collection::vec(any::<u8>(), 0..200), field in "[a-z_]{0,12}", words in ".{0,40}") {
        drop(read(&body, None, now()));
        let value = json!({"statuses": [words, {"status": words}, null], "messages": [{"from": words, "id": 1}], "user_preferences": {}});
        let call = json!({"entry": [{"changes": [{"field": field, "value": value}, {"field": "messages", "value": value}, {"field": "user_preferences", "value": {"user_preferences": [{"wa_id": words}]}}]}]});
        prop_assert!(read(call.to_string().as_bytes(), None, now()).is_ok());
        let _is_one = keyword(&words);
    }
}
