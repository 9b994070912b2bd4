//! Frames for the client: complete, unmasked, to be written as they are.

use bytes::Bytes;

use crate::live::websocket::{CONTROL_BYTES, FIN, opcode};

/// A text frame; its payload starts behind the first `usize` bytes.
pub fn text(payload: &[u8]) -> (Bytes, usize) {
    let mut frame = Vec::with_capacity(payload.len() + 10);
    head(&mut frame, opcode::TEXT, payload.len());
    let start = frame.len();
    frame.extend_from_slice(payload);
    (frame.into(), start)
}

/// A ping without a payload.
pub const fn ping() -> Bytes {
    Bytes::from_static(&[FIN | opcode::PING, 0])
}

/// The answer to a ping; `payload` is the ping's own, at most 125 bytes.
pub fn pong(payload: &[u8]) -> Bytes {
    control(opcode::PONG, payload)
}

/// A close frame. Without a code it answers one that had none.
pub fn close(code: Option<u16>, reason: &str) -> Bytes {
    let Some(code) = code else { return control(opcode::CLOSE, &[]) };
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    control(opcode::CLOSE, &payload)
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let payload = payload.get(..CONTROL_BYTES).unwrap_or(payload);
    let mut frame = Vec::with_capacity(payload.len() + 2);
    head(&mut frame, opcode, payload.len());
    frame.extend_from_slice(payload);
    frame.into()
}

fn head(frame: &mut Vec<u8>, opcode: u8, length: usize) {
    frame.push(FIN | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..=125), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}
