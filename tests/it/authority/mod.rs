//! Who may do what: every operation of the document, asked by everybody there is.

mod table;
mod world;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    authority::{
        table::{Asked, EVERYBODY, Expected, RULES, Rule},
        world::World,
    },
    harness::{
        app::TestApp,
        client::{Answer, answer, order_for},
        tokens::{ALL_SCOPES, SECRET, sign},
    },
    openapi::{Operation, document, operations},
};

/// Pages, and what machines ask: for everybody, and outside the document.
const PUBLIC: [&str; 11] = [
    "/",
    "/docs",
    "/kitchen",
    "/track/any",
    "/favicon.ico",
    "/static/kitchen.js",
    "/static/live.js",
    "/openapi.json",
    "/healthz",
    "/readyz",
    "/metrics",
];

fn rule(operation: &str) -> &'static Rule {
    let rule = RULES.iter().find(|it| it.operation == operation);
    rule.unwrap_or_else(|| panic!("nobody has said who may do {operation}"))
}

/// A refusal is in the envelope and shows nothing of the order.
fn check_refusal(what: &str, answer: Answer) {
    let text = answer.json.to_string();
    assert!(!text.contains("+96279") && !text.contains("Haddad"), "{what}: {text}");
    match answer.status {
        401 => drop(answer.expect_error(401, "UNAUTHENTICATED")),
        403 => drop(answer.expect_error(403, "FORBIDDEN")),
        404 => drop(answer.expect_error(404, "NOT_FOUND")),
        409 => drop(answer.expect_error(409, "CONFLICT")),
        426 => drop(answer.expect_error(426, "UPGRADE_REQUIRED")),
        other => panic!("{what}: {other} is no refusal"),
    }
}

#[tokio::test]
async fn the_table_and_the_document_name_the_same_operations() {
    let app = TestApp::spawn().await;
    let documented: BTreeSet<_> =
        operations(&document(&app).await).iter().map(Operation::name).collect();
    let judged: BTreeSet<_> = RULES.iter().map(|it| it.operation.to_owned()).collect();
    assert_eq!(documented, judged);
}

