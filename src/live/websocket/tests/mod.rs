//! The framing against a library that is not ours, and against hostile bytes.

mod conformance;
mod echo;
#[path = "../../../../tests/websocket/mod.rs"]
mod played;

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::{
    Frame, FrameHeader,
    coding::{Control, Data, OpCode},
};

use crate::live::websocket::{Decoder, Message, Violation, text};

/// A client's frame, made by tungstenite.
fn masked(opcode: OpCode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        is_final: fin,
        opcode,
        mask: Some([7, 99, 0, 255]),
        ..FrameHeader::default()
    };
    let mut bytes = Vec::new();
    Frame::from_payload(header, payload.to_vec().into()).format(&mut bytes).unwrap();
    bytes
}

fn decode(bytes: &[u8], longest: usize) -> (Vec<Message>, Result<(), Violation>) {
    let mut messages = Vec::new();
    let fed = Decoder::new(longest).feed(bytes, |it| messages.push(it));
    (messages, fed)
}

#[test]
fn what_we_encode_tungstenite_reads() {
    for length in [0, 1, 125, 126, 65_535, 65_536] {
        let payload = vec![b'x'; length];
        let (frame, start) = text(&payload);
        let mut cursor = std::io::Cursor::new(&frame[..]);
        let (header, size) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
        assert!(header.is_final && header.mask.is_none());
        assert_eq!(header.opcode, OpCode::Data(Data::Text));
        assert_eq!((size, cursor.position()), (length as u64, start as u64));
        assert_eq!(&frame[start..], payload);
    }
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let bytes = [
        masked(OpCode::Data(Data::Text), false, "مر".as_bytes()),
        masked(OpCode::Control(Control::Ping), true, b"?"),
        masked(OpCode::Data(Data::Continue), true, "حبا".as_bytes()),
        masked(OpCode::Control(Control::Close), true, &1000_u16.to_be_bytes()),
        b"whatever follows".to_vec(),
    ];
    let (messages, fed) = decode(&bytes.concat(), 64);
    assert_eq!(fed, Ok(()));
    assert_eq!(
        messages,
        [
            Message::Ping(b"?".to_vec()),
            Message::Text("مرحبا".to_owned()),
            Message::Close(Some(1000))
        ]
    );
}

#[test]
fn each_violation_is_told_from_the_others() {
    let long = masked(OpCode::Data(Data::Text), true, &[b'x'; 65]);
    let in_parts = [
        masked(OpCode::Data(Data::Text), false, &[b'x'; 40]),
        masked(OpCode::Data(Data::Continue), true, &[b'x'; 40]),
    ];
    let mut reserved = masked(OpCode::Data(Data::Text), true, b"x");
    reserved[0] |= 0x40;
    for (bytes, violation) in [
        (long, Violation::TooLarge),
        (in_parts.concat(), Violation::TooLarge),
        (masked(OpCode::Data(Data::Text), true, &[0xff]), Violation::NotUtf8),
        (vec![0x81, 0x01, b'x'], Violation::Protocol),
        (reserved, Violation::Protocol),
        (masked(OpCode::Data(Data::Continue), true, b"x"), Violation::Protocol),
        (masked(OpCode::Control(Control::Ping), false, b"x"), Violation::Protocol),
        (masked(OpCode::Control(Control::Ping), true, &[0; 126]), Violation::Protocol),
        (masked(OpCode::Control(Control::Close), true, &[3]), Violation::Protocol),
        (
            masked(OpCode::Control(Control::Close), true, &1005_u16.to_be_bytes()),
            Violation::Protocol,
        ),
        (masked(OpCode::Data(Data::Reserved(3)), true, b"x"), Violation::Protocol),
    ] {
        assert_eq!(decode(&bytes, 64).1, Err(violation), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn messages_survive_any_cut(
        payloads in prop::collection::vec(".{0,80}", 1..6),
        cuts in prop::collection::vec(1_usize..50, 1..40),
    ) {
        let frames = payloads.iter().map(|it| masked(OpCode::Data(Data::Text), true, it.as_bytes()));
        let bytes = frames.collect::<Vec<_>>().concat();
        let mut decoder = Decoder::new(1000);
        let mut messages = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            decoder.feed(now, |it| messages.push(it)).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let expected: Vec<_> = payloads.into_iter().map(Message::Text).collect();
        prop_assert_eq!(messages, expected);
    }

    #[test]
    fn no_bytes_make_it_panic_or_hold_more_than_it_may(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
    ) {
        let mut decoder = Decoder::new(256);
        for chunk in &chunks {
            let mut most = 0;
            let fed = decoder.feed(chunk, |it| {
                if let Message::Text(text) = it {
                    most = most.max(text.len());
                }
            });
            prop_assert!(most <= 256);
            if fed.is_err() {
                break;
            }
        }
    }
}
