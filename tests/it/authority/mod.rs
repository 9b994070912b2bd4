//! Who may do what: every operation of the document, asked by everybody there is.

mod table;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    authority::table::{Asked, EVERYBODY, Expected, RULES, Rule},
    harness::{
        app::TestApp,
        client::{Answer, Client, answer, id, order_for},
        folder::unique,
        tokens::{ALL_SCOPES, SECRET, sign},
        wait::eventually,
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

/// Nobody has been told anything.
const NO_PARTNER_CALL: &str = "pcl_00000000000000000000000000000000";
const NO_NOTIFICATION: &str = "ntf_00000000000000000000000000000000";

/// A store with an order that Sara placed and Omar carries, another store, and a stored call.
struct World {
    app: TestApp,
    store: String,
    elsewhere: String,
    order: String,
    other_order: String,
    call: String,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let (store, elsewhere) = (app.store().await, app.store().await);
        let other_order = id(&app.place(&elsewhere).await).to_owned();
        let order = id(&app.place(&store).await).to_owned();
        let mut world = Self { app, store, elsewhere, order, other_order, call: String::new() };
        world.give_to_omar(&world.order).await;
        let calls = world.app.get("/v1/webhooks/inbox", &world.app.service()).await.expect(200);
        id(&calls["calls"][0]).clone_into(&mut world.call);
        let (path, body) = ("/v1/mappings/careem/stores/named", json!({"storeId": world.store}));
        world.app.put(path, &world.app.service(), &body).await.expect(200);
        let body = json!({"decision": "withdrawn", "source": "counter"});
        let path = "/v1/contacts/+962799000009/consents";
        world.app.post(path, &world.app.service(), &body).await.expect(200);
        world
    }

    async fn give_to_omar(&self, order: &str) {
        let body = json!({"type": "delivery.status", "data": {
            "orderId": order, "status": "assigned", "courier": {"id": "omar"},
        }});
        self.app.deliver(&self.app.webhook("generic", order, &body)).await.expect(200);
        eventually(async || {
            let order = self.app.order(order).await;
            if order["delivery"]["status"] == "assigned" { Ok(()) } else { Err(order) }
        })
        .await;
    }

    /// The order that a rule's request is about: a fresh one where the request would spoil it for the next.
    async fn order_for(&self, rule: &Rule) -> String {
        if rule.stage.is_empty() {
            return self.order.clone();
        }
        let order = id(&self.app.place(&self.store).await).to_owned();
        self.give_to_omar(&order).await;
        self.app.step(&order, rule.stage).await;
        order
    }

    async fn token(&self, who: Asked, rule: &Rule, order: &str) -> String {
        let app: &Client = &self.app;
        let everywhere = &["*"];
        match who {
            Asked::Owner => app.customer("sara"),
            Asked::Customer => app.customer("rana"),
            Asked::Carrier => app.courier("omar"),
            Asked::Courier => app.courier("zaid"),
            Asked::Link => app.tracking_link(order).await,
            Asked::OtherLink => app.tracking_link(&self.other_order).await,
            Asked::Staff => app.staff(&self.store),
            Asked::StaffElsewhere => app.staff(&self.elsewhere),
            Asked::Headquarters => app.headquarters(""),
            Asked::HeadquartersWithScopes => app.headquarters(ALL_SCOPES),
            Asked::Service => app.service(),
            Asked::ServiceElsewhere => app.service_with(ALL_SCOPES, &[&self.elsewhere]),
            Asked::ServiceWithoutScope => {
                let words = ALL_SCOPES.split(' ').filter(|it| *it != rule.scope);
                app.service_with(&words.collect::<Vec<_>>().join(" "), everywhere)
            }
        }
    }

    /// Sends the operation's request; the answer's body only where it ends.
    async fn ask(&self, it: &Operation, rule: &Rule, order: &str, token: Option<&str>) -> Answer {
        let thing = match it.path.as_str() {
            path if path.starts_with("/v1/stores") => &self.store,
            path if path.starts_with("/v1/webhooks") => &self.call,
            path if path.contains("/credentials") => "crd_00000000000000000000000000000000",
            path if path.starts_with("/v1/partners") => NO_PARTNER_CALL,
            path if path.starts_with("/v1/notifications") => NO_NOTIFICATION,
            _ => order,
        };
        let path = it.path.replace("{id}", thing).replace("{partner}", "careem");
        let path = path.replace("{event_type}", "OrderCreated").replace("{rest}", "order");
        let name = if it.method == Method::DELETE { "nameless" } else { "named" };
        let path = path.replace("{external_id}", name).replace("{name}", "order_ready");
        let phone = if it.method == Method::DELETE { "+962799000008" } else { "+962799000009" };
        let path = path.replace("{phone}", phone);
        let mut request = self.app.request(it.method.clone(), &path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if it.method != Method::GET {
            let body = match rule.body {
                "order" => {
                    let mut order = order_for(&self.store);
                    order["customer"] = json!({});
                    order
                }
                "store" => json!({"name": {"en": "New"}}),
                "store_id" => json!({"storeId": self.store}),
                text => serde_json::from_str(text).unwrap(),
            };
            request = request.header("idempotency-key", unique()).json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let endless = it.path.ends_with("/events") && status == 200;
        let body = if endless { Vec::new() } else { response.bytes().await.unwrap().to_vec() };
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status, headers, body: body.into(), json }
    }
}

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
    let strangers = [Asked::Customer, Asked::Courier, Asked::OtherLink, Asked::StaffElsewhere];
    for it in operations(&document(&world.app).await) {
        let rule = rule(&it.name());
        for who in strangers {
            let token = world.token(who, rule, &world.order).await;
            world.ask(&it, rule, &world.order, Some(&token)).await;
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
