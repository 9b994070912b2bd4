//! The integration suite, in one binary.

// It is for tests anyhow; said aloud, clippy lets helping functions unwrap as it lets tests.
#![cfg(test)]

mod deployment;
mod errors;
mod harness;
mod health;
mod openapi;
mod orders;
mod webhooks;
