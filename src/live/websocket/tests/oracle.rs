//! What tungstenite, which is not ours, makes of the same bytes.
//!
//! It differs from our framing in this, and in nothing else:
//!
//! - It looks at a frame when all of it has come; we refuse one as soon as its header says enough.
//! - It calls a frame too large that is against the protocol as well; we call it a violation of the protocol.
//! - It does not know the code 1014, which the registry has added since RFC 6455.

use std::io::{self, Cursor, ErrorKind, Read, Write};

use tokio_tungstenite::tungstenite::{
    self, Error, WebSocket,
    protocol::{Role, WebSocketConfig, frame::coding::CloseCode},
};

use crate::live::websocket::{Message, Violation};

/// What a decoder makes of a stream.
#[derive(Debug, PartialEq)]
pub struct Reading {
    /// The messages; nothing follows a close.
    pub messages: Vec<Message>,
    /// What ended it, unless it waits for more or has been closed.
    pub violation: Option<Violation>,
}

/// A connection that says no more than this, and is not ended.
struct Wire<'a>(Cursor<&'a [u8]>);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads as a server does (or as a client: what we have encoded), with messages of at most so many bytes.
pub fn read(bytes: &[u8], role: Role, longest: usize) -> Reading {
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest));
    let mut socket = WebSocket::from_raw_socket(Wire(Cursor::new(bytes)), role, Some(config));
    let mut messages = Vec::new();
    let violation = loop {
        match socket.read() {
            Ok(tungstenite::Message::Close(Some(frame)))
                if frame.code == CloseCode::Protocol && frame.reason == "Protocol violation" =>
            {
                // So it answers a code that may not stand on the wire.
                break Some(Violation::Protocol);
            }
            Ok(message) => messages.push(ours(message)),
            Err(Error::Protocol(_)) => break Some(Violation::Protocol),
            Err(Error::Utf8(_)) => break Some(Violation::NotUtf8),
            Err(Error::Capacity(_)) => break Some(Violation::TooLarge),
            Err(_) => break None,
        }
        if matches!(messages.last(), Some(Message::Close(_))) {
            break None;
        }
    };
    Reading { messages, violation }
}

fn ours(message: tungstenite::Message) -> Message {
    match message {
        tungstenite::Message::Text(text) => Message::Text(text.as_str().to_owned()),
        tungstenite::Message::Binary(bytes) => Message::Binary(bytes.into()),
        tungstenite::Message::Ping(payload) => Message::Ping(payload.into()),
        tungstenite::Message::Pong(_) => Message::Pong,
        tungstenite::Message::Close(frame) => Message::Close(frame.map(|it| it.code.into())),
        tungstenite::Message::Frame(_) => panic!("a frame is no message"),
    }
}
