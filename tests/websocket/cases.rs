//! The table of cases, as bytes to send and frames to expect.
//!
//! A frame is `text`, `binary`, `cont`, `close`, `ping`, `pong` or `op3` and so on, then its code if it is a close, then its payload:
//! `"bytes"` with `\x00` and `\"`, or `3*"bytes"`. Before it may stand `more` (not the last fragment), `rsv1` to `rsv7`, `unmasked`,
//! `wide` (a length of eight bytes); behind it `in 8` (fragments of eight bytes) or `9 times` (each after the answer to the one before).
//! `await` waits for one more answer, `raw` sends bytes as they are, `offer` and `subprotocol` are headers of the handshake.
//! Writes are `whole`, by `frames`, of so many bytes, or `early` (in one with the handshake). `same` answers with the messages sent.

use std::mem;

/// The opcodes of RFC 6455, section 5.2.
const OPCODES: [(&str, u8); 6] =
    [("cont", 0), ("text", 1), ("binary", 2), ("close", 8), ("ping", 9), ("pong", 10)];

/// One line of the table. What it sends can be large, and is made only when it is asked for.
#[derive(Clone, Copy)]
pub struct Case {
    pub number: &'static str,
    pub what: &'static str,
    writes: &'static str,
    sends: &'static str,
    answers: &'static str,
}

/// What the client does next.
pub enum Step {
    /// Write these bytes, at once.
    Write(Vec<u8>),
    /// Wait for one more frame of the server.
    Await,
}

impl Case {
    pub fn all() -> Vec<Self> {
        let lines = include_str!("cases.txt").lines();
        let lines = lines.filter(|it| !it.is_empty() && !it.starts_with('#'));
        lines
            .map(|line| {
                let columns: Vec<_> = line.split(" | ").collect();
                let [number, what, writes, sends, answers] = columns[..] else { panic!("{line}") };
                Self { number, what, writes, sends, answers }
            })
            .collect()
    }

    /// What the handshake carries beside the usual.
    pub fn headers(&self) -> String {
        let name = |item: &Item| match item.words[..] {
            ["offer"] => Some("extensions"),
            ["subprotocol"] => Some("protocol"),
            _ => None,
        };
        let lines = items(self.sends).into_iter().filter_map(|item| {
            Some(format!("sec-websocket-{}: {}\r\n", name(&item)?, item.payload.escape_ascii()))
        });
        lines.collect()
    }

    /// Whether the first writes go with the handshake.
    pub fn is_early(&self) -> bool {
        self.writes == "early"
    }

    /// Whether the client sends a close frame of its own.
    pub fn closes(&self) -> bool {
        items(self.sends).iter().any(|it| it.opcode() == Some(8))
    }

    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut whole = Vec::new();
        for item in items(self.sends) {
            let frame = item.bytes();
            whole.extend_from_slice(&frame);
            let waits = item.has("await") || item.has("times");
            if waits || self.writes == "frames" {
                steps.extend(self.pieces(&mem::take(&mut whole)));
            }
            if waits {
                steps.push(Step::Await);
            }
            for _ in 1..item.times() {
                steps.extend(self.pieces(&frame).chain([Step::Await]));
            }
        }
        steps.extend(self.pieces(&whole));
        steps
    }

    fn pieces(&self, bytes: &[u8]) -> impl Iterator<Item = Step> {
        let size = self.writes.parse().unwrap_or(bytes.len()).max(1);
        let pieces: Vec<_> = bytes.chunks(size).map(|it| Step::Write(it.to_vec())).collect();
        pieces.into_iter()
    }

    /// The opcodes and payloads that a server that echoes answers with.
    pub fn answers(&self) -> Vec<(u8, Vec<u8>)> {
        let (text, all) = match self.answers {
            "same" => (self.sends, false),
            "nothing" => return Vec::new(),
            answers => (answers, true),
        };
        let frames = items(text).into_iter().filter_map(|item| {
            let opcode = item.opcode().filter(|it| all || [1, 2].contains(it))?;
            Some(vec![(opcode, item.payload()); item.times()])
        });
        frames.flatten().collect()
    }
}

