//! The opening handshake, by hand (RFC 6455 section 4.2).

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{app::TestApp, client::Client};

/// The headers of a good handshake, with the key of RFC 6455, section 1.3.
const GOOD: [&str; 4] = [
    "upgrade: websocket",
    "connection: Upgrade",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// The head of the answer, in small letters but for what the key has become.
async fn shake(client: &Client, line: &str, headers: &[&str]) -> String {
    let mut stream = TcpStream::connect(client.authority()).await.unwrap();
    let mut request = format!("{line}\r\nhost: here\r\nauthorization: Bearer {}", client.service());
    for header in headers {
        request = format!("{request}\r\n{header}");
    }
    stream.write_all(format!("{request}\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the server says nothing"));
    }
    String::from_utf8(head).unwrap()
}

/// The good headers, this one replaced or taken away.
fn with(name: &str, header: &'static str) -> Vec<&'static str> {
    let others = GOOD.into_iter().filter(|it| !it.starts_with(name));
    others.chain([header]).filter(|it| !it.is_empty()).collect()
}

#[tokio::test]
async fn a_good_handshake_is_taken_however_it_is_spelt_and_nothing_that_it_offers() {
    let app = TestApp::spawn().await;
    let offers = "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\
                  sec-websocket-protocol: graphql-ws, chat";
    for headers in [
        GOOD.to_vec(),
        with("upgrade", "Upgrade: WebSocket"),
        with("connection", "Connection: keep-alive, upgrade"),
        with("nothing", offers),
    ] {
        let head = shake(&app, "GET /v1/live HTTP/1.1", &headers).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{headers:?}: {head}");
        assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
        for header in ["upgrade: websocket\r\n", "connection: upgrade\r\n"] {
            assert!(head.contains(header), "{head}");
        }
        for header in ["sec-websocket-extensions", "sec-websocket-protocol"] {
            assert!(!head.contains(header), "{head}");
        }
    }
}

#[tokio::test]
async fn whoever_does_not_speak_our_websocket_is_told_what_is_spoken_here() {
    let app = TestApp::spawn().await;
    let get = "GET /v1/live HTTP/1.1";
    for (line, headers) in [
        (get, with("upgrade", "")),
        (get, with("upgrade", "upgrade: h2c")),
        (get, with("connection", "")),
        (get, with("connection", "connection: keep-alive")),
        (get, with("sec-websocket-version", "")),
        (get, with("sec-websocket-version", "sec-websocket-version: 8")),
        (get, with("sec-websocket-version", "sec-websocket-version: 13, 8")),
        ("GET /v1/live HTTP/1.0", GOOD.to_vec()),
    ] {
        let head = shake(&app, line, &headers).await;
        assert!(head[8..].starts_with(" 426 "), "{line} {headers:?}: {head}");
        let told = ["upgrade: websocket\r\n", "sec-websocket-version: 13\r\n"];
        assert!(told.iter().all(|it| head.contains(it)), "{line} {headers:?}: {head}");
        let connection = head.lines().find_map(|it| it.strip_prefix("connection: "));
        assert!(connection.is_some_and(|it| it.contains("upgrade")), "{head}");
        assert!(!head.contains("sec-websocket-accept"), "{head}");
    }
}

#[tokio::test]
async fn a_handshake_needs_one_key_of_sixteen_bytes() {
    let app = TestApp::spawn().await;
    for key in [
        "",
        "sec-websocket-key:",
        "sec-websocket-key: the sample nonce",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25j",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZSE=",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ] {
        let head = shake(&app, "GET /v1/live HTTP/1.1", &with("sec-websocket-key", key)).await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{key}: {head}");
        assert!(!head.contains("upgrade") && !head.contains("sec-websocket"), "{key}: {head}");
    }
}
