//! The restaurant's own systems are told of every change, while some of them are dead.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{
    drive::change::Staff,
    http::Http,
    machine,
    metrics::Metrics,
    receiver::{Heard, Receivers, registration},
    report::{Report, Unit},
    run::stage::Stage,
    server::Server,
};

/// How long no delivery may come before the missing ones count as lost.
const SILENCE: Duration = Duration::from_secs(10);

/// Carries it out.
pub fn run(stage: Stage) -> anyhow::Result<Report> {
    let Stage { scenario, server, world, progress, mut report, .. } = stage;
    let (healthy, dead) = (scenario.endpoints, scenario.dead);
    progress.begin(&format!("registering {healthy} endpoints and {dead} dead ones"));
    let receivers = Receivers::start(Arc::clone(&world), healthy, dead)?;
    register(&server, &receivers)?;
    let load = crate::drive::Load {
        rate: scenario.rate,
        seconds: scenario.seconds,
        orders: (0..world.orders.len()).collect(),
        connections: scenario.connections,
        first: 0,
    };
    let versions = || world.orders.iter().map(|it| it.version.load(Ordering::Relaxed)).sum::<u64>();
    let (before, cpu, start) = (versions(), machine::cpu(server.pid()), machine::now());
    let staff = server.mint.service("loadtest");
    let driven = load.drive(
        &world,
        &mut Vec::new(),
        || Ok(Staff::new(server.address, &staff, scenario.change, scenario.stations)),
        || progress.tell(|| format!("{} deliveries", receivers.count())),
    )?;
    let expected = (versions() - before) * healthy as u64;
    progress.begin("waiting for the last deliveries");
    settle(&receivers, expected);
    let cpu = machine::cpu(server.pid()) - cpu;
    let metrics = Metrics::of(&server);
    progress.end();
    let heard = receivers.finish()?;
    ensure!(heard.deliveries > 0, "nothing was delivered: {:?}", driven.failure);
    report.condition(
        "load",
        format!(
            "{} changes/s for {} s, told to {healthy} endpoints, and to {dead} that take connections and never answer",
            scenario.rate, scenario.seconds
        ),
    );
    report.times("change due → endpoint has it", "", &heard.due);
    let seconds = heard.last.saturating_sub(start) as f64 / 1e9;
    let meaning = "deliveries to endpoints that answer, until the last of them";
    report.figure(
        "delivered_per_second",
        heard.deliveries as f64 / seconds,
        Unit::PerSecond,
        meaning,
    );
    count(&mut report, &heard, expected);
    report.count("change_failures", driven.failed, "changes that failed");
    let waiting = metrics.sum("orderwire_endpoint_deliveries_due").unwrap_or(0.0);
    report.figure("dead_due", waiting, Unit::Count, "deliveries that wait for dead endpoints");
    let each = cpu.total() / heard.deliveries as f64;
    let meaning =
        "server's processor time for each delivery, the change and the dead ones included";
    report.figure("delivery_cpu_us", each, Unit::Micros, meaning);
    report.notes.extend(driven.failure.map(|it| format!("the first failed change: {it}")));
    Ok(report)
}

/// Has them told of changes, through the interface that everybody uses.
fn register(server: &Server, receivers: &Receivers) -> anyhow::Result<()> {
    let token = format!("Bearer {}", server.mint.service("loadtest"));
    let mut http = Http::new(server.address);
    for address in receivers.healthy.iter().chain(&receivers.dead) {
        let body = registration(*address)?;
        let headers = [("authorization", token.as_str())];
        http.call("POST", "/v1/endpoints", &headers, body.as_bytes())?.json()?;
    }
    Ok(())
}

/// What came, and what did not.
fn count(report: &mut Report, heard: &Heard, expected: u64) {
    report.count("deliveries", heard.deliveries, "each counted once");
    report.count(
        "lost",
        expected.saturating_sub(heard.deliveries),
        "that should have come and did not",
    );
    report.count("repeated", heard.repeated, "that had come before");
    report.count("disordered", heard.disordered, "that came after a later one of their order");
    report.count("verified", heard.verified, "signatures that were verified");
    report.count("forged", heard.forged, "of these, wrong ones");
    report.count("unread", heard.unread, "requests that could not be read");
    report.count("connections", heard.connections, "that deliveries came over");
}

/// Waits until so many deliveries have come, or none comes any more.
fn settle(receivers: &Receivers, expected: u64) {
    let (mut last, mut since) = (receivers.count(), Instant::now());
    while last < expected && since.elapsed() < SILENCE {
        std::thread::sleep(Duration::from_millis(10));
        let now = receivers.count();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}