#[tokio::test]
async fn without_a_good_token_nothing_opens() {
    let world = World::new().await;
    let now = world.app.clock.now().as_second();
    let claims = |exp: i64| {
        json!({"iss": "orderwire", "aud": "orderwire", "sub": "pos", "iat": now - 7200, "exp": exp,
               "role": "service", "scope": ALL_SCOPES, "stores": ["*"]})
    };
    let good = sign(&claims(now + 60), SECRET);
    let (head, _) = good.rsplit_once('.').unwrap();
    let tokens = [
        None,
        Some("garbage".to_owned()),
        Some(sign(&claims(now - 60), SECRET)),
        Some(sign(&claims(now + 60), "the secret of somebody else entirely")),
        Some(format!("{head}.")),
        // Unsigned, as `alg: none` has it.
        Some(format!("eyJhbGciOiJub25lIn0.{}.", head.split('.').nth(1).unwrap())),
    ];
    for it in operations(&document(&world.app).await) {
        let rule = rule(&it.name());
        for token in &tokens {
            let answer = world.ask(&it, rule, &world.order, token.as_deref()).await;
            let what = format!("{} with {token:?}", it.name());
            if matches!(rule.expected, Expected::Public) {
                assert!(![401, 403].contains(&answer.status), "{what}: {answer:?}");
                continue;
            }
            assert_eq!(answer.status, 401, "{what}: {answer:?}");
            check_refusal(&what, answer);
        }
    }
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let world = World::new().await;
    for it in operations(&document(&world.app).await) {
        let rule = rule(&it.name());
        for (at, who) in EVERYBODY.into_iter().enumerate() {
            let order = world.order_for(rule).await;
            let token = world.token(who, rule, &order).await;
            let answer = world.ask(&it, rule, &order, Some(&token)).await;
            let what = format!("{} by {who:?}", it.name());
            match rule.expected {
                Expected::Public => {
                    assert!(![401, 403].contains(&answer.status), "{what}: {answer:?}");
                }
                Expected::Signature => {
                    assert_eq!(answer.status, 401, "{what}: {answer:?}");
                    check_refusal(&what, answer);
                }
                Expected::Each(statuses) => {
                    assert_eq!(answer.status, statuses[at], "{what}: {answer:?}");
                    if 400 <= answer.status {
                        check_refusal(&what, answer);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_refused_request_changes_nothing() {
    let world = World::new().await;
    let before = world.app.order(&world.order).await;
    // An order of its own for each answer that is no refusal would be a change: those are not asked.
    let refuses = |rule: &Rule, who: Asked| match rule.expected {
        Expected::Public => false,
        Expected::Signature => true,
        Expected::Each(statuses) => {
            EVERYBODY.into_iter().zip(statuses).any(|(it, status)| it == who && 400 <= status)
        }
    };
    let strangers = [Asked::Customer, Asked::Courier, Asked::OtherLink, Asked::StaffElsewhere];
    let tables = world.tables_at_rest().await;
    for it in operations(&document(&world.app).await) {
        let rule = rule(&it.name());
        for who in strangers.into_iter().filter(|who| refuses(rule, *who)) {
            let token = world.token(who, rule, &world.order).await;
            world.ask(&it, rule, &world.order, Some(&token)).await;
            let now = world.tables().await;
            let changed: Vec<_> =
                tables.iter().filter(|(table, rows)| now[*table] != **rows).collect();
            assert!(changed.is_empty(), "{} by {who:?}: {changed:#?}", it.name());
        }
    }
    assert_eq!(world.app.order(&world.order).await, before);
}

#[tokio::test]
async fn pages_and_probes_are_for_everybody_and_hold_no_secret() {
    let app = TestApp::spawn().await;
    for path in PUBLIC {
        let answer = answer(app.request(Method::GET, path)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let text = String::from_utf8_lossy(&answer.body);
        assert!(!text.contains(SECRET) && !text.contains("whsec_"), "{path}");
    }
}

#[tokio::test]
async fn only_what_browsers_open_without_headers_takes_its_token_from_the_query() {
    let world = World::new().await;
    for it in operations(&document(&world.app).await).iter().filter(|it| it.method == Method::GET) {
        let thing = if it.path.starts_with("/v1/stores") { &world.store } else { &world.order };
        let path = it.path.replace("{id}", thing).replace("{event_type}", "OrderCreated");
        let request =
            world.app.request(Method::GET, &format!("{path}?token={}", world.app.service()));
        let status = request.send().await.unwrap().status().as_u16();
        let live = ["/v1/live", "/v1/orders/{id}/events"].contains(&it.path.as_str());
        match rule(&it.name()).expected {
            Expected::Public => {}
            _ if live => assert_ne!(status, 401, "{path}"),
            _ => assert_eq!(status, 401, "{path}"),
        }
    }
}

#[tokio::test]
async fn a_service_may_do_exactly_what_one_scope_allows() {
    let world = World::new().await;
    let writer = world.app.service_with("orders:write", &["*"]);
    let path = format!("/v1/orders/{}", world.order);
    world.app.post_order(&writer, "k", &order_for(&world.store)).await.expect(201);
    world.app.get(&path, &writer).await.expect_error(404, "NOT_FOUND");
    world.app.get("/v1/orders", &writer).await.expect_error(403, "FORBIDDEN");
    let reader = world.app.service_with("orders:read", &["*"]);
    world.app.get(&path, &reader).await.expect(200);
    let step = json!({"status": "accepted"});
    world.app.patch(&path, &reader, &step).await.expect_error(403, "FORBIDDEN");
    let nothing = world.app.service_with("", &["*"]);
    world.app.get(&path, &nothing).await.expect_error(404, "NOT_FOUND");
    let stores = world.app.get("/v1/stores", &nothing).await.expect(200);
    assert_eq!(stores["stores"], Value::Array(Vec::new()));
}
