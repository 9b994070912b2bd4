//! What one delivered frame costs the server, and how long it takes: beside the floor, if asked for.
//!
//! Stretches take turns: changes of watched orders, as many changes of orders that nobody watches, and both again on the floor. What
//! the second takes is the cost of making an event, and is taken off the first.

mod told;
mod turns;

use std::{ops::Range, sync::Arc, time::Duration};

use anyhow::Context;

use crate::{
    cli::Cli,
    client::{Client, wait},
    drive::{Changer, Load, bus::Bus, change::Staff},
    floor::{Hand, Process},
    plans,
    report::Report,
    run::{
        fanout::turns::Turns,
        slice::Side,
        stage::{PATIENCE, Stage},
    },
    scenario::Change,
    world::{Order, World},
};

/// One second of warming up: pools are opened, prepared statements prepared, a sample frame is seen.
const WARM_UP: f64 = 1.0;

/// What new sockets leave to do comes to rest before anything is measured.
const REST: Duration = Duration::from_millis(200);

/// The floor, with sockets of its own.
struct Ground {
    process: Process,
    world: Arc<World>,
    client: Client,
    hand: Hand,
}

/// Who changes orders, and which.
struct Rig<'a> {
    stage: &'a Stage,
    bus: Option<Bus>,
    watched: Range<usize>,
    unwatched: Range<usize>,
}

/// What changes the server's orders.
enum Source {
    Staff(Staff),
    Bus(Bus),
}

impl Changer for Source {
    fn change(&mut self, order: &Order) -> anyhow::Result<()> {
        match self {
            Self::Staff(staff) => staff.change(order),
            Self::Bus(bus) => bus.change(order),
        }
    }
}

/// Carries it out.
pub fn run(stage: Stage, cli: &Cli) -> anyhow::Result<Report> {
    stage.connect()?;
    let (server, floor) = measure(&Rig::new(&stage)?, cli.with_floor)?;
    stage.progress.end();
    let measured = stage.server.pid().is_some();
    let (mut report, scenario) = (stage.report, &stage.scenario);
    let load = format!(
        "{} sockets on {} topics, {} {:?} changes/s for {} s, {} times",
        stage.plans.len(),
        scenario.topics,
        scenario.rate,
        scenario.change,
        scenario.seconds,
        scenario.rounds
    );
    report.condition("load", load);
    told::server(&mut report, &server, measured);
    if cli.with_floor {
        told::floor(&mut report, &server, &floor);
    }
    Ok(report)
}

fn measure(rig: &Rig<'_>, with_floor: bool) -> anyhow::Result<(Turns, Turns)> {
    let (stage, progress) = (rig.stage, &rig.stage.progress);
    let side = stage.side();
    let source = || rig.source();
    let (mut sources, mut hands) = (Vec::new(), Vec::new());
    progress.begin("warming up");
    let warm = |orders| Load { seconds: WARM_UP, ..rig.load(orders, 0) };
    let first = side.slice(&warm(&rig.watched), &mut sources, source, progress)?;
    side.slice(&warm(&rig.unwatched), &mut sources, source, progress)?;
    let sample = first.tally.sample.context("no frame has come")?;
    let ground = with_floor.then(|| Ground::lay(stage, sample)).transpose()?;
    let floor_client = ground.as_ref().map(|it| &it.client);
    let (mut server, mut floor) = (Turns::default(), Turns::default());
    for round in 1..=stage.scenario.rounds {
        progress.begin(&format!("round {round} of {}", stage.scenario.rounds));
        let (watched, unwatched) = (rig.load(&rig.watched, round), rig.load(&rig.unwatched, round));
        stage.admit(&stage.client, floor_client)?;
        let on = side.slice(&watched, &mut sources, source, progress)?;
        let off = side.slice(&unwatched, &mut sources, source, progress)?;
        server.take(on, off);
        if let Some(ground) = &ground {
            stage.admit(&ground.client, Some(&stage.client))?;
            let side = ground.side(side);
            let hand = || Ok(ground.hand.clone());
            let on = side.slice(&watched, &mut hands, hand, progress)?;
            let off = side.slice(&unwatched, &mut hands, hand, progress)?;
            floor.take(on, off);
        }
    }
    Ok((server, floor))
}

impl<'a> Rig<'a> {
    fn new(stage: &'a Stage) -> anyhow::Result<Self> {
        let (watched, unwatched) = plans::orders(&stage.scenario, &stage.world);
        let mut rig = Self { stage, bus: None, watched, unwatched };
        if stage.scenario.change == Change::Bus {
            let (url, exchange) =
                stage.server.bus.as_ref().context("this scenario takes --real, with RabbitMQ")?;
            let order = stage.world.orders.last().context("no order")?;
            let change = || stage.staff()?.change(order);
            rig.bus = Some(Bus::open(url, exchange, &stage.world, change)?);
        }
        Ok(rig)
    }

    fn source(&self) -> anyhow::Result<Source> {
        match &self.bus {
            Some(bus) => Ok(Source::Bus(bus.clone())),
            None => Ok(Source::Staff(self.stage.staff()?)),
        }
    }

    fn load(&self, orders: &Range<usize>, round: usize) -> Load {
        let load = self.stage.load(orders);
        Load { first: round * load.count(), ..load }
    }
}

impl Stage {
    /// Opens the sockets of one side. Where those of both do not fit under the file limit, the other's are closed before.
    fn admit(&self, client: &Client, other: Option<&Client>) -> anyhow::Result<()> {
        let all = self.plans.len();
        if let Some(other) = other.filter(|_| self.in_turns) {
            other.cut(0..all);
            wait(PATIENCE, || other.open() == 0);
        }
        if client.subscribed() < all {
            client.connect_all(self.scenario.connect_rate, PATIENCE)?;
            std::thread::sleep(REST);
        }
        Ok(())
    }
}

impl Ground {
    fn lay(stage: &Stage, sample: Vec<u8>) -> anyhow::Result<Self> {
        let process = Process::start()?;
        let world = Arc::new(stage.world.twin());
        let plans = plans::of(&stage.scenario, &world, &stage.server, process.address);
        let client = Client::start(process.address, &world, plans, 1)?;
        let kinds = plans::kinds(&stage.scenario);
        let hand = Hand::new(process.address, sample, &world, kinds, stage.scenario.burst())?;
        Ok(Self { process, world, client, hand })
    }

    /// The floor and its sockets, measured as the server is.
    fn side<'a>(&'a self, server: Side<'a>) -> Side<'a> {
        let pid = Some(self.process.pid());
        Side { name: "floor", client: &self.client, world: &self.world, pid, ..server }
    }
}
