//! What one socket has received: versions of one order come one by one, none missing and none twice.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;

/// The books of one socket.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The newest version of each order.
    versions: HashMap<String, u64>,
    frames: u64,
    bytes: u64,
    events: u64,
    missing: u64,
    repeated: u64,
    /// Whether the server closed before the time was up.
    pub was_cut_off: bool,
}

/// The books of all sockets.
#[derive(Debug, Default)]
pub struct Tally {
    sum: Ledger,
    fewest: Option<u64>,
    most: u64,
    cut_off: u64,
}

impl Ledger {
    /// Begins with a snapshot: of one order, or of many.
    pub fn begin(&mut self, snapshot: &Value) {
        let many = snapshot["orders"].as_array().into_iter().flatten();
        for order in many.chain(snapshot.get("order")) {
            if let (Some(id), Some(version)) = (order["id"].as_str(), order["version"].as_u64()) {
                self.versions.insert(id.to_owned(), version);
            }
        }
    }

    /// Books one frame.
    pub fn take(&mut self, text: &str) {
        self.frames += 1;
        self.bytes += text.len() as u64;
        let Ok(frame) = serde_json::from_str::<Value>(text) else { return };
        let data = &frame["event"]["data"];
        let (Some(id), Some(version)) = (data["orderId"].as_str(), data["orderVersion"].as_u64())
        else {
            return;
        };
        self.events += 1;
        match self.versions.get_mut(id) {
            None => {
                // An order from before the snapshot may come back into view at any version; a new one begins with the first.
                if frame["event"]["eventType"] == "OrderCreated" {
                    self.missing += version.saturating_sub(1);
                }
                self.versions.insert(id.to_owned(), version);
            }
            Some(known) if version <= *known => self.repeated += 1,
            Some(known) => {
                self.missing += version - *known - 1;
                *known = version;
            }
        }
    }
}

impl Tally {
    /// Adds one socket's books.
    pub fn add(&mut self, one: &Ledger) {
        self.fewest = Some(self.fewest.map_or(one.frames, |it| it.min(one.frames)));
        self.most = self.most.max(one.frames);
        self.cut_off += u64::from(one.was_cut_off);
        self.sum.frames += one.frames;
        self.sum.bytes += one.bytes;
        self.sum.events += one.events;
        self.sum.missing += one.missing;
        self.sum.repeated += one.repeated;
    }

    /// Whether every socket received everything once.
    pub const fn is_whole(&self) -> bool {
        self.sum.missing == 0 && self.sum.repeated == 0 && self.cut_off == 0
    }

    /// For people.
    pub fn report(&self, lasted: Duration) -> String {
        let Ledger { frames, bytes, events, missing, repeated, .. } = self.sum;
        let seconds = lasted.as_secs().max(1);
        format!(
            "{frames} frames ({events} events, {bytes} bytes) in {lasted:.1?}: {} frames a second\n\
             frames on one socket: {} to {}\n\
             versions missing: {missing}, repeated: {repeated}; sockets cut off: {}",
            frames / seconds,
            self.fewest.unwrap_or(0),
            self.most,
            self.cut_off,
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: &str, version: u64) -> String {
        let data = json!({"orderId": id, "orderVersion": version});
        let event = json!({"eventType": "OrderStatusChanged", "data": data});
        json!({"type": "event", "event": event}).to_string()
    }

    #[test]
    fn what_is_skipped_and_what_comes_twice_is_counted() {
        let mut ledger = Ledger::default();
        ledger.begin(&json!({"orders": [{"id": "a", "version": 3}]}));
        for (id, version) in [("a", 4), ("a", 7), ("a", 7), ("b", 2), ("b", 3)] {
            ledger.take(&event(id, version));
        }
        ledger.take(r#"{"type":"ping"}"#);
        let mut tally = Tally::default();
        tally.add(&ledger);
        assert_eq!((tally.sum.events, tally.sum.missing, tally.sum.repeated), (5, 2, 1));
        assert_eq!((tally.sum.frames, tally.is_whole()), (6, false));
    }
}
