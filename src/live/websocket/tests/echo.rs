//! A server that echoes, around the framing alone. Other suites can be pointed at it, too.

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::live::websocket::{Decoder, FIN, Message, Violation, close, opcode, pong, text};

/// The longest message, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// Echoes to whoever comes, for ever.
pub async fn echo(listener: TcpListener) {
    let mut sockets = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        sockets.spawn(converse(stream));
        while sockets.try_join_next().is_some() {}
    }
}

/// Until the client is gone.
async fn converse(mut stream: TcpStream) -> Option<()> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break bytes.drain(..at + 4).collect::<Vec<_>>();
        }
        heard(&mut stream, &mut bytes).await?;
    };
    stream.write_all(&accept(str::from_utf8(&head).ok()?)?).await.ok()?;
    let mut decoder = Decoder::new(LONGEST);
    loop {
        let (answers, over) = answer(&mut decoder, &bytes);
        for frame in answers {
            stream.write_all(&frame).await.ok()?;
        }
        if over {
            break;
        }
        bytes.clear();
        heard(&mut stream, &mut bytes).await?;
    }
    // As RFC 6455 section 7.1.1 has it: what the client still sends must not reset the connection under our close frame.
    stream.shutdown().await.ok()?;
    loop {
        bytes.clear();
        heard(&mut stream, &mut bytes).await?;
    }
}

/// `None` when the client is gone.
async fn heard(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<usize> {
    bytes.reserve(16 * 1024);
    stream.read_buf(bytes).await.ok().filter(|it| *it != 0)
}

/// The answer to the handshake.
fn accept(head: &str) -> Option<Vec<u8>> {
    let mut headers = head.lines().filter_map(|it| it.split_once(':'));
    let (_, key) = headers.find(|it| it.0.eq_ignore_ascii_case("sec-websocket-key"))?;
    let accept = derive_accept_key(key.trim().as_bytes());
    let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket";
    Some(format!("{head}\r\nsec-websocket-accept: {accept}\r\n\r\n").into())
}

/// What to send for these bytes, and whether that is the end.
fn answer(decoder: &mut Decoder, bytes: &[u8]) -> (Vec<Bytes>, bool) {
    let mut answers = Vec::new();
    let mut over = false;
    let fed = decoder.feed(bytes, |message| match message {
        Message::Text(it) => answers.push(text(it.as_bytes()).0),
        Message::Binary(it) => answers.push(binary(&it)),
        Message::Ping(payload) => answers.push(pong(&payload)),
        Message::Pong => {}
        Message::Close(code) => {
            answers.push(close(code, ""));
            over = true;
        }
    });
    if let Err(violation) = fed {
        let code = match violation {
            Violation::Protocol => 1002,
            Violation::NotUtf8 => 1007,
            Violation::TooLarge => 1009,
        };
        answers.push(close(Some(code), ""));
        over = true;
    }
    (answers, over)
}

/// The server itself sends none.
fn binary(payload: &[u8]) -> Bytes {
    let mut frame = text(payload).0.to_vec();
    frame[0] = FIN | opcode::BINARY;
    frame.into()
}
