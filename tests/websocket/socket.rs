//! A client's WebSocket by hand: what it sends is not its concern, what it reads it takes exactly.

use std::fmt;

use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
};

/// The key of RFC 6455, section 1.3, and what a server makes of it.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What a server sends: a whole message, or a control frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    const CLOSE: u8 = 8;

    pub fn close(code: u16) -> Self {
        Self { opcode: Self::CLOSE, payload: code.to_be_bytes().into() }
    }

    pub fn is_close(&self) -> bool {
        self.opcode == Self::CLOSE
    }

    /// On the wire, from a client.
    pub fn masked(&self) -> Vec<u8> {
        let length = u8::try_from(self.payload.len()).unwrap();
        assert!(length <= 125);
        // A mask of zeros leaves the payload as it is.
        [&[0x80 | self.opcode, 0x80 | length, 0, 0, 0, 0], &self.payload[..]].concat()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.payload[..self.payload.len().min(32)];
        let length = self.payload.len();
        match (self.opcode, self.payload.split_first_chunk()) {
            (Self::CLOSE, Some((code, _))) => write!(f, "close {}", u16::from_be_bytes(*code)),
            (opcode, _) => write!(f, "opcode {opcode}, {length} bytes: {}", start.escape_ascii()),
        }
    }
}

/// The side that is read.
pub struct Reader {
    stream: OwnedReadHalf,
    bytes: Vec<u8>,
}

/// Connects; nothing is sent yet.
pub async fn connect(authority: &str) -> (Reader, OwnedWriteHalf) {
    let stream = TcpStream::connect(authority).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (reader, writer) = stream.into_split();
    (Reader { stream: reader, bytes: Vec::new() }, writer)
}

impl Reader {
    /// The server's answer to the handshake: it must take it, and nothing that was offered.
    pub async fn handshake(&mut self) -> Result<(), String> {
        let end = loop {
            if let Some(at) = self.bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more().await? {
                return Err("no answer to the handshake".to_owned());
            }
        };
        let head = String::from_utf8(self.bytes.drain(..end).collect()).unwrap();
        let lower = head.to_lowercase();
        let good = head.starts_with("HTTP/1.1 101 ")
            && lower.contains("\r\nupgrade: websocket\r\n")
            && lower.contains("\r\nconnection: upgrade\r\n")
            && head.contains(ACCEPT)
            && !lower.contains("sec-websocket-extensions")
            && !lower.contains("sec-websocket-protocol");
        if good { Ok(()) } else { Err(format!("not this handshake: {head}")) }
    }

    /// The next frame; `None` when the server has ended the connection.
    pub async fn next(&mut self) -> Result<Option<Frame>, String> {
        loop {
            if let Some((frame, length)) = parse(&self.bytes)? {
                self.bytes.drain(..length);
                return Ok(Some(frame));
            }
            if !self.more().await? {
                let whole = self.bytes.is_empty();
                return if whole { Ok(None) } else { Err("the end within a frame".to_owned()) };
            }
        }
    }

    async fn more(&mut self) -> Result<bool, String> {
        self.bytes.reserve(64 * 1024);
        let read = self.stream.read_buf(&mut self.bytes).await;
        read.map(|count| count != 0).map_err(|error| format!("not ended in order: {error}"))
    }
}

/// The frame at the front, and its length on the wire. A server neither masks nor fragments nor pads lengths, and has no extensions.
fn parse(bytes: &[u8]) -> Result<Option<(Frame, usize)>, String> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0xf0 != 0x80 || second & 0x80 != 0 {
        return Err(format!("a frame that begins with {first:02x} {second:02x}"));
    }
    let (wide, least) = match second {
        126 => (2, 126),
        127 => (8, 65536),
        _ => (0, 0),
    };
    let Some((digits, rest)) = rest.split_at_checked(wide) else { return Ok(None) };
    let long = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
    let length = if wide == 0 { usize::from(*second) } else { long };
    if length < least {
        return Err(format!("the length {length} in {wide} bytes"));
    }
    let payload = rest.get(..length).map(<[u8]>::to_vec);
    Ok(payload.map(|it| (Frame { opcode: first & 0x0f, payload: it }, 2 + wide + length)))
}
