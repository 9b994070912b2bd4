//! The framing and tungstenite get the same bytes, good and bad, cut anywhere. `PROPTEST_CASES` says how many times each.

use proptest::{prelude::*, sample::Index};
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::live::websocket::{
    Decoder, Message, Violation, close, ping, pong,
    tests::oracle::{self, Reading},
    text,
};

/// The longest message, in bytes.
const LONGEST: usize = 300;

/// The most that a decoder may hold beside a message: the header and the payload of one control frame.
const BESIDE: usize = 14 + 125;

/// Reads these pieces one after the other, and watches what is held meanwhile.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Reading {
    let mut decoder = Decoder::new(LONGEST);
    let mut messages = Vec::new();
    let mut violation = None;
    for piece in pieces {
        let over = decoder.is_over();
        let known = messages.len();
        let fed = decoder.feed(piece, |it| messages.push(it));
        assert!(!over || fed.is_ok() && known == messages.len(), "something follows the end");
        violation = violation.or(fed.err());
        let (bytes, room) = decoder.held();
        assert!(bytes <= LONGEST + BESIDE, "{bytes} bytes are held");
        assert!(room <= 2 * (LONGEST + BESIDE), "there is room for {room} bytes");
        assert!(!decoder.is_over() || room == 0, "{room} bytes are held after the end");
    }
    let closed = matches!(messages.last(), Some(Message::Close(_)));
    assert_eq!(decoder.is_over(), closed || violation.is_some());
    Reading { messages, violation }
}

/// The same bytes, cut after so many bytes each, over and over.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while !bytes.is_empty() {
        let size = *sizes.next().unwrap();
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Fails unless tungstenite reads what we read, in one piece and in many.
fn assert_agreed(bytes: &[u8], sizes: &[usize]) {
    let whole = read([bytes]);
    assert_eq!(whole, read(cut(bytes, sizes)), "it depends on the cuts: {bytes:02x?}");
    let mut theirs = oracle::read(bytes, Role::Server, LONGEST);
    if whole.violation.is_some() && theirs.violation.is_none() {
        theirs = oracle::read(&completed(bytes), Role::Server, LONGEST);
    }
    let same = match (whole.violation, theirs.violation) {
        (Some(Violation::Protocol), Some(Violation::TooLarge)) => whole.messages == theirs.messages,
        (None, Some(Violation::Protocol)) => {
            whole.messages.split_last() == Some((&Message::Close(Some(1014)), &theirs.messages))
        }
        _ => whole == theirs,
    };
    assert!(same, "{bytes:02x?}\nours: {whole:?}\ntheirs: {theirs:?}");
}

/// The last frame brought to its end, with zeros.
fn completed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut end = 0;
    while end < bytes.len() {
        let at = |offset: usize| usize::from(*bytes.get(end + offset).unwrap_or(&0));
        let mask = if at(1) & 0x80 == 0 { 0 } else { 4 };
        let number = |digits: usize| (2..2 + digits).fold(0, |number, it| number << 8 | at(it));
        end += mask
            + match at(1) & 0x7f {
                126 => 4 + number(2),
                127 => 10 + number(8).min(LONGEST + 1),
                short => 2 + short,
            };
    }
    bytes.resize(end, 0);
    bytes
}

/// A frame as a client makes it, or should not.
#[derive(Clone, Debug)]
struct Frame {
    /// Fin, reserved bits, opcode.
    first: u8,
    masked: bool,
    /// Bytes of its length beyond the seven bits, if it has room for it in them.
    wide: u8,
    payload: Vec<u8>,
}

impl Frame {
    fn put(&self, bytes: &mut Vec<u8>) {
        let mask = if self.masked { 0x80 } else { 0 };
        let length = (self.payload.len() as u64).to_be_bytes();
        bytes.push(self.first);
        match (self.payload.len(), self.wide) {
            (0..=125, 0) => bytes.push(mask + length[7]),
            (0..=65535, 0..=2) => bytes.extend([&[mask + 126], &length[6..]].concat()),
            _ => bytes.extend([&[mask + 127], &length[..]].concat()),
        }
        let key = if self.masked { [7, 99, 0, 255] } else { [0; 4] };
        bytes.extend(key.iter().filter(|_| self.masked));
        bytes.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}

fn stream(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        frame.put(&mut bytes);
    }
    bytes
}

fn letters() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![8 => ".{0,12}", 1 => ".{60,110}"];
    text.prop_map(String::into_bytes)
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => letters(),
        2 => prop::collection::vec(any::<u8>(), 0..20),
        1 => prop::collection::vec(any::<u8>(), 100..200),
        1 => (LONGEST - 2..LONGEST + 3).prop_map(|it| vec![b'x'; it]),
    ]
}

fn close_payload() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![4 => 999_u16..1020, 1 => any::<u16>()];
    (code, letters()).prop_map(|(code, reason)| [&code.to_be_bytes(), &reason[..]].concat())
}

/// Any frame at all, with a liking for those that are nearly good.
fn any_frame() -> impl Strategy<Value = Frame> {
    let opcode = prop_oneof![9 => prop::sample::select(vec![0_u8, 1, 2, 8, 9, 10]), 1 => 0_u8..16];
    let reserved = prop_oneof![15 => Just(0_u8), 1 => 0_u8..8];
    let fin = prop::bool::weighted(0.6);
    let wide = prop_oneof![8 => Just(0_u8), 1 => Just(2), 1 => Just(8)];
    let payload = prop_oneof![5 => payload(), 1 => close_payload()];
    (opcode, reserved, fin, prop::bool::weighted(0.97), wide, payload).prop_map(
        |(opcode, reserved, fin, masked, wide, payload)| {
            let first = if fin { 0x80 } else { 0 } | reserved << 4 | opcode;
            Frame { first, masked, wide, payload }
        },
    )
}

