//! The integration suite, in one binary.

// It is for tests anyhow; said aloud, clippy lets helping functions unwrap as it lets tests.
#![cfg(test)]

mod demo;
mod deployment;
mod harness;
