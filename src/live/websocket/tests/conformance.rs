//! The framing against the conformance cases, and against suites that are not ours.

use tokio::net::TcpListener;

use crate::live::websocket::tests::{echo::echo, played::Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_framing_conforms_to_rfc_6455() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let target = "/".to_owned();
    let server = Server { authority, target, answers: |it| it, hears: Some };
    tokio::select! {
        () = echo(listener) => {}
        () = server.conforms() => {}
    }
}

/// Serves until it is stopped: `CONTRIBUTING.md` says how to point the Autobahn test suite at it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "serves for ever"]
async fn an_echo_on_port_9001() {
    echo(TcpListener::bind("127.0.0.1:9001").await.unwrap()).await;
}