fn good(first: u8, payload: &[u8]) -> Frame {
    Frame { first, masked: true, wide: 0, payload: payload.to_vec() }
}

/// A message in fragments, with pings and pongs between them.
fn good_message() -> impl Strategy<Value = Vec<Frame>> {
    let parts = prop::collection::vec(any::<Index>(), 0..4);
    let between = prop::collection::vec(prop::option::of(prop::bool::ANY), 4);
    (letters(), prop::bool::ANY, parts, between).prop_map(|(letters, binary, parts, between)| {
        let mut cuts: Vec<usize> = parts.iter().map(|it| it.index(letters.len() + 1)).collect();
        cuts.sort_unstable();
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([letters.len()]);
        let mut frames = Vec::new();
        for (at, (start, end)) in starts.zip(ends).enumerate() {
            let fin = if at == cuts.len() { 0x80 } else { 0 };
            let opcode = if at == 0 { 1 + u8::from(binary) } else { 0 };
            frames.push(good(fin | opcode, &letters[start..end]));
            if let Some(Some(ping)) = between.get(at) {
                frames.push(good(0x89 + u8::from(*ping), &letters[..letters.len().min(9)]));
            }
        }
        frames
    })
}

/// Something that a client may say, from its first word to its last.
fn good_stream() -> impl Strategy<Value = Vec<u8>> {
    let end = prop::option::of(prop_oneof![
        Just(Vec::new()),
        (3000_u16..5000).prop_map(|it| it.to_be_bytes().to_vec())
    ]);
    (prop::collection::vec(good_message(), 0..4), end).prop_map(|(messages, end)| {
        let close = end.map(|it| good(0x88, &it));
        stream(&messages.into_iter().flatten().chain(close).collect::<Vec<_>>())
    })
}

/// What can happen to a stream.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(u8),
    Set(u8),
    Insert(Vec<u8>),
    Remove(usize),
    Repeat(usize),
    Truncate,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (0_u8..8).prop_map(Mutation::Flip),
        2 => any::<u8>().prop_map(Mutation::Set),
        2 => prop::collection::vec(any::<u8>(), 1..8).prop_map(Mutation::Insert),
        2 => (1_usize..20).prop_map(Mutation::Remove),
        1 => (1_usize..40).prop_map(Mutation::Repeat),
        1 => Just(Mutation::Truncate),
    ]
}

fn mutate(bytes: &mut Vec<u8>, place: Index, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let at = place.index(bytes.len());
    let up_to = |count: &usize| at..(at + count).min(bytes.len());
    match mutation {
        Mutation::Flip(bit) => bytes[at] ^= 1 << bit,
        Mutation::Set(byte) => bytes[at] = *byte,
        Mutation::Insert(more) => drop(bytes.splice(at..at, more.iter().copied())),
        Mutation::Remove(count) => drop(bytes.drain(up_to(count))),
        Mutation::Repeat(count) => {
            let again = bytes[up_to(count)].to_vec();
            drop(bytes.splice(at..at, again));
        }
        Mutation::Truncate => bytes.truncate(at),
    }
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        1 => Just(vec![1]),
        3 => prop::collection::vec(1_usize..8, 1..8),
        3 => prop::collection::vec(1_usize..100, 1..8),
    ]
}

fn text_to_send() -> impl Strategy<Value = String> {
    let around = |length: usize| (length - 2..length + 3).prop_map(|it| "x".repeat(it));
    prop_oneof![50 => ".{0,20}", 9 => around(126), 1 => around(65536)]
}

proptest! {
    #[test]
    fn both_read_any_bytes_alike(
        bytes in prop::collection::vec(any::<u8>(), 0..400), sizes in sizes(),
    ) {
        assert_agreed(&bytes, &sizes);
    }

    #[test]
    fn both_read_any_frames_alike(
        frames in prop::collection::vec(any_frame(), 0..8), sizes in sizes(),
    ) {
        assert_agreed(&stream(&frames), &sizes);
    }

    #[test]
    fn both_read_good_streams_alike_and_to_their_end(bytes in good_stream(), sizes in sizes()) {
        assert_agreed(&bytes, &sizes);
        prop_assert_eq!(read([&bytes[..]]).violation, None);
    }

    #[test]
    fn both_read_spoilt_streams_alike(
        mut bytes in good_stream(),
        mutations in prop::collection::vec((any::<Index>(), mutation()), 1..5),
        sizes in sizes(),
    ) {
        for (place, mutation) in &mutations {
            mutate(&mut bytes, *place, mutation);
        }
        assert_agreed(&bytes, &sizes);
    }

    #[test]
    fn what_we_encode_tungstenite_reads(
        texts in prop::collection::vec(text_to_send(), 0..5),
        payload in prop::collection::vec(any::<u8>(), 0..=125),
        end in prop::option::of((3000_u16..5000, "[ -~]{0,123}")),
    ) {
        let texts_on_the_wire = texts.iter().map(|it| text(it.as_bytes()).0);
        let close = close(end.as_ref().map(|it| it.0), end.as_ref().map_or("", |it| &it.1));
        let bytes: Vec<_> = texts_on_the_wire.chain([ping(), pong(&payload), close]).collect();
        let messages = texts.into_iter().map(Message::Text).chain([
            Message::Ping(Vec::new()), Message::Pong, Message::Close(end.map(|it| it.0)),
        ]);
        let expected = Reading { messages: messages.collect(), violation: None };
        prop_assert_eq!(oracle::read(&bytes.concat(), Role::Client, 1 << 20), expected);
    }
}
