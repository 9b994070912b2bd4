//! Operators' own partners: a TOML file, put into a folder while the server runs.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Client, id},
    folder::Folder,
    third_party::Written,
    wait::eventually,
    webhooks::{Call, Signer, mac},
};

const SECRET: &str = "what-nashmi-and-we-know";

/// One of the examples that come with the documentation.
fn example(name: &str) -> String {
    let path = format!("{}/docs/adapters/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}

fn told(order: &str, status: &str) -> Call {
    let body = json!({
        "id": "n-1", "reference": order, "status": status, "updated_at": "2026-11-20T18:29:00Z",
        "driver": {"id": 7, "name": "Omar", "phone": "+962790000001"},
    });
    let body = body.to_string().into_bytes();
    let signature = mac(SECRET.as_bytes(), &body, Written::Hex, Signer::Openssl);
    let headers = vec![("x-nashmi-signature".to_owned(), format!("sha256={signature}"))];
    Call { partner: "nashmi".to_owned(), headers, body }
}

async fn trust(app: &Client) {
    let body = json!({"label": "Nashmi", "secret": SECRET});
    eventually(async || {
        let answer = app.post("/v1/partners/nashmi/credentials", &app.service(), &body).await;
        if answer.status == 201 { Ok(()) } else { Err(answer) }
    })
    .await;
}

async fn until_answered(app: &Client, call: &Call, status: u16) {
    eventually(async || {
        let answer = app.deliver(call).await;
        if answer.status == status { Ok(()) } else { Err(answer) }
    })
    .await;
}

#[tokio::test]
async fn a_new_partner_is_added_with_a_file_while_the_server_runs() {
    let folder = Folder::new("adapters");
    let app = TestApp::with(|it| it.adapters_dir = Some(folder.path().to_owned())).await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let order = id(&order);
    app.deliver(&told(order, "assigned")).await.expect_error(404, "NOT_FOUND");
    fs::write(folder.path().join("nashmi.toml"), example("nashmi")).unwrap();
    trust(&app).await;
    let mut screen = app.screen(&app.service(), "").await;
    screen.subscribe(&format!("order:{order}"), None).await;
    let answer = app.deliver(&told(order, "picked_up")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
    let frame = screen
        .until(|it| {
            it["type"] == "event" && it["event"]["data"]["order"]["status"] == "out_for_delivery"
        })
        .await;
    let delivery = &frame["event"]["data"]["order"]["delivery"];
    assert_eq!(delivery["courier"]["id"], "nashmi:7", "{frame}");
    let mut forged = told(order, "delivered");
    forged.body = told(order, "returned").body;
    app.deliver(&forged).await.expect_error(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_file_with_a_fault_leaves_its_last_good_version_in_force() {
    let folder = Folder::new("adapters");
    let file = folder.path().join("nashmi.toml");
    fs::write(&file, example("nashmi")).unwrap();
    let app = TestApp::with(|it| it.adapters_dir = Some(folder.path().to_owned())).await;
    trust(&app).await;
    app.deliver(&told("n-2", "assigned")).await.expect(200);
    fs::write(&file, "slug = \"nashmi\"\nschemes = 7\n").unwrap();
    eventually(async || {
        let faulty = app.metric("orderwire_adapters_faulty", &[]).await;
        if faulty == Some(1.0) { Ok(()) } else { Err(faulty) }
    })
    .await;
    app.deliver(&told("n-3", "assigned")).await.expect(200);
    let renamed = example("nashmi").replace("x-nashmi-signature", "x-nashmi-proof");
    fs::write(&file, renamed).unwrap();
    until_answered(&app, &told("n-4", "assigned"), 401).await;
    fs::remove_file(&file).unwrap();
    until_answered(&app, &told("n-5", "assigned"), 404).await;
}

#[tokio::test]
async fn the_path_says_what_a_call_is_about() {
    let app = TestApp::with(|it| {
        let secrets = vec!["deliverect-secret".into()];
        let partner = orderwire::config::Partner { secrets, ..Default::default() };
        it.partners.insert("deliverect".to_owned(), partner);
    })
    .await;
    let store = app.store().await;
    let placed = app
        .place_as(
            &app.service(),
            &crate::harness::client::partner_order_for(&store, "deliverect", "CH-1"),
        )
        .await;
    // The same body to two paths is two calls.
    let body: Value = json!({"channelOrderId": "CH-1", "status": 90});
    for (rest, outcome) in [("status", "ignored"), ("courier", "applied")] {
        let body = body.to_string();
        let signature = mac(b"deliverect-secret", body.as_bytes(), Written::Hex, Signer::Openssl);
        let request = app
            .request(reqwest::Method::PUT, &format!("/v1/webhooks/deliverect/{rest}"))
            .header("x-server-authorization-hmac-sha256", signature)
            .body(body);
        assert_eq!(crate::harness::client::answer(request).await.status, 200);
        eventually(async || {
            let calls = crate::webhooks::calls(&app, &format!("outcome={outcome}")).await;
            if calls.len() == 1 { Ok(()) } else { Err(calls) }
        })
        .await;
    }
    app.until_status(id(&placed), "delivered").await;
}
