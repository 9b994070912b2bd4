//! What was seen: counts, and how long things took.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// Durations in microseconds, up to ten minutes, to three digits.
#[derive(Clone, Debug)]
pub struct Times(Histogram<u64>);

const LONGEST: u64 = 600_000_000;

impl Default for Times {
    #[expect(clippy::expect_used, reason = "the bounds are constants that fit each other")]
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("good bounds"))
    }
}

impl Times {
    /// Something took from one moment (in nanoseconds) to another.
    pub fn between(&mut self, start: u64, end: u64) {
        self.0.saturating_record(end.saturating_sub(start) / 1000);
    }

    /// Takes in what another one has.
    pub fn add(&mut self, other: &Self) {
        // The bounds are the same.
        let _: Result<(), _> = self.0.add(&other.0);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value that this share of all does not exceed, in microseconds; `quantile` from 0 to 1.
    pub fn at(&self, quantile: f64) -> u64 {
        if self.0.is_empty() { 0 } else { self.0.value_at_quantile(quantile) }
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        if self.0.is_empty() { 0 } else { self.0.max() }
    }
}

/// What sockets saw in one stretch of time.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// From the moment that the change was recorded to the frame's arrival; to its reading, while the client pauses.
    pub committed: Times,
    /// From the moment that the change was due to the frame's arrival: what stands in a queue before the server counts.
    pub due: Times,
    /// From the moment that a connection was due to its upgrade, refusals and returns between the two included.
    pub connected: Times,
    /// From that moment to its snapshot.
    pub subscribed: Times,
    /// Event frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Reads that brought at least one event frame.
    pub reads: u64,
    /// Versions that a socket never saw, as far as later ones showed.
    pub skipped: u64,
    /// Versions seen twice.
    pub repeated: u64,
    /// Versions seen after a newer one.
    pub disordered: u64,
    /// Frames that the short cut read wrongly, of those read fully too; and events of orders that are not ours.
    pub misread: u64,
    /// Frames that are no event: by their type.
    pub others: BTreeMap<String, u64>,
    /// How connections ended, by close code; 1006 without one.
    pub closes: BTreeMap<u16, u64>,
    /// Refused upgrades, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Connections that failed, by what the system said.
    pub failures: BTreeMap<String, u64>,
    /// What `reconnect` frames asked for, in milliseconds.
    pub hints: Vec<u64>,
    /// When connections ended, in nanoseconds since 1970.
    pub ended_at: Vec<u64>,
    /// Connections that came back and were given what they missed.
    pub resumed: u64,
    /// Snapshots that showed less than their socket knew.
    pub went_back: u64,
    /// An event frame, whole.
    pub sample: Option<Vec<u8>>,
    /// The first complaint of the server.
    pub complaint: Option<String>,
}

impl Tally {
    /// Takes in what another one has.
    pub fn add(&mut self, other: Self) {
        self.committed.add(&other.committed);
        self.due.add(&other.due);
        self.connected.add(&other.connected);
        self.subscribed.add(&other.subscribed);
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.reads += other.reads;
        self.skipped += other.skipped;
        self.repeated += other.repeated;
        self.disordered += other.disordered;
        self.misread += other.misread;
        self.resumed += other.resumed;
        self.went_back += other.went_back;
        add_counts(&mut self.others, other.others);
        add_counts(&mut self.closes, other.closes);
        add_counts(&mut self.refused, other.refused);
        add_counts(&mut self.failures, other.failures);
        self.hints.extend(other.hints);
        self.ended_at.extend(other.ended_at);
        self.sample = self.sample.take().or(other.sample);
        self.complaint = self.complaint.take().or(other.complaint);
    }

    /// Versions that came once at least: what can be compared with what was expected.
    pub fn distinct(&self) -> u64 {
        self.frames - self.repeated
    }
}

fn add_counts<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_microseconds_and_exact_to_three_digits() {
        let mut times = Times::default();
        for milli in 1..=1000 {
            times.between(0, milli * 1_000_000);
        }
        assert_eq!(times.count(), 1000);
        assert!(times.at(0.5).abs_diff(500_000) <= 500);
        assert!(times.at(0.99).abs_diff(990_000) <= 990);
        assert!(times.max().abs_diff(1_000_000) <= 1000);
        assert_eq!(Times::default().at(0.99), 0);
    }

    #[test]
    fn a_clock_that_went_back_counts_as_nothing() {
        let mut times = Times::default();
        times.between(5_000, 1_000);
        assert_eq!(times.at(1.0), 0);
    }
}
