//! Measures Orderwire: events in, frames out, and what they cost. See `README.md`.

mod asserts;
mod cli;
mod client;
mod cloud;
mod drive;
mod floor;
mod http;
mod machine;
mod metrics;
mod plans;
mod progress;
mod receiver;
mod record;
mod report;
mod run;
mod scenario;
mod server;
mod services;
mod token;
mod world;

use std::{
    fs,
    io::{Write, stdout},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use rustix::process::Signal;

use crate::{
    cli::{Cli, Command},
    report::{Report, json, medians, table},
    scenario::Scenario,
};

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    match cli.command {
        None => measure(&cli),
        Some(Command::Floor { listen, ends_with_parent }) => {
            if ends_with_parent {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            }
            floor::serve(listen)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Medians { files }) => {
            let read = |it: &PathBuf| {
                fs::read_to_string(it).with_context(|| format!("cannot read {}", it.display()))
            };
            let texts = files.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
            stdout().write_all(medians::table(&texts)?.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn measure(cli: &Cli) -> anyhow::Result<ExitCode> {
    let conditions = asserts::parse(cli.assert.as_deref().unwrap_or_default())?;
    let name = cli.scenario.as_deref().context("which scenario?")?;
    let scenario = cli.change.apply(Scenario::load(name)?);
    let report = run::run(cli, scenario)?;
    let text = if cli.json { json::lines(&report) } else { table::text(&report) };
    stdout().write_all(text.as_bytes())?;
    if let Some(folder) = &cli.report {
        report.save(folder)?;
        say(&format!("the report is {}", folder.join("report.html").display()))?;
    }
    judge(&report, &conditions)
}

fn judge(report: &Report, conditions: &[asserts::Condition]) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for condition in conditions {
        if condition.holds(|name| report.value(name))? {
            say(&format!("holds: {}", condition.text))?;
        } else {
            say(&format!("DOES NOT HOLD: {}", condition.text))?;
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{line}")
}
