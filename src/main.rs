//! Parses the command line, runs it, turns its error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use orderwire::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a process that fails")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("orderwire: {error:#}");
    ExitCode::from(2)
}
