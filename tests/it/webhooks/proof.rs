//! Who may speak for a partner, and when.

use orderwire::config::Partner;
use serde_json::json;

use crate::{
    harness::{
        app::{TestApp, evening},
        third_party::Written,
        webhooks::{Call, DELIVEROO, GENERIC, PARTNERS, Signer, mac, secret, signed, status_body},
    },
    webhooks::calls,
};

fn deliveroo(key: &str, guid: &str) -> Call {
    let body = status_body("deliveroo", guid, "accepted").to_string().into_bytes();
    let message = [guid.as_bytes(), b" ", &body].concat();
    let signature = mac(key.as_bytes(), &message, Written::Hex, Signer::Openssl);
    let mut call = signed("deliveroo", guid, 0, body, Signer::InProcess);
    call.headers[1].1 = signature;
    call
}

#[tokio::test]
async fn during_a_rotation_the_old_and_the_new_secret_are_good_and_afterwards_only_the_new() {
    let rotating =
        Partner { secrets: vec!["new secret".into(), DELIVEROO.into()], ..Partner::default() };
    let app = TestApp::with(|it| {
        it.partners.insert("deliveroo".to_owned(), rotating);
    })
    .await;
    app.deliver(&deliveroo(DELIVEROO, "g1")).await.expect(200);
    app.deliver(&deliveroo("new secret", "g2")).await.expect(200);
    for wrong in ["another secret", "NEW SECRET", ""] {
        if !wrong.is_empty() {
            app.deliver(&deliveroo(wrong, "g3")).await.expect_error(401, "UNAUTHENTICATED");
        }
    }
    let rotated = Partner { secrets: vec!["new secret".into()], ..Partner::default() };
    let app = TestApp::with(|it| {
        it.partners.insert("deliveroo".to_owned(), rotated);
    })
    .await;
    app.deliver(&deliveroo(DELIVEROO, "g1")).await.expect_error(401, "UNAUTHENTICATED");
    app.deliver(&deliveroo("new secret", "g2")).await.expect(200);
}

#[tokio::test]
async fn a_signed_time_is_good_for_five_minutes_either_way() {
    let app = TestApp::spawn_at(evening()).await;
    let now = app.clock.now().as_second();
    for (away, status) in
        [(0, 200), (-300, 200), (300, 200), (-301, 401), (301, 401), (86_400, 401)]
    {
        let body = json!({"type": "x", "away": away}).to_string().into_bytes();
        let event = format!("m{away}");
        let call = signed("generic", &event, now + away, body, Signer::InProcess);
        let answer = app.deliver(&call).await;
        assert_eq!(answer.status, status, "{away}: {answer:?}");
    }
    assert_eq!(calls(&app, "").await.len(), 3);
}

#[tokio::test]
async fn a_partner_without_a_secret_is_refused_but_the_generic_one_makes_its_own() {
    let app = TestApp::with(|it| it.partners.clear()).await;
    for partner in PARTNERS {
        let call = app.webhook(partner, "e1", &json!({"x": 1}));
        app.deliver(&call).await.expect_error(401, "UNAUTHENTICATED");
    }
    let keys = std::fs::read_to_string(app.config().data_dir.join("keys.toml")).unwrap();
    assert!(keys.contains("generic_secret = \"whsec_"), "no secret was made");
    assert!(!keys.contains(&secret("generic")));
}

#[tokio::test]
async fn what_was_signed_cannot_be_changed_or_moved() {
    let app = TestApp::spawn().await;
    let now = app.clock.now().as_second();
    let body = status_body("generic", "x1", "accepted").to_string().into_bytes();
    let good = signed("generic", "m1", now, body.clone(), Signer::InProcess);
    let change = |edit: &dyn Fn(&mut Call)| {
        let mut call = good.clone();
        edit(&mut call);
        call
    };
    for (what, call) in [
        ("body", change(&|it| it.body.push(b' '))),
        ("id", change(&|it| it.headers[0].1 = "m2".to_owned())),
        ("time", change(&|it| it.headers[1].1 = (now + 1).to_string())),
        ("scheme", change(&|it| it.headers[2].1 = it.headers[2].1.replace("v1,", "v2,"))),
        ("case", change(&|it| it.headers[2].1 = it.headers[2].1.to_lowercase())),
        ("no id", change(&|it| drop(it.headers.remove(0)))),
        ("no signature", change(&|it| drop(it.headers.remove(2)))),
        ("another partner", change(&|it| "deliveroo".clone_into(&mut it.partner))),
    ] {
        let answer = app.deliver(&call).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        let error = answer.expect_error(401, "UNAUTHENTICATED");
        // What would have been right is nobody's business.
        let key = mac(GENERIC, b"", Written::Base64, Signer::InProcess);
        assert!(!error.to_string().contains(&key));
    }
    assert_eq!(calls(&app, "").await, Vec::<serde_json::Value>::new());
    // Several signatures stand side by side during a rotation at the sender's.
    let both = change(&|it| it.headers[2].1 = format!("v1,AAAA v1a,BBBB {}", it.headers[2].1));
    app.deliver(&both).await.expect(200);
}
