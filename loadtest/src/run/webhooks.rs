//! Partners call: every call is stored before it is answered, and ends on the screens.

use anyhow::Context;

use crate::{
    drive::change::{PARTNER_STEPS, Partner},
    report::{Report, Unit},
    run::stage::Stage,
};

/// Carries it out.
pub fn run(stage: Stage) -> anyhow::Result<Report> {
    stage.connect()?;
    let secret = stage.server.partner.clone().context("--url takes --partner-secret here")?;
    let load = stage.load_watched();
    let (rate, seconds, connections) = (load.rate, load.seconds, load.connections);
    let room = load.orders.len() * PARTNER_STEPS.len();
    anyhow::ensure!(
        load.count() <= room,
        "{} calls are wanted, the orders have room for {room}",
        load.count()
    );
    let side = stage.side();
    let address = stage.server.address;
    let mut changers = Vec::new();
    let slice =
        side.slice(&load, &mut changers, || Partner::new(address, &secret), &stage.progress)?;
    stage.progress.end();
    let mut report = stage.report;
    report.condition(
        "load",
        format!(
            "{rate} calls/s for {seconds} s over {connections} connections, {} sockets",
            stage.plans.len()
        ),
    );
    report.times("call due → stored and answered", "answered_", &slice.driven.answered);
    report.times("commit → frame received", "", &slice.tally.committed);
    report.times("call due → frame received", "due_", &slice.tally.due);
    let stored = slice.driven.changes - slice.driven.failed;
    let sustained = stored as f64 / slice.driven.seconds;
    report.figure(
        "stored_per_second",
        sustained,
        Unit::PerSecond,
        "calls stored durably and answered with 200",
    );
    report.count("change_failures", slice.driven.failed, "calls that failed");
    report
        .notes
        .extend(slice.driven.failure.as_ref().map(|it| format!("the first failed call: {it}")));
    let each = slice.cpu.total() / slice.driven.changes.max(1) as f64;
    report.figure(
        "call_cpu_us",
        each,
        Unit::Micros,
        "server's processor time for each call, frames and all",
    );
    report.checks(&slice.tally, slice.lost());
    Ok(report)
}
