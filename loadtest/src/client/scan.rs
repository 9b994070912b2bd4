//! Finds in an event frame what the measurement needs, without reading the JSON.
//!
//! A full reading of a sample (`Scanner::agrees`) proves that the short cut finds the same.

use memchr::memmem::Finder;

use crate::{machine, world::hexadecimal};

/// What one event frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The order's UUID.
    pub order: u128,
    /// The order's version.
    pub version: u64,
    /// When the change was recorded, in nanoseconds since 1970.
    pub recorded_at: u64,
}

/// How an event frame begins.
pub const EVENT: &[u8] = br#"{"type":"event","#;

/// Reaches over the event's id: two frames that are alike up to here are the same event.
const HEAD: usize = 96;

/// Looks for the three members.
#[derive(Debug)]
pub struct Scanner {
    timestamp: Finder<'static>,
    order: Finder<'static>,
    version: Finder<'static>,
    /// The last frame's beginning: one event goes to thousands of sockets.
    last: Option<([u8; HEAD], Sighting)>,
}

impl Scanner {
    /// A scanner that has seen nothing.
    pub fn new() -> Self {
        Self {
            timestamp: Finder::new(r#""timestamp":""#),
            order: Finder::new(r#""orderId":"ord_"#),
            version: Finder::new(r#""orderVersion":"#),
            last: None,
        }
    }

    /// Reads an event frame.
    pub fn read(&mut self, payload: &[u8]) -> Option<Sighting> {
        let head: &[u8; HEAD] = payload.first_chunk()?;
        if let Some((known, sighting)) = &self.last
            && known == head
        {
            return Some(*sighting);
        }
        let sighting = self.find(payload)?;
        self.last = Some((*head, sighting));
        Some(sighting)
    }

    fn find(&self, payload: &[u8]) -> Option<Sighting> {
        let after =
            |finder: &Finder<'_>| payload.get(finder.find(payload)? + finder.needle().len()..);
        let timestamp = after(&self.timestamp)?;
        let timestamp = timestamp.get(..memchr::memchr(b'"', timestamp)?)?;
        Some(Sighting {
            order: hexadecimal(after(&self.order)?.get(..32)?)?,
            version: decimal(after(&self.version)?),
            recorded_at: machine::moment(timestamp)?,
        })
    }

    /// Whether a full reading of the frame finds the same.
    pub fn agrees(sighting: Sighting, payload: &[u8]) -> bool {
        let Ok(frame) = serde_json::from_slice::<serde_json::Value>(payload) else { return false };
        let event = &frame["event"];
        let order = event["data"]["orderId"].as_str().and_then(|it| it.strip_prefix("ord_"));
        let moment = event["timestamp"].as_str().and_then(|it| machine::moment(it.as_bytes()));
        order.and_then(|it| hexadecimal(it.as_bytes())) == Some(sighting.order)
            && event["data"]["orderVersion"].as_u64() == Some(sighting.version)
            && event["data"]["order"]["version"].as_u64().is_none_or(|it| it == sighting.version)
            && moment == Some(sighting.recorded_at)
    }

    /// Where a frame holds the order's id, the version and the moment, for whoever writes other values there.
    pub fn places(&self, payload: &[u8]) -> Option<[std::ops::Range<usize>; 3]> {
        let start = |finder: &Finder<'_>| Some(finder.find(payload)? + finder.needle().len());
        let (order, version, moment) =
            (start(&self.order)?, start(&self.version)?, start(&self.timestamp)?);
        let digits = payload.get(version..)?.iter().take_while(|it| it.is_ascii_digit()).count();
        let quote = memchr::memchr(b'"', payload.get(moment..)?)?;
        Some([order..order + 32, version..version + digits, moment..moment + quote])
    }
}

fn decimal(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|it| it.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &[u8] = br#"{"type":"event","event":{"eventId":"evt_019a0000000070008000000000000001","eventType":"OrderEtaChanged","version":"1.0","timestamp":"2026-11-20T18:30:00.123456Z","source":"orderwire","data":{"orderId":"ord_019a0000000070008000000000000118","storeId":"str_1","orderVersion":42,"order":{"id":"x","version":42}},"metadata":{}}}"#;

    #[test]
    fn the_scan_and_a_full_reading_agree() {
        let mut scanner = Scanner::new();
        let sighting = scanner.read(FRAME).unwrap();
        assert_eq!(sighting.version, 42);
        assert_eq!(sighting.order, 0x019a_0000_0000_7000_8000_0000_0000_0118);
        assert_eq!(sighting.recorded_at, 1_795_199_400_123_456_000);
        assert!(Scanner::agrees(sighting, FRAME));
        assert!(!Scanner::agrees(Sighting { version: 41, ..sighting }, FRAME));
    }

    #[test]
    fn another_event_is_not_taken_for_the_last_one() {
        let mut scanner = Scanner::new();
        let first = scanner.read(FRAME).unwrap();
        let other =
            String::from_utf8_lossy(FRAME).replace("000001\"", "000002\"").replace("42", "43");
        assert_eq!(scanner.read(other.as_bytes()).unwrap().version, 43);
        assert_eq!(scanner.read(FRAME), Some(first));
    }

    #[test]
    fn the_places_hold_what_was_read() {
        let [order, version, moment] = Scanner::new().places(FRAME).unwrap();
        assert_eq!(&FRAME[order], b"019a0000000070008000000000000118");
        assert_eq!(&FRAME[version], b"42");
        assert_eq!(&FRAME[moment], b"2026-11-20T18:30:00.123456Z");
    }
}
