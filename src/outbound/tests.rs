//! The client, over real sockets.

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Method, header::HeaderMap};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

use crate::{
    base::{circuit_breaker::CircuitState, clock::Clock},
    config::{self, Span},
    outbound::{Attempt, Body, Client, Exchange, Request, Verdict},
};

/// A server that says the same to everybody, byte for byte, and then nothing more.
struct Server {
    address: String,
    _serving: JoinSet<()>,
}

impl Server {
    async fn saying(words: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut head = [0; 4096];
                let _read = socket.read(&mut head).await.unwrap();
                // Who has heard enough goes away.
                let _gone = socket.write_all(&words).await;
                open.push(socket);
            }
        });
        Self { address, _serving: serving }
    }

    fn request(&self) -> Request {
        Request {
            method: Method::PUT,
            url: format!("http://{}/orders/1?key=t0psecret", self.address).parse().unwrap(),
            headers: HeaderMap::new(),
            body: Body::Plain(Bytes::from_static(b"{}")),
        }
    }
}

fn settings() -> config::Outbound {
    config::Outbound {
        timeout: Span::millis(300),
        answer_bytes: 1024,
        breaker_failures: 2,
        breaker_rest: Span::secs(10),
        ..config::Outbound::default()
    }
}

fn client(clock: &Clock) -> Client {
    Client::new(&settings(), clock.clone()).unwrap()
}

fn clock() -> Clock {
    Clock::frozen("2026-11-20T18:00:00Z".parse::<Timestamp>().unwrap())
}

#[track_caller]
fn made(attempt: Attempt) -> Exchange {
    match attempt {
        Attempt::Made(exchange) => *exchange,
        Attempt::Spared(until) => panic!("spared until {until}"),
    }
}

#[tokio::test]
async fn nobody_sends_us_elsewhere() {
    let elsewhere = Server::saying(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let location = format!("http://{}/", elsewhere.address);
    let moved = format!("HTTP/1.1 307 Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let server = Server::saying(moved.into_bytes()).await;
    let exchange = made(client(&clock()).send("careem", server.request()).await);
    assert_eq!((exchange.answer.unwrap().status.as_u16(), exchange.verdict), (307, Verdict::Never));
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let mut words = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    words.extend(vec![b'x'; 100_000]);
    let server = Server::saying(words).await;
    let exchange = made(client(&clock()).send("careem", server.request()).await);
    assert_eq!(exchange.answer.unwrap().body.len(), 1024);
    assert_eq!(exchange.verdict, Verdict::Done);
}

#[tokio::test]
async fn who_says_nothing_is_given_up_and_the_reason_names_no_secret() {
    for words in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"] {
        let server = Server::saying(words.to_vec()).await;
        let exchange = made(client(&clock()).send("careem", server.request()).await);
        assert_eq!(exchange.verdict, Verdict::Again { not_before: None });
        let why = exchange.answer.unwrap_err();
        assert!(!why.is_empty() && !why.contains("t0psecret"), "{why}");
    }
}

#[tokio::test]
async fn a_host_that_fails_is_spared_for_everybody_who_would_ask_it_and_for_nobody_else() {
    let clock = clock();
    let client = client(&clock);
    let down = Server::saying(b"HTTP/1.1 503 Down\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let well = Server::saying(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    for _ in 0..2 {
        made(client.send("careem", down.request()).await);
        // Who says that we are wrong is there.
        made(client.send("careem", well.request()).await);
    }
    let until = clock.now() + jiff::SignedDuration::from_secs(10);
    let spared = client.send("careem", down.request()).await;
    assert!(matches!(spared, Attempt::Spared(it) if it == until), "{spared:?}");
    made(client.send("talabat", down.request()).await);
    made(client.send("careem", well.request()).await);
    assert_eq!(client.circuits("careem"), [(down.address.clone(), CircuitState::Open)]);
    clock.advance(*settings().breaker_rest);
    assert_eq!(client.circuits("careem"), [(down.address.clone(), CircuitState::HalfOpen)]);
    made(client.send("careem", down.request()).await);
    assert!(matches!(client.send("careem", down.request()).await, Attempt::Spared(_)));
}
