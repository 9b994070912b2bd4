//! A server that is asked to end.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::tungstenite;

use crate::harness::{
    client::{id, order_for},
    process::Process,
    screen::Screen,
    wait::PATIENCE,
};

const SOCKETS: u64 = 20;

/// What a socket is told at the end: its `reconnect` frame's delay. The close follows.
async fn farewell(mut screen: Screen) -> u64 {
    let reconnect = screen.until(|it| it["type"] == "reconnect").await;
    assert_eq!(screen.closed().await, 4001);
    reconnect["afterMs"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_socket_is_told_when_to_come_back_and_the_process_ends_well() {
    let mut server = Process::spawn(&["live.drain_window=4s", "workers.shutdown_grace=10s"]).await;
    let store = server.store().await;
    let order = server.place(&store).await;
    let mut screens = Vec::new();
    for number in 0..SOCKETS {
        let mut screen = server.screen(&server.service(), "").await;
        if number % 2 == 0 {
            screen.subscribe(&format!("order:{}", id(&order)), None).await;
        }
        screens.push(screen);
    }
    let begun = Instant::now();
    server.signal("TERM").await;
    let mut delays = Vec::new();
    for screen in screens {
        delays.push(farewell(screen).await);
    }
    delays.sort_unstable();
    // Spread over the window, not all at once.
    assert!(delays.iter().all(|it| *it < 4000), "{delays:?}");
    let distinct: std::collections::BTreeSet<_> = delays.iter().collect();
    assert_eq!(distinct.len() as u64, SOCKETS, "{delays:?}");
    assert!(delays[0] < 400 && 3600 <= *delays.last().unwrap(), "{delays:?}");
    assert!(server.terminated().await.success());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());

    // Whoever comes back finds the server and its order again.
    server.restart().await;
    let mut screen = server.screen(&server.service(), "").await;
    let subscribed = screen.subscribe(&format!("order:{}", id(&order)), Some(1)).await;
    assert_eq!(subscribed["resumed"], true, "{subscribed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_its_turn_a_socket_is_shown_everything_and_requests_are_answered() {
    let mut server = Process::spawn(&["live.drain_window=8s"]).await;
    let store = server.store().await;
    let order = server.place(&store).await;
    let token = server.service();
    let mut screens = Vec::new();
    for _ in 0..4 {
        let mut screen = server.screen(&token, "").await;
        screen.subscribe(&format!("order:{}", id(&order)), None).await;
        screens.push(screen);
    }
    server.signal("TERM").await;
    let mut turns = Vec::new();
    for screen in &mut screens {
        let told = screen.until(|it| it["type"] == "reconnect").await;
        turns.push(told["afterMs"].as_u64().unwrap());
    }
    let last = turns.iter().position(|it| it == turns.iter().max().unwrap()).unwrap();
    let mut last = screens.swap_remove(last);

    let ready = server.get("/readyz", "").await;
    assert_eq!((ready.status, &ready.json["draining"]), (503, &json!(true)));
    let refused = server.try_screen("", Some(&token)).await;
    let Err(tungstenite::Error::Http(answer)) = refused else { panic!("it was let in") };
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    server.step(id(&order), &["accepted"]).await;
    last.until_version(id(&order), 2).await;
    assert_eq!(last.closed().await, 4001);
    for mut screen in screens {
        assert_eq!(screen.closed().await, 4001);
    }
    assert!(server.terminated().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_waits_for_no_turn_of_those_who_have_gone_and_a_second_signal_for_nobody() {
    let mut server = Process::spawn(&["live.drain_window=10m"]).await;
    let mut screens = Vec::new();
    for _ in 0..3 {
        screens.push(server.screen(&server.service(), "").await);
    }
    server.signal("TERM").await;
    for mut screen in screens {
        screen.until(|it| it["type"] == "reconnect").await;
        screen.close().await;
    }
    assert!(server.terminated().await.success());

    server.restart().await;
    let mut screens = [(); 2].map(|()| None);
    for screen in &mut screens {
        *screen = Some(server.screen(&server.service(), "").await);
    }
    server.signal("TERM").await;
    for screen in screens.iter_mut().flatten() {
        screen.until(|it| it["type"] == "reconnect").await;
    }
    server.signal("TERM").await;
    assert_eq!(server.terminated().await.code(), Some(1));
}

/// A request whose body is half sent, and what it takes to finish it.
async fn half_sent(server: &Process, body: &Value) -> (TcpStream, String) {
    let body = body.to_string();
    let (now, later) = body.split_at(body.len() / 2);
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nidempotency-key: half\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{now}",
        server.authority(),
        server.service(),
        body.len(),
    );
    let mut stream = TcpStream::connect(server.authority()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    (stream, later.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_is_answered_before_the_end() {
    let mut server = Process::spawn(&["live.drain_window=0ms"]).await;
    let store = server.store().await;
    let screen = server.screen(&server.service(), "").await;
    let (mut stream, rest) = half_sent(&server, &order_for(&store)).await;
    // The server has seen the head for sure once it has answered another request on another connection.
    let _seen = server.place(&store).await;
    server.signal("TERM").await;
    // The sockets are told first, so that the shutdown is well under way now.
    farewell(screen).await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays open: {answer}");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(server.terminated().await.success());

    server.restart().await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let order: Value = serde_json::from_str(body).unwrap();
    assert_eq!(server.order(id(&order)).await["status"], json!("placed"));
}
