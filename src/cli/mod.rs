//! The command line.

mod adapters;
mod dead_letters;
mod demo;
mod doctor;
mod inbox;
mod migrate;
mod options;
mod output;
mod partners;
mod serve;
mod settings;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Real-time order tracking and notification for restaurants.
#[derive(Debug, Parser)]
#[command(version, about, long_about = LONG_ABOUT, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const LONG_ABOUT: &str = "\
Orderwire takes orders and partners' webhooks in, and shows every change on every screen that may see it, at once.

  orderwire demo                 a restaurant to look at, with nothing to set up
  orderwire serve                the server, embedded: SQLite in a folder, listening on 127.0.0.1:8080
  DATABASE_URL=postgres://… AMQP_URL=amqp://… REDIS_URL=redis://… orderwire serve
                                 the same server on real services; each of the three may be left out

Settings come from a TOML file (--config), then from variables (ORDERWIRE_LIVE__PING_EVERY is live.ping_every), then from flags.
`orderwire settings` lists all of them; `orderwire doctor` checks them, and everything the server leans on.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Run the server with a busy restaurant to look at
    Demo(demo::Demo),
    /// Bring the database schema up to date
    Migrate(migrate::Migrate),
    /// Check every setting, reach every dependency, say what to do
    Doctor(doctor::Doctor),
    /// Mint a token for development: for a role, its stores and its scopes
    Token(token::Token),
    /// Look at the stored calls of partners, and apply them once more
    Inbox(inbox::Inbox),
    /// Show how the traffic with each partner stands
    Partners(partners::Partners),
    /// List messages that no consumer could handle
    DeadLetters(dead_letters::DeadLetters),
    /// Check files of your own partners
    Adapters(adapters::Adapters),
    /// List every setting with its default and its meaning
    Settings(settings::Settings),
}

/// Reads the command line and carries it out. An error is told on standard error, and the exit code is 2.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let done = runtime.block_on(run(cli));
            // Dropped, it would wait without a bound for a thread that did not end in its time.
            runtime.shutdown_background();
            done
        });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Carries out a command line. The answer is the exit code.
async fn run(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        Command::Serve(serve) => serve.run().await,
        Command::Demo(demo) => Box::pin(demo.run()).await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Doctor(doctor) => doctor.run().await,
        Command::Token(token) => token.run(),
        Command::DeadLetters(letters) => letters.run().await,
        Command::Inbox(inbox) => inbox.run().await,
        Command::Partners(partners) => partners.run().await,
        Command::Adapters(adapters) => adapters.run(),
        Command::Settings(settings) => settings.run(),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command that fails")]
fn complain(error: &anyhow::Error) {
    eprintln!("orderwire: {error:#}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
