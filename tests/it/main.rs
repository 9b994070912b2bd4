//! The integration suite, in one binary.

// Said to be for tests once more, so that clippy lets the harness unwrap as it lets tests.
#[cfg(test)]
mod harness;
