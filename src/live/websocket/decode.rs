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
    fragments: Option<Box<Fragments>>,
    over: bool,
}

/// A message that has not wholly come.
#[derive(Debug)]
struct Fragments {
    opcode: u8,
    count: usize,
    bytes: Vec<u8>,
    /// How many of the bytes, if they are text, are known to be good.
    checked: usize,
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
        Self { longest, partial: Vec::new(), fragments: None, over: false }
    }

    /// Takes what has come; `each` is given every message that is complete now. Nothing follows a violation or a close: what comes
    /// behind them is passed over.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Message)) -> Result<(), Violation> {
        let fed = self.read(bytes, &mut each);
        self.over |= fed.is_err();
        if self.over {
            self.fragments = None;
        }
        fed
    }

    /// Whether the client has closed or has violated the protocol.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The bytes that it holds, and the room that it has for them.
    #[cfg(test)]
    pub fn held(&self) -> (usize, usize) {
        let (bytes, room) =
            self.fragments.as_ref().map_or((0, 0), |it| (it.bytes.len(), it.bytes.capacity()));
        (self.partial.len() + bytes, self.partial.capacity() + room)
    }

    fn read(&mut self, bytes: &[u8], each: &mut impl FnMut(Message)) -> Result<(), Violation> {
        if self.partial.is_empty() {
            let taken = self.take(bytes, each)?;
            self.partial = bytes.get(taken..).unwrap_or_default().to_vec();
            return Ok(());
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        let taken = self.take(&whole, each)?;
        if taken != 0 {
            whole.drain(..taken);
            // What is left may wait for long, and must not hold on to the room of what has gone.
            whole.shrink_to_fit();
        }
        self.partial = whole;
        Ok(())
    }

    /// Takes all complete frames off the front; answers how many bytes those were.
    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(Message)) -> Result<usize, Violation> {
        let mut taken = 0;
        while !self.over
            && let Some((frame, length)) = self.frame(bytes.get(taken..).unwrap_or_default())?
        {
            taken += length;
            if let Some(message) = self.message(frame)? {
                self.over = matches!(message, Message::Close(_));
                each(message);
            }
        }
        Ok(if self.over { bytes.len() } else { taken })
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
        let (before, count) =
            self.fragments.as_ref().map_or((0, 0), |it| (it.bytes.len(), it.count));
        match before.checked_add(length) {
            // There are as many fragments as bytes at most, or empty ones could go on for ever.
            Some(total) if total <= self.longest && count < self.longest => Ok(length),
            _ => Err(Violation::TooLarge),
        }
    }

    fn message(&mut self, frame: Frame) -> Result<Option<Message>, Violation> {
        let Frame { fin, opcode, payload } = frame;
        let (opcode, bytes) = match opcode {
            opcode::PING => return Ok(Some(Message::Ping(payload))),
            opcode::PONG => return Ok(Some(Message::Pong)),
            opcode::CLOSE => return close(&payload).map(Some),
            _ if fin && self.fragments.is_none() => (opcode, payload),
            _ => {
                let begun = self.fragments.take();
                let mut fragments = begun.unwrap_or_else(|| Box::new(Fragments::new(opcode)));
                fragments.add(&payload)?;
                if !fin {
                    self.fragments = Some(fragments);
                    return Ok(None);
                }
                (fragments.opcode, fragments.bytes)
            }
        };
        if opcode == opcode::BINARY {
            return Ok(Some(Message::Binary(bytes)));
        }
        String::from_utf8(bytes).map(|it| Some(Message::Text(it))).map_err(|_| Violation::NotUtf8)
    }
}

impl Fragments {
    const fn new(opcode: u8) -> Self {
        Self { opcode, count: 0, bytes: Vec::new(), checked: 0 }
    }

    /// Bad text is refused before the message has ended; a letter that is cut may still become good.
    fn add(&mut self, payload: &[u8]) -> Result<(), Violation> {
        self.count += 1;
        self.bytes.extend_from_slice(payload);
        if self.opcode != opcode::TEXT {
            return Ok(());
        }
        match str::from_utf8(self.bytes.get(self.checked..).unwrap_or_default()) {
            Ok(good) => self.checked += good.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
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
    if str::from_utf8(reason).is_err() {
        return Err(Violation::NotUtf8);
    }
    let code = u16::from_be_bytes(*code);
    let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    if allowed { Ok(Message::Close(Some(code))) } else { Err(Violation::Protocol) }
}
