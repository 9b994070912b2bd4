//! What commands print.

use std::io::Write;

/// Says something beside the answer, on standard error.
#[expect(clippy::print_stderr, reason = "standard output is the answer's")]
pub fn note(text: impl std::fmt::Display) {
    eprintln!("note: {text}");
}

/// Prints for people and pipes. A reader that has gone away, as `head` does, has read enough.
pub fn say(line: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