/// What stands between two commas.
#[derive(Default)]
struct Item {
    words: Vec<&'static str>,
    payload: Vec<u8>,
}

fn items(mut text: &'static str) -> Vec<Item> {
    let mut items = vec![Item::default()];
    while !text.is_empty() {
        let item = items.last_mut().unwrap();
        let (word, rest) = text.split_at(text.find([' ', ',', '"']).unwrap_or(text.len()));
        if let Some(quoted) = rest.strip_prefix('"') {
            let times = word.strip_suffix('*').map_or(1, |it| it.parse().unwrap());
            let bytes;
            (bytes, text) = unquoted(quoted);
            item.payload = bytes.repeat(times);
            continue;
        }
        if !word.is_empty() {
            item.words.push(word);
        }
        if rest.starts_with(',') {
            items.push(Item::default());
        }
        text = rest.get(1..).unwrap_or_default();
    }
    items
}

/// The bytes up to the closing quote, and what stands behind it.
fn unquoted(mut text: &'static str) -> (Vec<u8>, &'static str) {
    let mut bytes = Vec::new();
    loop {
        let (plain, rest) = text.split_at(text.find(['\\', '"']).unwrap());
        bytes.extend(plain.bytes());
        if let Some(behind) = rest.strip_prefix('"') {
            return (bytes, behind);
        }
        let hex = rest.strip_prefix("\\x").map(|it| u8::from_str_radix(&it[..2], 16).unwrap());
        bytes.push(hex.unwrap_or(rest.as_bytes()[1]));
        text = &rest[if hex.is_some() { 4 } else { 2 }..];
    }
}

impl Item {
    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// The number that stands before (-1) or behind (1) a word.
    fn number(&self, word: &str, offset: isize) -> Option<usize> {
        let at = self.words.iter().position(|it| *it == word)?;
        self.words.get(at.checked_add_signed(offset)?)?.parse().ok()
    }

    fn opcode(&self) -> Option<u8> {
        let named = OPCODES.iter().find(|it| self.has(it.0)).map(|it| it.1);
        named.or_else(|| self.words.iter().find_map(|it| it.strip_prefix("op")?.parse().ok()))
    }

    /// A close begins with its code.
    fn payload(&self) -> Vec<u8> {
        let code = self.number("close", 1).map(|it| u16::try_from(it).unwrap().to_be_bytes());
        [code.as_ref().map_or(&[][..], |it| it), &self.payload].concat()
    }

    fn times(&self) -> usize {
        self.number("times", -1).unwrap_or(1)
    }

    /// On the wire, in one frame or several.
    fn bytes(&self) -> Vec<u8> {
        let Some(opcode) = self.opcode() else {
            return if self.has("raw") { self.payload.clone() } else { Vec::new() };
        };
        let reserved: u8 =
            self.words.iter().find_map(|it| it.strip_prefix("rsv")?.parse().ok()).unwrap_or(0);
        let payload = self.payload();
        let size = self.number("in", 1).unwrap_or(payload.len()).max(1);
        let count = payload.len().div_ceil(size).max(1);
        let mut bytes = Vec::new();
        for (at, part) in payload.chunks(size).chain([&[][..]]).take(count).enumerate() {
            let fin = if at + 1 == count && !self.has("more") { 0x80 } else { 0 };
            bytes.push(fin | reserved << 4 | if at == 0 { opcode } else { 0 });
            self.put(part, &mut bytes);
        }
        bytes
    }

    /// A frame from its second byte on.
    fn put(&self, payload: &[u8], bytes: &mut Vec<u8>) {
        let masked = if self.has("unmasked") { 0 } else { 0x80 };
        let length = payload.len().to_be_bytes();
        match if self.has("wide") { usize::MAX } else { payload.len() } {
            0..=125 => bytes.push(masked | length[7]),
            126..=65535 => bytes.extend([&[masked + 126], &length[6..]].concat()),
            _ => bytes.extend([&[masked + 127], &length[..]].concat()),
        }
        if masked == 0 {
            bytes.extend(payload);
            return;
        }
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}
