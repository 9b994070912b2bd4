//! Durable state, in PostgreSQL or in an embedded SQLite. One function serves both dialects.
//!
//! What stands here is free functions over one unit of work, a module for each family of tables. SQL is written
//! once and runs on either database; where they differ, the difference is a `match` on the spot. No macro of sqlx
//! checks the SQL at compile time (it could check one dialect only): the tests of this module run every function
//! on both.

mod clock_offset;
mod conditions;
pub mod credentials;
mod database;
mod error;
mod lease;
mod moment;
mod postgres;
pub mod queue;
mod row;
mod rows;
mod schema;
mod signal;
mod sqlite;
mod tx;
mod uninterrupted;

pub mod audit;
pub mod consents;
pub mod dead_letters;
pub mod endpoints;
pub mod idempotency;
pub mod inbox;
pub mod latest_events;
pub mod mappings;
pub mod notifications;
pub mod notify_rules;
pub mod orders;
pub mod outbox;
pub mod partner_calls;
pub mod partners;
pub mod sealing;
pub mod stores;
pub mod timings;

pub use self::{
    database::Database,
    error::StoreError,
    lease::{Lease, LeaseName},
    queue::Claim,
    signal::{Signal, Work},
    tx::Tx,
};

#[cfg(test)]
mod tests;
