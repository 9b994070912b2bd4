//! The framing of WebSockets, as a server needs it (RFC 6455 section 5). No extensions.

mod decode;
mod encode;

pub use self::{
    decode::{Decoder, Message, Violation},
    encode::{close, ping, pong, text},
};

/// What a frame is (RFC 6455 section 5.2).
mod opcode {
    pub const CONTINUATION: u8 = 0x0;
    pub const TEXT: u8 = 0x1;
    pub const BINARY: u8 = 0x2;
    pub const CLOSE: u8 = 0x8;
    pub const PING: u8 = 0x9;
    pub const PONG: u8 = 0xA;
}

/// The last frame of a message.
const FIN: u8 = 0x80;

/// The most that a control frame may carry, in bytes.
const CONTROL_BYTES: usize = 125;

#[cfg(test)]
mod tests;
