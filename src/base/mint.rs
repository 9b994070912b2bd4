//! Where ids and chance come from: the machine, or a seed, so that a test or a demo can be repeated.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

/// Makes ids and random bytes.
#[derive(Clone, Debug)]
pub struct Mint {
    /// `None` asks the operating system each time.
    seeded: Option<Arc<Mutex<StdRng>>>,
}

impl Mint {
    /// Unforeseeable.
    pub const fn system() -> Self {
        Self { seeded: None }
    }

    /// The same sequence for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seeded: Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))) }
    }

    /// A time-ordered id (UUID version 7, RFC 9562).
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Fills a buffer with chance.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.seeded {
            None => rand::rng().fill_bytes(bytes),
            Some(rng) => rng.lock().fill_bytes(bytes),
        }
    }

    /// A number from 0 (included) to 1 (not).
    pub fn fraction(&self) -> f64 {
        match &self.seeded {
            None => rand::rng().random(),
            Some(rng) => rng.lock().random(),
        }
    }
}
