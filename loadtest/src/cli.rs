//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::scenario::Scenario;

/// Measures Orderwire: events in, frames out, and what they cost.
#[derive(Debug, Parser)]
#[command(about, max_term_width = 110, after_help = format!("Scenarios:\n{}", Scenario::list()))]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Cli {
    /// What else this tool does.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to run: a scenario's name, or the path of a TOML file
    pub scenario: Option<String>,
    /// The server.
    #[command(flatten)]
    pub aim: Aim,
    /// Changes to the scenario.
    #[command(flatten)]
    pub change: Changes,
    /// Also measure a bare epoll loop that writes the same bytes to as many sockets in the same pattern, in turn with the server
    #[arg(long)]
    pub with_floor: bool,
    /// Threads that read the sockets
    #[arg(long, default_value_t = 1)]
    pub client_threads: usize,
    /// Write one JSON line per figure instead of the table
    #[arg(long)]
    pub json: bool,
    /// Write report.html, latency.svg and figures.jsonl into this folder
    #[arg(long, value_name = "FOLDER")]
    pub report: Option<PathBuf>,
    /// Conditions on figures: `p99<25ms,lost=0`. Exit code 1 if one does not hold
    #[arg(long, value_name = "CONDITIONS")]
    pub assert: Option<String>,
}

/// The server.
#[derive(Debug, Args)]
pub struct Aim {
    /// Start the server on SQLite, the in-process bus and the memory cache (the default)
    #[arg(long, conflicts_with_all = ["real", "url"])]
    pub embedded: bool,
    /// Start the server on what `DATABASE_URL`, `AMQP_URL` and `REDIS_URL` name, else on what `tests/services up` starts
    #[arg(long, conflicts_with = "url")]
    pub real: bool,
    /// Aim at a server that runs already
    #[arg(long, value_name = "http://HOST:PORT")]
    pub url: Option<String>,
    /// With --url: the server's HS256 secret, to mint tokens with
    #[arg(long)]
    pub secret: Option<String>,
    /// With --url: one token of a service that may do everything
    #[arg(long)]
    pub token: Option<String>,
    /// With --url: the generic partner's secret, without `whsec_`
    #[arg(long)]
    pub partner_secret: Option<String>,
    /// The server's program; left out: `orderwire` beside this one
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// A setting of the server that is started
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// What the command line changes of a scenario.
#[derive(Debug, Args)]
pub struct Changes {
    /// Sockets (topics are scaled along, where each has few sockets)
    #[arg(long, value_name = "N")]
    pub sockets: Option<usize>,
    /// Topics that the sockets share
    #[arg(long, value_name = "N")]
    pub topics: Option<usize>,
    /// Changes in a second
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// How long one stretch of measurement lasts
    #[arg(long, value_name = "N")]
    pub seconds: Option<f64>,
    /// How often each stretch is measured
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// How long the threads that read the sockets sleep between two looks while changes are measured. 0: they wait in epoll, as
    /// latencies want it; more: no write wakes them, as processor time wants it
    #[arg(long, value_name = "MICROSECONDS")]
    pub reader_pause: Option<u64>,
}

impl Changes {
    /// The scenario with these changes.
    pub fn apply(&self, scenario: Scenario) -> Scenario {
        let sockets = self.sockets.unwrap_or(scenario.sockets);
        let scaled = (scenario.topics * sockets / scenario.sockets.max(1)).max(1);
        Scenario {
            sockets,
            topics: self.topics.unwrap_or(scaled),
            customers: scenario.customers * sockets / scenario.sockets.max(1),
            rate: self.rate.unwrap_or(scenario.rate),
            seconds: self.seconds.unwrap_or(scenario.seconds),
            rounds: self.rounds.unwrap_or(scenario.rounds).max(1),
            reader_pause_us: self.reader_pause.unwrap_or(scenario.reader_pause_us),
            ..scenario
        }
    }
}

/// What this tool does besides carrying out a scenario.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the bare epoll server alone (scenarios with --with-floor start it themselves)
    Floor {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
        /// End when whoever started it ends
        #[arg(long, hide = true)]
        ends_with_parent: bool,
    },
    /// Print the medians of several runs of one scenario as a markdown table
    Medians {
        /// What the runs wrote with --json, or the figures.jsonl of their reports
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
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
