//! Opens many sockets on one topic of a running Orderwire and counts what arrives, and whether anything is missing.

mod ledger;
mod socket;

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, ensure};
use clap::Parser;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{ledger::Tally, socket::Target};

/// Listen to one topic with many sockets, and report frames and gaps.
#[derive(Debug, Parser)]
struct Args {
    /// Where the server is: http://127.0.0.1:8080
    #[arg(long)]
    url: String,
    /// A token that may watch the topic: `orderwire token …`, or the one that `orderwire demo` prints
    #[arg(long, env = "TOKEN", hide_env_values = true)]
    token: String,
    /// What to watch: order:ord_…, store:str_…, ops
    #[arg(long)]
    topic: String,
    /// How many sockets
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    sockets: u32,
    /// For how long, once all are open
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Between two handshakes, so that opening is not what is measured.
const STAGGER: Duration = Duration::from_millis(1);

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the last word of a run that fails")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let target = Target::new(&args.url, &args.token, &args.topic)?;
    let begun = Instant::now();
    let mut opening = JoinSet::new();
    for _ in 0..args.sockets {
        let target = target.clone();
        opening.spawn(async move { target.open().await });
        sleep(STAGGER).await;
    }
    let mut open = Vec::new();
    let mut refused = Vec::new();
    while let Some(opened) = opening.join_next().await {
        match opened? {
            Ok(socket) => open.push(socket),
            Err(error) => refused.push(format!("{error:#}")),
        }
    }
    let opened_in = begun.elapsed();
    if let Some(why) = refused.first() {
        say(&format!("{} sockets could not be opened, the first because: {why}", refused.len()));
    }
    ensure!(!open.is_empty(), "no socket is open");

    let begun = Instant::now();
    let end = begun + Duration::from_secs(args.seconds);
    let mut listening = JoinSet::new();
    let sockets = open.len();
    for socket in open {
        listening.spawn(socket.listen(sleep_until(end)));
    }
    let mut tally = Tally::default();
    while let Some(heard) = listening.join_next().await {
        tally.add(&heard?);
    }
    say(&format!("{sockets} sockets open on {} after {opened_in:.1?}", args.topic));
    say(&tally.report(begun.elapsed()));
    ensure!(refused.is_empty() && tally.is_whole(), "something is missing");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what it is run for")]
fn say(line: &str) {
    println!("{line}");
}
