//! WebSocket frames (RFC 6455) as a client needs them: reading what a server sends, building what little we say.

/// One frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What kind of frame.
    pub opcode: u8,
    /// Its content.
    pub payload: &'a [u8],
}

/// What a server must not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A mask, reserved bits or a fragment.
    Header,
    /// More than we would ever take.
    TooLong,
}

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// Snapshots of a large store are the longest that come.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The mask of everything that we send: what matters is that the server has to take it off.
const MASK: [u8; 4] = [0x5A, 0x3C, 0x96, 0x0F];

/// Takes the first frame off the buffer; `None` as long as it is not whole.
pub fn next<'a>(buffer: &mut &'a [u8]) -> Result<Option<Frame<'a>>, Broken> {
    let [first, second, rest @ ..] = *buffer else { return Ok(None) };
    if first & 0xF0 != 0x80 || second & 0x80 != 0 {
        return Err(Broken::Header);
    }
    let (length, rest) = match (second & 0x7F, rest) {
        (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest),
        (127, rest) => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        (126, _) => return Ok(None),
        (short, rest) => (u64::from(short), rest),
    };
    if LONGEST < length {
        return Err(Broken::TooLong);
    }
    let Some((payload, rest)) = rest.split_at_checked(length as usize) else { return Ok(None) };
    *buffer = rest;
    Ok(Some(Frame { opcode: first & 0x0F, payload }))
}

/// A frame of a client: masked.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    head(&mut frame, opcode, 0x80, payload.len());
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Adds a text frame of a server, for the floor.
pub fn push_text(into: &mut Vec<u8>, payload: &[u8]) {
    head(into, TEXT, 0, payload.len());
    into.extend_from_slice(payload);
}

fn head(into: &mut Vec<u8>, opcode: u8, mask_bit: u8, length: usize) {
    into.push(0x80 | opcode);
    match length {
        0..126 => into.push(mask_bit + length as u8),
        126..=0xFFFF => {
            into.push(mask_bit + 126);
            into.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            into.push(mask_bit + 127);
            into.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Takes the first frame of a client off the buffer, with its mask taken off: for the floor, which hears little.
pub fn next_masked(buffer: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (first, second) = (*buffer.first()?, *buffer.get(1)?);
    let (length, at) = match second & 0x7F {
        126 => (usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?])), 4),
        short => (usize::from(short), 2),
    };
    let mask: [u8; 4] = buffer.get(at..at + 4)?.try_into().ok()?;
    let payload = buffer.get(at + 4..at + 4 + length)?;
    let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    buffer.drain(..at + 4 + length);
    Some((first & 0x0F, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        push_text(&mut frame, payload);
        frame
    }

    #[test]
    fn frames_of_every_length_are_read_back() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; length];
            let frame = server(&payload);
            let mut rest = frame.as_slice();
            assert_eq!(next(&mut rest), Ok(Some(Frame { opcode: TEXT, payload: &payload })));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn a_frame_cut_anywhere_waits_for_its_rest() {
        let frame = server(&vec![b'x'; 300]);
        for cut in 0..frame.len() {
            let mut rest = &frame[..cut];
            assert_eq!(next(&mut rest), Ok(None), "cut at {cut}");
            assert_eq!(rest.len(), cut);
        }
    }

    #[test]
    fn several_frames_in_one_read_come_one_by_one() {
        let mut both = server(b"one");
        both.extend(server(b"two"));
        let mut rest = both.as_slice();
        assert_eq!(next(&mut rest).unwrap().unwrap().payload, b"one");
        assert_eq!(next(&mut rest).unwrap().unwrap().payload, b"two");
        assert_eq!(next(&mut rest), Ok(None));
    }

    #[test]
    fn what_a_server_must_not_send_is_noticed() {
        assert_eq!(next(&mut [0x81, 0x81, 0, 0, 0, 0, 1].as_slice()), Err(Broken::Header));
        assert_eq!(next(&mut [0xC1, 0x01, b'x'].as_slice()), Err(Broken::Header));
        assert_eq!(next(&mut [0x01, 0x01, b'x'].as_slice()), Err(Broken::Header));
        assert_eq!(
            next(&mut [0x82, 127, 255, 0, 0, 0, 0, 0, 0, 0].as_slice()),
            Err(Broken::TooLong)
        );
    }

    #[test]
    fn a_masked_frame_comes_out_as_it_went_in() {
        for length in [0, 5, 125, 126, 3000] {
            let payload: Vec<u8> = (0..length).map(|it| it as u8).collect();
            let mut wire = masked(TEXT, &payload);
            let cut = wire.split_off(wire.len() / 2);
            assert_eq!(next_masked(&mut wire), None);
            wire.extend(cut);
            assert_eq!(next_masked(&mut wire), Some((TEXT, payload)));
            assert!(wire.is_empty());
        }
    }
}
