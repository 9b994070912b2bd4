//! The application against the conformance cases of WebSockets.

use serde_json::Value;

use crate::{
    harness::{app::TestApp, witness::Witness},
    live::conformance::played::{Frame, Server},
};

#[path = "../../websocket/mod.rs"]
mod played;

/// The longest frame in this test, in bytes: the most that may be set.
const LONGEST: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_sockets_conform_to_rfc_6455() {
    let app = TestApp::with(|it| {
        it.live.frame_bytes = LONGEST;
        it.live.frames_per_second = 100_000;
    })
    .await;
    // A server that has just started says that it is behind, and then that it is not: of that the cases know nothing.
    let store = app.store().await;
    let topic = format!("store:{store}");
    let _in_touch = Witness::on(&app, &app.staff(&store), &topic).await;
    let server = Server {
        authority: app.authority().to_owned(),
        target: format!("/v1/live?token={}", app.service()),
        answers: in_place_of_an_echo,
        hears: read,
    };
    server.conforms().await;
}

/// The live protocol answers every text, and speaks neither bytes nor long messages.
fn in_place_of_an_echo(echo: Frame) -> Frame {
    match echo.opcode {
        1 if echo.payload.len() <= LONGEST => answer_to(&echo.payload),
        1 | 2 => Frame::close(4501),
        _ if echo == Frame::close(1009) => Frame::close(4501),
        _ => echo,
    }
}

fn answer_to(text: &[u8]) -> Frame {
    let asked: Value = serde_json::from_slice(text).unwrap_or_default();
    let pong = format!(r#"{{"type":"pong","id":{}}}"#, asked["id"]);
    let answer = if asked["type"] == "ping" { &pong } else { "it is not understood" };
    Frame { opcode: 1, payload: answer.into() }
}

/// Without the words that are for people, and without what the server says of its own accord.
fn read(mut frame: Frame) -> Option<Frame> {
    if frame.is_close() {
        frame.payload.truncate(2);
        return Some(frame);
    }
    let said: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
    if said["error"]["code"] == "INVALID_INPUT" {
        frame.payload = "it is not understood".into();
    }
    let unasked = ["hello", "behind", "caught_up", "ping"].iter().any(|it| said["type"] == *it);
    let is_ping = frame.opcode == 9;
    (!unasked && !is_ping).then_some(frame)
}
