//! How far the machine's clock is from the database's, by which a cluster goes.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use sqlx::PgConnection;

use crate::{
    base::clock::{self, Clock},
    store::{Database, StoreError, moment::At, tx::Conn},
};

/// How often the database is asked in one measurement. The quickest answer counts.
const SAMPLES: usize = 4;

/// What is to be added to the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// Positive when the database's clock is ahead.
    pub offset: SignedDuration,
    /// How far the truth may be from that, either way: half the round trip.
    pub uncertainty: Duration,
}

impl Database {
    /// Compares the clocks. `None` on SQLite, which has none of its own.
    pub async fn clock_offset(&self, clock: &Clock) -> Result<Option<ClockOffset>, StoreError> {
        let mut tx = self.read().await?;
        let Conn::Postgres(session) = &mut tx.conn else { return Ok(None) };
        let mut best: Option<ClockOffset> = None;
        for _ in 0..SAMPLES {
            let sample = sample(&mut *session, clock).await?;
            best = Some(best.map_or(sample, |best| {
                if sample.uncertainty < best.uncertainty { sample } else { best }
            }));
        }
        Ok(best)
    }

    /// Corrects a clock by the database's, where that has one. A frozen clock stays as it is.
    pub async fn correct(&self, clock: &Clock) -> Result<(), StoreError> {
        if matches!(clock, Clock::Frozen(_)) {
            return Ok(());
        }
        if let Some(measured) = self.clock_offset(clock).await? {
            clock.correct(measured.offset, measured.uncertainty);
        }
        Ok(())
    }
}

async fn sample(session: &mut PgConnection, clock: &Clock) -> Result<ClockOffset, StoreError> {
    let (machine, begun) = (clock.machine(), Instant::now());
    let At(theirs) = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(session).await?;
    let uncertainty = begun.elapsed() / 2;
    let midpoint = clock::after(machine, uncertainty);
    Ok(ClockOffset { offset: theirs.duration_since(midpoint), uncertainty })
}
