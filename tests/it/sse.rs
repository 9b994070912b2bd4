//! One order as server-sent events.

use std::process::Stdio;

use orderwire::config::Span;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::harness::{
    app::TestApp,
    client::{Client, id},
    wait::PATIENCE,
};

/// One message of a stream.
#[derive(Debug, Default, PartialEq)]
struct Message {
    event: String,
    id: String,
    data: Value,
    comment: bool,
}

/// Reads a stream message by message.
struct Reader {
    response: Response,
    text: String,
}

impl Reader {
    async fn open(client: &Client, order: &str, token: &str, last: Option<&str>) -> Self {
        let request = client.request(Method::GET, &format!("/v1/orders/{order}/events"));
        let request = last.into_iter().fold(request, |it, last| it.header("last-event-id", last));
        let response = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// The next one, comments included; `None` when the stream has ended.
    async fn any(&mut self) -> Option<Message> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let message = parse(message);
                self.text = rest.to_owned();
                return Some(message);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("nothing comes");
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    async fn next(&mut self) -> Message {
        loop {
            let message = self.any().await.expect("the stream has ended");
            if !message.event.is_empty() {
                return message;
            }
        }
    }
}

fn parse(text: &str) -> Message {
    let mut message = Message::default();
    for line in text.lines() {
        match line.split_once(':') {
            Some(("event", value)) => message.event = value.trim().to_owned(),
            Some(("id", value)) => message.id = value.trim().to_owned(),
            Some(("data", value)) => message.data = serde_json::from_str(value).unwrap(),
            Some(("", _)) => message.comment = true,
            _ => {}
        }
    }
    message
}

#[tokio::test]
async fn a_stream_begins_with_the_state_and_follows_every_change() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let link = app.tracking_link(id(&order)).await;
    let mut stream = Reader::open(&app, id(&order), &link, None).await;
    let headers = stream.response.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-accel-buffering"], "no");
    let first = stream.next().await;
    assert_eq!((first.event.as_str(), first.id.as_str()), ("snapshot", "1"));
    assert_eq!(first.data["order"]["status"], "placed");
    assert_eq!(first.data["order"]["address"], json!({"area": "Abdoun", "city": "Amman"}));

    app.step(id(&order), &["accepted", "preparing"]).await;
    for (version, status) in [("2", "accepted"), ("3", "preparing")] {
        let message = stream.next().await;
        assert_eq!((message.event.as_str(), message.id.as_str()), ("OrderStatusChanged", version));
        assert_eq!(message.data["data"]["status"], status);
        assert_eq!(message.data["data"]["order"]["status"], status);
    }
}

#[tokio::test]
async fn a_stream_that_comes_back_is_sent_what_it_missed() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let order = id(&order);
    app.step(order, &["accepted", "preparing", "ready"]).await;
    let last = app.order(order).await["version"].as_u64().unwrap();
    let mut stream = Reader::open(&app, order, &app.service(), Some("2")).await;
    for version in 3..=last {
        assert_eq!(stream.next().await.id, version.to_string());
    }
    // One that has missed nothing hears only what is new, one that knows too much begins again.
    let mut newest = Reader::open(&app, order, &app.service(), Some(&last.to_string())).await;
    let mut beyond = Reader::open(&app, order, &app.service(), Some("99")).await;
    assert_eq!(beyond.next().await.event, "snapshot");
    app.step(order, &["out_for_delivery"]).await;
    for stream in [&mut stream, &mut newest, &mut beyond] {
        assert_eq!(stream.next().await.id, (last + 1).to_string());
    }
}

#[tokio::test]
async fn a_stream_is_for_those_who_may_see_the_order() {
    let app = TestApp::spawn().await;
    let (here, elsewhere) = (app.store().await, app.store().await);
    let order = app.place(&here).await;
    let path = format!("/v1/orders/{}/events", id(&order));
    for token in [app.customer("tom"), app.staff(&elsewhere), app.courier("omar")] {
        app.get(&path, &token).await.expect_error(404, "NOT_FOUND");
    }
    app.get(&path, "nonsense").await.expect_error(401, "UNAUTHENTICATED");
    app.get(&format!("{path}?channel=kitchen"), &app.customer("sara"))
        .await
        .expect_error(403, "FORBIDDEN");
    let odd =
        app.request(Method::GET, &path).bearer_auth(app.service()).header("last-event-id", "x");
    crate::harness::client::answer(odd).await.expect_error(400, "INVALID_INPUT");
    let unknown = "/v1/orders/ord_00000000000070008000000000000000/events";
    app.get(unknown, &app.service()).await.expect_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_quiet_stream_says_now_and_then_that_it_lives() {
    let app = TestApp::with(|it| it.live.ping_every = Span::millis(200)).await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let mut stream = Reader::open(&app, id(&order), &app.service(), None).await;
    assert_eq!(stream.next().await.event, "snapshot");
    assert!(stream.any().await.unwrap().comment);
    let ending = app.shut_down();
    tokio::join!(ending, async { while stream.any().await.is_some() {} });
}

#[tokio::test]
async fn curl_follows_an_order() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let token = app.tracking_link(id(&order)).await;
    let mut curl = Command::new("curl")
        .args(["--silent", "--no-buffer", "--max-time", "30"])
        .arg(app.url(&format!("/v1/orders/{}/events?token={token}", id(&order))))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the tests need curl: apt-get install curl");
    let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
    let mut wait_for = async |wanted: &str| {
        let found = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.trim_end() == wanted {
                    return;
                }
            }
            panic!("the stream ended before {wanted:?}");
        };
        timeout(PATIENCE, found).await.expect(wanted);
    };
    wait_for("event: snapshot").await;
    app.step(id(&order), &["accepted"]).await;
    wait_for("event: OrderStatusChanged").await;
    wait_for("id: 2").await;
}
