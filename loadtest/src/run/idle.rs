//! What an idle socket weighs.

use std::time::{Duration, Instant};

use crate::{
    client::wait,
    machine,
    report::{Report, Unit},
    run::stage::{PATIENCE, Stage},
};

/// Longer than the server's `live.ping_every`: each socket is pinged once.
const WATCHED: Duration = Duration::from_secs(26);

/// Carries it out.
pub fn run(stage: Stage) -> anyhow::Result<Report> {
    let pid = stage.server.pid();
    let rest = Duration::from_secs_f64(stage.scenario.seconds);
    std::thread::sleep(rest);
    let (empty, (caches, buffers)) = (machine::resident(pid), machine::kernel_memory());
    stage.connect()?;
    stage.progress.begin("resting");
    std::thread::sleep(rest);
    let (full, (more_caches, more_buffers)) = (machine::resident(pid), machine::kernel_memory());
    let (cpu, start) = (machine::cpu(pid), Instant::now());
    stage.progress.begin("watching the server do nothing");
    std::thread::sleep(WATCHED);
    let busy = (machine::cpu(pid) - cpu).total() / 1e6 / start.elapsed().as_secs_f64();
    let tally = stage.client.swap();
    stage.progress.begin("closing");
    stage.client.cut(0..stage.plans.len());
    wait(PATIENCE, || stage.client.open() == 0);
    std::thread::sleep(rest);
    let after = machine::resident(pid);
    stage.progress.end();
    let count = stage.plans.len() as f64;
    let mut report = stage.report;
    report
        .condition("load", format!("{count} sockets, one subscription each to a topic of its own"));
    report.times("connection due → upgraded", "connected_", &tally.connected);
    report.times("connection due → subscribed", "subscribed_", &tally.subscribed);
    let each = |more: u64, less: u64| (more as f64 - less as f64) / count;
    let meaning = "(resident memory with sockets − without) / sockets";
    report.size("rss_per_socket", each(full, empty), meaning);
    report.figure("rss_empty", empty as f64, Unit::Bytes, "resident memory without sockets");
    report.figure("rss_full", full as f64, Unit::Bytes, "with them");
    report.figure("rss_after", after as f64, Unit::Bytes, "after they were closed");
    let meaning = "the kernel's object caches grew by, for each socket, both ends";
    report.size("kernel_per_socket", each(more_caches, caches), meaning);
    let meaning = "the kernel's TCP buffers grew by, for each socket, both ends";
    report.figure("kernel_buffers_per_socket", each(more_buffers, buffers), Unit::Bytes, meaning);
    report.figure(
        "idle_cpu",
        busy * 100.0,
        Unit::Percent,
        "of one core, while nothing happens but pings",
    );
    report.checks(&tally, 0);
    Ok(report)
}
