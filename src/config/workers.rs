//! The settings of the loops.

use serde::Deserialize;

use crate::config::{
    Span,
    setting::{Setting, Shown, range, section},
};

section! {
    /// The loops that move work along.
    pub struct Workers as "workers" {
        /// Events that the relay publishes at once.
        relay_batch: u32 = 256, in 1, 10_000;
        /// Partner calls that the intake applies at once.
        intake_batch: u32 = 64, in 1, 10_000;
        /// How often the intake tries a call before it is set aside as dead.
        intake_attempts: u32 = 10, in 1, 1000;
        /// How long a partner's call waits for its order or its store to be there; then it is set aside as dead, and can be replayed.
        parked_for: Span = Span::secs(7 * 86_400), in Span::secs(1), Span::secs(3650 * 86_400);
        /// How long partners' calls, and channels' receipts, are kept that are done with: by them a repetition is known.
        calls_keep: Span = Span::secs(90 * 86_400), in Span::secs(7 * 86_400), Span::secs(3650 * 86_400);
        /// How long a loop rests when nobody wakes it.
        rest: Span = Span::secs(1), in Span::millis(10), Span::secs(60);
        /// How long a shutdown waits before it forces its way.
        shutdown_grace: Span = Span::secs(20), in Span::millis(100), Span::secs(600);
    }
}
