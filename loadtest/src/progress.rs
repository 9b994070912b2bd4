//! The line that tells what is going on.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// A line on standard error that is written over and over; where nobody watches, a line now and then.
#[derive(Debug)]
pub struct Progress {
    last: Mutex<Option<Instant>>,
    terminal: bool,
    quiet: Duration,
}

impl Progress {
    /// Nothing said yet.
    pub fn new() -> Self {
        let terminal = stderr().is_terminal();
        let quiet = Duration::from_millis(if terminal { 200 } else { 10_000 });
        Self { last: Mutex::new(None), terminal, quiet }
    }

    /// A new thing begins.
    pub fn begin(&self, text: &str) {
        self.write(text);
    }

    /// How it goes; said only if the last word was a while ago.
    pub fn tell(&self, text: impl FnOnce() -> String) {
        let due = self.last.lock().is_none_or(|last| last.elapsed() >= self.quiet);
        if due {
            self.write(&text());
        }
    }

    /// The line is over.
    pub fn end(&self) {
        if self.terminal {
            // Who cannot be told does not mind.
            let _: std::io::Result<()> = write!(stderr(), "\r\x1b[K");
        }
    }

    fn write(&self, text: &str) {
        let mut out = stderr();
        let _: std::io::Result<()> = if self.terminal {
            write!(out, "\r\x1b[K{text}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{text}")
        };
        *self.last.lock() = Some(Instant::now());
    }
}
