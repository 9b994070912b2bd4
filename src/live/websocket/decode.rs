//! Frames of the client: unmasked, checked, put together. Holds bytes only while a frame or message is incomplete.

use crate::live::websocket::{CONTROL_BYTES, FIN, opcode};

/// A complete message.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// Text, valid UTF-8.
    Text(String),
    /// Bytes, which the live protocol does not speak.
    Binary(Vec<u8>),
    /// To be answered with a pong of the same payload.
    Ping(Vec<u8>),
    /// The answer to a ping.
    Pong,
    /// The client closes, with this code if it gave one.
    Close(Option<u16>),
}

/// What a client must not send. The socket is to be closed with this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Against the protocol: 1002.
    Protocol,
    /// Text that is not UTF-8: 1007.
    NotUtf8,
    /// More bytes than one message may have: 1009.
    TooLarge,
}

/// Turns the client's bytes into messages.
#[derive(Debug)]
pub struct Decoder {
    longest: usize,
    /// Bytes of a frame that has not wholly come.
    partial: Vec<u8>,
    /// The frames so far of a message that has not wholly come.
    fragments: Option<(u8, Vec<u8>)>,
    closed: bool,
}

/// One frame, unmasked.
struct Frame {
    fin: bool,
    opcode: u8,
    payload: Vec<u8>,
}

impl Decoder {
    /// For messages of at most so many bytes.
    pub const fn new(longest: usize) -> Self {
        Self { longest, partial: Vec::new(), fragments: None, closed: false }
    }

    /// Takes what has come; `each` is given every message that is complete now. Nothing follows a violation or a close.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Message)) -> Result<(), Violation> {
        if self.partial.is_empty() {
            let taken = self.take(bytes, &mut each)?;
            self.partial = bytes.get(taken..).unwrap_or_default().to_vec();
            return Ok(());
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        let taken = self.take(&whole, &mut each)?;
        whole.drain(..taken);
        if !whole.is_empty() {
            self.partial = whole;
        }
        Ok(())
    }

    /// Takes all complete frames off the front; answers how many bytes those were.
    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(Message)) -> Result<usize, Violation> {
        let mut taken = 0;
        while !self.closed
            && let Some((frame, length)) = self.frame(bytes.get(taken..).unwrap_or_default())?
        {
            taken += length;
            if let Some(message) = self.message(frame)? {
                self.closed = matches!(message, Message::Close(_));
                each(message);
            }
        }
        // Whatever comes behind a close frame is of no interest.
        Ok(if self.closed { bytes.len() } else { taken })
    }

    /// The frame at the front, and its length on the wire; `None` when it has not wholly come.
    fn frame(&self, bytes: &[u8]) -> Result<Option<(Frame, usize)>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (fin, opcode) = (first & FIN != 0, first & 0x0F);
        let reserved = first & 0x70 != 0;
        let masked = second & 0x80 != 0;
        if reserved || !masked {
            return Err(Violation::Protocol);
        }
        self.check_order(fin, opcode)?;
        let (length, rest) = match second & 0x7F {
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            short => (u64::from(short), rest),
        };
        let length = self.check_length(opcode, length)?;
        let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let Some((masked, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
        let frame = Frame { fin, opcode, payload: payload.collect() };
        Ok(Some((frame, bytes.len() - rest.len())))
    }

    /// Whether such a frame may come now.
    fn check_order(&self, fin: bool, opcode: u8) -> Result<(), Violation> {
        let fits = match opcode {
            opcode::CONTINUATION => self.fragments.is_some(),
            opcode::TEXT | opcode::BINARY => self.fragments.is_none(),
            opcode::CLOSE | opcode::PING | opcode::PONG => fin,
            _ => false,
        };
        if fits { Ok(()) } else { Err(Violation::Protocol) }
    }

    fn check_length(&self, opcode: u8, length: u64) -> Result<usize, Violation> {
        let length = usize::try_from(length).map_err(|_| Violation::TooLarge)?;
        let is_control = opcode & 0x8 != 0;
        if is_control {
            return if length <= CONTROL_BYTES { Ok(length) } else { Err(Violation::Protocol) };
        }
        let before = self.fragments.as_ref().map_or(0, |(_, bytes)| bytes.len());
        match before.checked_add(length) {
            Some(total) if total <= self.longest => Ok(length),
            _ => Err(Violation::TooLarge),
        }
    }

    fn message(&mut self, frame: Frame) -> Result<Option<Message>, Violation> {
        let Frame { fin, opcode, payload } = frame;
        let (opcode, payload) = match opcode {
            opcode::PING => return Ok(Some(Message::Ping(payload))),
            opcode::PONG => return Ok(Some(Message::Pong)),
            opcode::CLOSE => return close(&payload).map(Some),
            opcode::CONTINUATION => match self.fragments.take() {
                Some((opcode, mut bytes)) => {
                    bytes.extend_from_slice(&payload);
                    (opcode, bytes)
                }
                None => return Err(Violation::Protocol),
            },
            opcode => (opcode, payload),
        };
        if !fin {
            self.fragments = Some((opcode, payload));
            return Ok(None);
        }
        if opcode == opcode::BINARY {
            return Ok(Some(Message::Binary(payload)));
        }
        String::from_utf8(payload).map(|it| Some(Message::Text(it))).map_err(|_| Violation::NotUtf8)
    }
}

/// A close frame: nothing, or a code that may stand on the wire and a reason in UTF-8 (RFC 6455 section 7.4).
fn close(payload: &[u8]) -> Result<Message, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() {
            Ok(Message::Close(None))
        } else {
            Err(Violation::Protocol)
        };
    };
    let code = u16::from_be_bytes(*code);
    let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    if !allowed {
        return Err(Violation::Protocol);
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(Violation::NotUtf8);
    }
    Ok(Message::Close(Some(code)))
}
