//! The settings of the workers.

use serde::Deserialize;

use crate::config::{
    Span,
    setting::{Setting, Shown, range, section},
};

section! {
    /// The workers.
    pub struct Workers as "workers" {
        /// Events in one batch of the relay.
        relay_batch: u32 = 256, in 1, 10_000;
        /// Partner calls in one batch of the intake.
        intake_batch: u32 = 64, in 1, 10_000;
        /// How often the intake tries a call before the call becomes `dead`.
        intake_attempts: u32 = 10, in 1, 1000;
        /// How long a partner's call waits for its order or store. Then it becomes `dead`, and can be replayed.
        parked_for: Span = Span::secs(7 * 86_400), in Span::secs(1), Span::secs(3650 * 86_400);
        /// How long settled calls of partners and receipts of providers are kept. Repetitions are recognised by them.
        calls_keep: Span = Span::secs(90 * 86_400), in Span::secs(7 * 86_400), Span::secs(3650 * 86_400);
        /// How long a worker waits if nothing wakes it.
        rest: Span = Span::secs(1), in Span::millis(10), Span::secs(60);
        /// How long a shutdown waits for work under way before it aborts it.
        shutdown_grace: Span = Span::secs(20), in Span::millis(100), Span::secs(600);
    }
}
