//! The ways in which a scenario goes, and what all of them begin with.

mod fanout;
mod idle;
mod slice;
mod slow;
mod soak;
mod storm;
mod webhooks;

use std::{sync::Arc, time::Duration};

use anyhow::bail;

use crate::{
    cli::Cli,
    client::{Client, Plan},
    machine, plans,
    progress::Progress,
    report::Report,
    scenario::{Kind, Scenario},
    server::Server,
    world::World,
};

/// Files that a process needs besides its sockets.
const SPARE_FILES: usize = 200;

/// How long things may take that take no time on a healthy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is set up before anything is measured.
struct Stage {
    scenario: Scenario,
    server: Server,
    world: Arc<World>,
    plans: Vec<Plan>,
    /// How many sockets each order's events go to.
    watchers: Vec<u64>,
    client: Client,
    progress: Progress,
    report: Report,
}

/// Carries a scenario out.
pub fn run(cli: &Cli, scenario: Scenario) -> anyhow::Result<Report> {
    let kind = scenario.kind;
    let stage = Stage::set(cli, scenario)?;
    match kind {
        Kind::Fanout => fanout::run(stage, cli),
        Kind::Idle => idle::run(stage),
        Kind::Connect => storm::connect(stage),
        Kind::Reconnect => storm::reconnect(stage),
        Kind::Drain => storm::drain(stage),
        Kind::SlowReaders => slow::run(stage),
        Kind::Webhooks => webhooks::run(stage),
        Kind::Soak => soak::run(stage),
    }
}

impl Stage {
    /// Starts the server, places the orders. No socket is open yet.
    fn set(cli: &Cli, scenario: Scenario) -> anyhow::Result<Self> {
        let progress = Progress::new();
        let files = machine::raise_file_limit();
        let sockets = (scenario.sockets + scenario.customers) * if cli.with_floor { 2 } else { 1 };
        if files < (sockets + SPARE_FILES) as u64 {
            let most = files as usize - SPARE_FILES;
            bail!("{sockets} sockets are wanted, but this system lets one process have {files} files: {most} at most");
        }
        progress.begin("starting the server");
        let server = Server::start(&cli.aim, &scenario.set)?;
        let mut report = Report::new(&scenario, &server.what);
        report.condition("file limit", format!("{files} for each process"));
        let blueprint = plans::blueprint(&scenario);
        let orders: usize = blueprint.orders_of.iter().sum();
        progress.begin(&format!("placing {orders} orders at {} stores", blueprint.orders_of.len()));
        let world = Arc::new(World::build(server.address, &server.mint, &blueprint)?);
        let plans = plans::of(&scenario, &world, &server, server.address);
        let watchers = plans::watchers(&plans, &world);
        let client = Client::start(server.address, &world, plans.clone(), cli.client_threads)?;
        Ok(Self { scenario, server, world, plans, watchers, client, progress, report })
    }

    /// Opens all sockets, at a pace that any server bears.
    fn connect(&self) -> anyhow::Result<()> {
        self.progress.begin(&format!("opening {} sockets", self.plans.len()));
        self.client.connect_all(self.scenario.connect_rate, PATIENCE)
    }
}
