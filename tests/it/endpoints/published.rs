//! What is sent, judged by the packages that the makers of Standard Webhooks publish: from PyPI and from npm.
//!
//! `TEST_STANDARDWEBHOOKS` names a folder with a virtual environment `py` that has the one, and `node/node_modules` with the other
//! where there is node; `tests/run` makes it. Without it this test passes itself over.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    endpoints::{SECRET, app, register},
    harness::{
        client::id,
        stand_in::{Heard, StandIn},
    },
};

fn folder() -> Option<PathBuf> {
    std::env::var_os("TEST_STANDARDWEBHOOKS").map(PathBuf::from)
}

/// What a program says to a list of webhooks.
fn judged(mut judge: Command, webhooks: &[Value]) -> Vec<bool> {
    let mut judge = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let list = serde_json::to_vec(webhooks).unwrap();
    judge.stdin.take().unwrap().write_all(&list).unwrap();
    let said = judge.wait_with_output().unwrap();
    assert!(said.status.success());
    serde_json::from_slice(&said.stdout).unwrap()
}

fn judges(folder: &Path) -> Vec<Command> {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let mut python = Command::new(folder.join("py/bin/python"));
    python.arg(clients.join("verify_webhooks.py"));
    let mut judges = vec![python];
    let modules = folder.join("node/node_modules");
    if modules.exists() {
        let mut node = Command::new("node");
        node.env("NODE_PATH", modules).arg(clients.join("verify_webhooks.js"));
        judges.push(node);
    }
    judges
}

fn webhook(heard: &Heard, secret: &str, body: &[u8]) -> Value {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .map(|it| (it.to_owned(), json!(heard.headers[it].to_str().unwrap())));
    let headers = Value::Object(headers.into_iter().collect());
    json!({"secret": secret, "headers": headers, "body": STANDARD.encode(body)})
}

#[tokio::test]
async fn the_published_packages_believe_what_is_sent_and_nothing_else() {
    let Some(folder) = folder() else { return };
    let (pos, till) = (StandIn::spawn(&[]).await, StandIn::spawn(&[]).await);
    let app = app().await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({})).await;
    register(&app, &till, json!({"format": "cloudevents"})).await;
    app.place(&store).await;
    let first = pos.until(1).await.remove(0);
    let cloud = till.until(1).await.remove(0);
    let rotate = format!("/v1/endpoints/{}/secret/rotate", id(&hooked));
    let rotated = app.post(&rotate, &app.service(), &json!({})).await.expect(200);
    let new = rotated["secret"].as_str().unwrap();
    app.place(&store).await;
    let second = pos.until(2).await.remove(1);
    let ping = format!("/v1/endpoints/{}/ping", id(&hooked));
    app.post(&ping, &app.service(), &json!({})).await.expect(200);
    let ping = pos.until(3).await.remove(2);
    let forged = String::from_utf8(first.body.to_vec()).unwrap().replace("placed", "delivered");
    let cases = [
        (webhook(&first, SECRET, &first.body), true),
        (webhook(&cloud, SECRET, &cloud.body), true),
        // While one secret follows the other, whoever knows one of them believes it.
        (webhook(&second, SECRET, &second.body), true),
        (webhook(&second, new, &second.body), true),
        (webhook(&ping, new, &ping.body), true),
        (webhook(&first, new, &first.body), false),
        (webhook(&first, SECRET, forged.as_bytes()), false),
        (webhook(&second, SECRET, &first.body), false),
    ];
    let (webhooks, believed): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    for judge in judges(&folder) {
        let name = format!("{judge:?}");
        assert_eq!(judged(judge, &webhooks), believed, "{name}");
    }
}
