//! The program as people start it: its settings, its commands, and what it says when something is wrong.

mod adapters;
mod commands;
mod doctor;
mod inbox;
mod partners;
mod sealing;
mod settings;

use std::{path::Path, process::Stdio};

use tokio::time::timeout;

use crate::harness::{process::command, wait::PATIENCE};

/// How a run ended and what it said.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program to its end, in an environment with nothing but these variables and a port that nobody else can have.
async fn run(arguments: &[&str], variables: &[(String, String)]) -> Run {
    let mut command = command(arguments);
    command.env("ORDERWIRE_HTTP__LISTEN", "127.0.0.1:0");
    command.envs(variables.iter().cloned()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = timeout(PATIENCE, command.output()).await.expect("it does not end").unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl Run {
    /// It refused to start, and its error says all of this.
    fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(words.iter().all(|it| self.err.contains(it)), "{words:?} in {self:?}");
    }
}
