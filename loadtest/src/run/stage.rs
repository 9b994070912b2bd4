//! What is set up before anything is measured.

use std::{ops::Range, sync::Arc, time::Duration};

use anyhow::ensure;

use crate::{
    cli::Cli,
    client::{Client, Plan, wait},
    drive::{Load, change::Staff},
    machine,
    metrics::Metrics,
    plans,
    progress::Progress,
    report::Report,
    run::slice::Side,
    scenario::Scenario,
    server::Server,
    world::World,
};

/// Files that a process needs besides its sockets.
const SPARE_FILES: usize = 200;

/// How long things may take that take no time on a healthy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What is set up before anything is measured.
pub struct Stage {
    /// What is asked for.
    pub scenario: Scenario,
    /// The server.
    pub server: Server,
    /// Its orders.
    pub world: Arc<World>,
    /// What each socket does.
    pub plans: Vec<Plan>,
    /// How many sockets each order's events go to.
    pub watchers: Vec<u64>,
    /// The sockets.
    pub client: Client,
    /// Those of the server and of the floor do not fit under the file limit together: they are open in turns.
    pub in_turns: bool,
    /// The progress line.
    pub progress: Progress,
    /// What came out.
    pub report: Report,
}

impl Stage {
    /// Starts the server, places the orders. No socket is open yet.
    pub fn set(cli: &Cli, scenario: Scenario) -> anyhow::Result<Self> {
        let progress = Progress::new();
        let files = machine::raise_file_limit();
        let sockets = scenario.sockets + scenario.customers;
        let room = (files as usize).saturating_sub(SPARE_FILES);
        ensure!(
            sockets <= room,
            "{sockets} sockets are wanted, but this system lets one process have {files} files: {room} at most"
        );
        let in_turns = cli.with_floor && room < 2 * sockets;
        progress.begin("starting the server");
        let server = Server::start(&cli.aim, &scenario.set)?;
        let mut report = Report::new(&scenario, &server.what);
        report.condition("reader", reader(&scenario));
        report.condition("file limit", format!("{files} for each process"));
        if in_turns {
            report.condition(
                "open",
                "the server's sockets and the floor's in turns, for want of files",
            );
        }
        let blueprint = plans::blueprint(&scenario);
        let orders: usize = blueprint.orders_of.iter().sum();
        progress.begin(&format!("placing {orders} orders at {} stores", blueprint.orders_of.len()));
        let world = Arc::new(World::build(server.address, &server.mint, &blueprint)?);
        progress.begin("waiting until the outbox is empty");
        wait(PATIENCE * 2, || waiting_events(&server).is_none_or(|it| it == 0.0));
        let plans = plans::of(&scenario, &world, &server, server.address);
        let watchers = plans::watchers(&plans, &world);
        let client = Client::start(server.address, &world, plans.clone(), cli.client_threads)?;
        Ok(Self { scenario, server, world, plans, watchers, client, in_turns, progress, report })
    }

    /// The server and its sockets.
    pub fn side(&self) -> Side<'_> {
        Side {
            name: "server",
            client: &self.client,
            world: &self.world,
            pid: self.server.pid(),
            watchers: &self.watchers,
            pause: self.scenario.reader_pause(),
        }
    }

    /// What the scenario asks for, on the watched orders.
    pub fn load_watched(&self) -> Load {
        self.load(&plans::orders(&self.scenario, &self.world).0)
    }

    /// What the scenario asks for, on these orders.
    pub fn load(&self, orders: &Range<usize>) -> Load {
        let scenario = &self.scenario;
        Load {
            rate: scenario.rate,
            seconds: scenario.seconds,
            orders: orders.clone().collect(),
            connections: scenario.connections,
            first: 0,
        }
    }

    /// Somebody who changes orders.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "what a driver asks of whoever makes its changers"
    )]
    pub fn staff(&self) -> anyhow::Result<Staff> {
        let (scenario, token) = (&self.scenario, self.server.mint.service("loadtest"));
        Ok(Staff::new(self.server.address, &token, scenario.change, scenario.stations))
    }

    /// Opens all sockets, at a pace that any server bears.
    pub fn connect(&self) -> anyhow::Result<()> {
        self.progress.begin(&format!("opening {} sockets", self.plans.len()));
        self.client.connect_all(self.scenario.connect_rate, PATIENCE)
    }
}

/// How frames are waited for, for the report.
fn reader(scenario: &Scenario) -> String {
    let micros = scenario.reader_pause_us;
    if micros == 0 {
        return "waits in epoll: latencies count to a frame's arrival".to_owned();
    }
    format!(
        "sleeps {micros} µs at a time while changes are measured, so that no write has to wake it: processor time is that of writing, \
         latencies count to a frame's reading and are up to a pause too long"
    )
}

/// Events that are committed and not published, if the server tells.
fn waiting_events(server: &Server) -> Option<f64> {
    Metrics::of(server).sum("orderwire_outbox_rows")
}
