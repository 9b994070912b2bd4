//! The document that others generate their clients from.

mod examples;

use std::{collections::BTreeSet, fs, path::Path};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Client, answer, id, order_for, partner_order_for},
    folder::Folder,
    webhooks::status_body,
};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// One operation of the document.
pub struct Operation {
    /// `GET`…
    pub method: Method,
    /// With its parameters in braces.
    pub path: String,
    /// What stands there about it.
    pub about: Value,
}

impl Operation {
    /// `GET /v1/orders`
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The document as it is served.
pub async fn document(app: &Client) -> Value {
    answer(app.request(Method::GET, "/openapi.json")).await.expect(200)
}

/// All operations of a document.
pub fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|it| methods.get(**it).is_some()) {
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                about: methods[method].clone(),
            });
        }
    }
    operations
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn every_operation_says_what_a_caller_needs() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let tags = document["tags"].as_array().unwrap();
    let listed: Vec<_> = tags.iter().map(|it| it["name"].as_str().unwrap()).collect();
    let tags: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(tags.len(), listed.len(), "a tag is there twice: {listed:?}");
    let mut ids = BTreeSet::new();
    for it in operations(&document) {
        let (name, about) = (it.name(), &it.about);
        let tag = about["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(tag), "{name} has the tag {tag:?}");
        assert!(!about["summary"].as_str().unwrap_or_default().is_empty(), "{name} has no summary");
        let operation_id = about["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(operation_id.clone()), "{operation_id} stands there twice");
        let responses = about["responses"].as_object().unwrap();
        for (status, response) in responses {
            let said = response["description"].as_str().unwrap_or_default();
            assert!(!said.is_empty(), "{name}: {status} is not described");
            if "400" <= status.as_str() {
                let body = &response["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(body, "#/components/schemas/ErrorBody", "{name}: {status}");
            }
        }
        let is_public = about["security"] == json!([{}]);
        let fails = |status: &str| responses.contains_key(status);
        assert!(is_public || fails("401"), "{name} does not mention 401");
        assert!(about.get("requestBody").is_none() || fails("400"), "{name} does not mention 400");
        assert!(!it.path.contains('{') || fails("404"), "{name} does not mention 404");
        for parameter in it.path.split(['{', '}']).skip(1).step_by(2) {
            let declared = about["parameters"].as_array().into_iter().flatten();
            let mut named = declared.filter(|it| it["in"] == "path" && it["required"] == true);
            assert!(named.any(|it| it["name"] == parameter), "{name} does not explain {parameter}");
        }
    }
}

#[tokio::test]
async fn every_operation_describes_the_failures_of_every_request() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    for it in operations(&document) {
        let has_body = it.about.get("requestBody").is_some();
        let takes_json = has_body && it.about.get("security").is_none();
        let has_input = has_body || it.about.get("parameters").is_some();
        for (status, applies) in [
            ("400", has_input),
            ("408", has_body),
            ("413", has_body),
            ("415", takes_json),
            ("503", true),
        ] {
            let is_described = it.about["responses"].get(status).is_some();
            assert!(is_described || !applies, "{} does not mention {status}", it.name());
        }
        for parameter in it.about["parameters"].as_array().into_iter().flatten() {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let what = format!("{}: {name} in {parameter}", it.name());
            if name == "limit" {
                assert_eq!(
                    (&schema["minimum"], &schema["maximum"]),
                    (&json!(1), &json!(200)),
                    "{what}"
                );
            }
            if ["orderId", "storeId", "store"].contains(&name) {
                let text = schema.to_string();
                assert!(text.contains("/OrderId") || text.contains("/StoreId"), "{what}");
            }
            if ["from", "to"].contains(&name) {
                assert_eq!(schema["format"], "date-time", "{what}");
            }
        }
    }
}

#[tokio::test]
async fn others_find_the_document_valid() {
    // Installed by `tests/run`.
    let Some(python) = std::env::var_os("TEST_OPENAPI_PYTHON") else { return };
    let app = TestApp::spawn().await;
    let folder = Folder::new("openapi");
    let file = folder.path().join("openapi.json");
    fs::write(&file, document(&app).await.to_string()).unwrap();
    let arguments = ["-m", "openapi_spec_validator", "--errors", "all"];
    let run = tokio::process::Command::new(python).args(arguments).arg(&file).output().await;
    let run = run.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let mut open = vec![&document];
    let mut followed = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let target = reference.strip_prefix('#').and_then(|it| document.pointer(it));
                    assert!(target.is_some(), "{reference} leads nowhere");
                    followed += 1;
                }
                open.extend(fields.values());
            }
            _ => {}
        }
    }
    assert!(100 < followed, "{followed}");
}

