//! The framing against RFC 6455, against a library that is not ours, and against hostile bytes.

mod conformance;
mod echo;
mod fuzz;
mod oracle;
#[path = "../../../../tests/websocket/mod.rs"]
mod played;

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
fn empty_fragments_do_not_go_on_for_ever() {
    let empty = masked(OpCode::Data(Data::Continue), false, b"");
    let begun = masked(OpCode::Data(Data::Text), false, b"");
    let ended = masked(OpCode::Data(Data::Continue), true, b"x");
    let message = |count| [&begun[..], &empty.repeat(count), &ended].concat();
    assert_eq!(decode(&message(62), 64), (vec![Message::Text("x".to_owned())], Ok(())));
    assert_eq!(decode(&message(63), 64), (vec![], Err(Violation::TooLarge)));
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
