//! What a socket may not do, and how it is told.

use std::time::Duration;

use orderwire::config::Span;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::{
    harness::{
        app::TestApp,
        client::Client,
        client::id,
        screen::Screen,
        wait::{PATIENCE, eventually},
    },
    live::{assert_alive, code},
};

#[tokio::test]
async fn a_frame_that_is_binary_or_too_large_ends_the_socket() {
    let app = TestApp::spawn().await;
    let mut screen = app.screen(&app.service(), "").await;
    screen.send_message(Message::binary(b"{\"type\":\"ping\"}".to_vec())).await;
    assert_eq!(screen.closed().await, 4501);

    let mut screen = app.screen(&app.service(), "").await;
    screen.send_text(format!(r#"{{"type":"ping","id":1{}}}"#, " ".repeat(4000))).await;
    assert_eq!(screen.expect("pong").await["id"], 1);
    screen.send_text(" ".repeat(4097)).await;
    assert_eq!(screen.closed().await, 4501);
}

#[tokio::test]
async fn a_client_that_talks_too_fast_is_sent_away() {
    let app = TestApp::with(|it| it.live.frames_per_second = 5).await;
    let mut screen = app.screen(&app.service(), "").await;
    // A burst of twice the rate is allowed.
    for _ in 0..10 {
        screen.send(&json!({"type": "ping"})).await;
    }
    for _ in 0..10 {
        screen.expect("pong").await;
    }
    for _ in 0..30 {
        // It may be closed before all are sent.
        drop(
            futures_util::SinkExt::send(screen.socket(), Message::text(r#"{"type":"ping"}"#)).await,
        );
    }
    assert_eq!(screen.closed().await, 4013);
}

#[tokio::test]
async fn one_socket_watches_so_many_topics_and_no_more() {
    let app = TestApp::with(|it| it.live.topics_per_socket = 2).await;
    let store = app.store().await;
    let mut screen = app.screen(&app.service(), "").await;
    let topic = format!("store:{store}");
    for topic in [&topic, "ops"] {
        assert_eq!(screen.subscribe(topic, None).await["type"], "subscribed");
    }
    assert_eq!(code(&screen.subscribe("customer:sara", None).await), "INVALID_INPUT");
    // What is watched already may be asked for again, and what is given up makes room.
    assert_eq!(screen.subscribe("ops", None).await["type"], "subscribed");
    screen.ask(json!({"type": "unsubscribe", "topic": topic})).await;
    assert_eq!(screen.subscribe("customer:sara", None).await["type"], "subscribed");
}

/// The answer to somebody who was not let in.
async fn refusal(client: &Client, token: &str) -> tungstenite::http::Response<Option<Vec<u8>>> {
    match client.try_screen("", Some(token)).await {
        Err(tungstenite::Error::Http(answer)) => *answer,
        other => panic!("it should have been refused: {:?}", other.map(|it| it.hello().clone())),
    }
}

/// A socket, once there is room: a place is given back a moment after its socket has gone.
async fn let_in(client: &Client, token: &str) -> Screen {
    eventually(async || client.try_screen("", Some(token)).await).await
}

#[tokio::test]
async fn a_full_node_says_when_to_come_back_before_the_upgrade() {
    for by_address in [false, true] {
        let app = TestApp::with(|it| {
            let live = &mut it.live;
            *(if by_address { &mut live.max_sockets_per_address } else { &mut live.max_sockets }) =
                2;
        })
        .await;
        let token = app.service();
        let (first, mut second) = (app.screen(&token, "").await, app.screen(&token, "").await);
        let answer = refusal(&app, &token).await;
        assert_eq!(answer.status(), 503);
        let seconds: u32 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds));
        let body: Value = serde_json::from_slice(answer.body().as_ref().unwrap()).unwrap();
        assert_eq!(body["error"]["code"], "UNAVAILABLE", "{body}");
        first.close().await;
        let_in(&app, &token).await;
        assert_alive(&mut second).await;
    }
}

#[tokio::test]
async fn a_socket_is_refused_without_a_good_token() {
    let app = TestApp::spawn().await;
    let expired = app.token(&json!({"role": "service", "exp": app.clock.now().as_second() - 60}));
    for token in ["", "nonsense", &expired] {
        let answer = refusal(&app, token).await;
        assert_eq!(answer.status(), 401, "{token}");
        assert!(answer.headers().contains_key("x-request-id"));
    }
    let Err(tungstenite::Error::Http(answer)) = app.try_screen("", None).await else {
        panic!("it opened without a token")
    };
    assert_eq!(answer.status(), 401);
    app.get("/v1/live", &app.service()).await.expect_error(426, "UPGRADE_REQUIRED");
}

#[tokio::test]
async fn a_socket_that_has_been_open_for_long_is_sent_away_to_come_back() {
    let app = TestApp::with(|it| {
        it.live.max_age = Span::secs(2);
        it.live.ping_every = Span::millis(400);
    })
    .await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let token = app.service();
    let begun = Instant::now();
    let mut screen = app.screen(&token, "").await;
    let farewell = screen.until(|it| it["type"] == "reconnect").await;
    assert_eq!(farewell["afterMs"], 0);
    assert_eq!(screen.closed().await, 4001);
    // A fifth of it earlier at most.
    assert!(Duration::from_millis(1600) <= begun.elapsed(), "{:?}", begun.elapsed());
    let mut screen = app.screen(&token, "").await;
    let subscribed = screen.subscribe(&format!("order:{}", id(&order)), Some(1)).await;
    assert_eq!(subscribed["resumed"], true, "{subscribed}");
}

/// Opens a socket by hand and never says a word again: not even the answers to pings.
async fn mute(client: &Client) -> TcpStream {
    let mut stream = TcpStream::connect(client.authority()).await.unwrap();
    let request = format!(
        "GET /v1/live HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: Upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        client.authority(),
        client.service(),
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_that_never_answers_is_given_up() {
    let app = TestApp::with(|it| {
        it.live.ping_every = Span::millis(100);
        it.live.idle_timeout = Span::millis(500);
    })
    .await;
    // A client that answers pings may be silent for ever.
    let mut quiet = app.screen(&app.service(), "").await;
    let mut mute = mute(&app).await;
    let mut heard = Vec::new();
    // The server hangs up by itself, though this client answers no close frame either.
    timeout(PATIENCE, async {
        tokio::select! {
            read = mute.read_to_end(&mut heard) => drop(read.unwrap()),
            // Reading is what answers pings.
            code = quiet.closed() => panic!("a good client was closed with {code}"),
        }
    })
    .await
    .expect("the silent client is still there");
    let reason = b"no answer";
    let at = heard.windows(reason.len()).position(|it| it == reason).expect("no close frame");
    assert_eq!(heard[at - 2..at], 4012_u16.to_be_bytes());
    let store = app.store().await;
    let order = app.place(&store).await;
    quiet.subscribe(&format!("order:{}", id(&order)), None).await;
}