#[tokio::test]
async fn every_handler_of_the_api_is_in_the_document() {
    let app = TestApp::spawn().await;
    let mut handlers = 0;
    let mut folders = vec![root().join("src/http")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let text = fs::read_to_string(entry.path()).unwrap();
            handlers += text.matches("#[utoipa::path(").count();
            let inside =
                ["/v1/", "/live/"].iter().any(|it| entry.path().display().to_string().contains(it));
            assert!(!inside || !text.contains(".route("), "{:?} hides a route", entry.path());
        }
    }
    assert_eq!(operations(&document(&app).await).len(), handlers);
}

#[tokio::test]
async fn names_and_addresses_stay_what_clients_were_generated_from() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let lines = operations(&document).into_iter().map(|it| {
        let operation_id = it.about["operationId"].as_str().unwrap().to_owned();
        format!("{} = {operation_id}\n", it.name())
    });
    let is = lines.collect::<String>();
    let was = fs::read_to_string(root().join("tests/fixtures/openapi.txt")).unwrap();
    assert_eq!(is, was, "if that is meant, write to tests/fixtures/openapi.txt:\n{is}");
}

/// Checks a value against one schema of the document.
fn assert_valid(document: &Value, name: &str, value: &Value) {
    let schema = json!({"$ref": format!("#/components/schemas/{name}")});
    assert_fits(document, name, &schema, value);
}

/// Checks a value against a schema that stands somewhere in the document.
fn assert_fits(document: &Value, name: &str, schema: &Value, value: &Value) {
    let mut schema = schema.clone();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["components"] = document["components"].clone();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let fault = |it: jsonschema::ValidationError<'_>| format!("{}: {it}", it.instance_path());
    let faults: Vec<_> = schema.iter_errors(value).map(fault).collect();
    assert!(faults.is_empty(), "{name}: {faults:#?} in {value}");
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let store = app.store().await;
    let (token, link) = (app.service(), "tracking-link");
    let body = partner_order_for(&store, "careem", "c1");
    assert_valid(&document, "NewOrder", &body);
    let order = app.place_as(&token, &body).await;
    app.deliver(&app.webhook("careem", "", &status_body("careem", "c1", "abducted"))).await;
    app.step(id(&order), &["accepted", "preparing", "ready"]).await;
    let path = format!("/v1/orders/{}", id(&order));
    let tracked = app.tracking_link(id(&order)).await;
    let failed = app.post_order(&token, "k", &json!({"storeId": store})).await;
    let listed = app.get("/v1/orders", &token).await;
    let mut cases = vec![
        ("ErrorBody", failed),
        ("OrderList", listed),
        ("Order", app.get(&path, &token).await),
        ("Order", app.get(&path, &tracked).await),
        ("Order", app.get(&path, &app.customer("sara")).await),
        ("HistoryBody", app.get(&format!("{path}/history"), &token).await),
        ("TrackingLink", app.post(&format!("{path}/{link}"), &token, &json!({})).await),
        ("StoreList", app.get("/v1/stores", &token).await),
        ("Store", app.get(&format!("/v1/stores/{store}"), &token).await),
        ("StatsBody", app.get(&format!("/v1/stores/{store}/stats"), &token).await),
        ("StoreRules", app.get(&format!("/v1/stores/{store}/notifications"), &token).await),
        ("InboxList", app.get("/v1/webhooks/inbox", &token).await),
        ("FreshToken", app.post("/v1/token/renew", &token, &json!({})).await),
        ("SchemaList", app.get("/v1/schemas", &token).await),
    ];
    let mut invalid = order_for(&store);
    invalid["items"][0]["quantity"] = json!(0);
    cases.push(("ErrorBody", app.post_order(&token, "k", &invalid).await));
    for (name, answer) in cases {
        assert_valid(&document, name, &answer.json);
    }
}
