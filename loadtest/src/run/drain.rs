//! The server is told to stop: when its sockets are told to come back, and when they are closed.

use crate::{
    client::wait,
    machine,
    record::Times,
    report::{Report, Unit},
    run::stage::{PATIENCE, Stage},
};

/// Returns that fall into one such span meet at the door.
const SPAN_MS: u64 = 100;

/// Carries it out.
pub fn run(mut stage: Stage) -> anyhow::Result<Report> {
    stage.connect()?;
    drop(stage.client.swap());
    let count = stage.plans.len();
    let start = machine::now();
    stage.progress.begin("SIGTERM");
    stage.server.terminate()?;
    wait(PATIENCE, || stage.client.open() == 0);
    let status = stage.server.ended(PATIENCE);
    let took = machine::now() - start;
    let tally = stage.client.swap();
    stage.progress.end();
    let closes: Vec<u64> =
        tally.ended_at.iter().map(|it| it.saturating_sub(start) / 1_000_000).collect();
    let mut report = stage.report;
    report.condition("load", format!("{count} sockets when the server is told to stop"));
    report.count("told", tally.hints.len() as u64, "sockets that were told when to come back");
    spread(&mut report, "hint", "asked to come back after", &tally.hints);
    spread(&mut report, "closed", "SIGTERM → closed", &closes);
    report.figure("exit", took as f64 / 1e3, Unit::Micros, "until the process had ended");
    let code = status.and_then(|it| it.code()).map_or(-1.0, f64::from);
    report.figure("exit_code", code, Unit::Count, "its exit code; -1: none in time");
    report.checks(&tally, 0);
    Ok(report)
}

/// How moments are spread, in milliseconds: percentiles, the ends, and how many fall together.
fn spread(report: &mut Report, name: &str, label: &str, moments: &[u64]) {
    let mut times = Times::default();
    for moment in moments {
        times.between(0, moment * 1_000_000);
    }
    report.times(label, &format!("{name}_"), &times);
    let ends = [("first", moments.iter().min()), ("last", moments.iter().max())];
    for (end, moment) in ends {
        let micros = moment.map_or(0.0, |it| *it as f64 * 1e3);
        let meaning = format!("{label}: the {end}");
        report.figure(&format!("{name}_{end}"), micros, Unit::Micros, &meaning);
    }
    let share = 100.0 * fullest(moments) as f64 / moments.len().max(1) as f64;
    let meaning = format!("{label}: the largest share that falls into one tenth of a second");
    report.figure(&format!("{name}_share_100ms"), share, Unit::Percent, &meaning);
}

/// How many moments the fullest span holds, wherever it begins.
fn fullest(moments: &[u64]) -> usize {
    let mut sorted = moments.to_vec();
    sorted.sort_unstable();
    let from =
        |(at, moment): (usize, &u64)| sorted.partition_point(|it| *it < moment + SPAN_MS) - at;
    sorted.iter().enumerate().map(from).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_span_may_begin_anywhere() {
        assert_eq!(fullest(&[]), 0);
        assert_eq!(fullest(&[0, 100, 200]), 1);
        assert_eq!(fullest(&[250, 90, 110, 189, 190, 0]), 3);
        assert_eq!(fullest(&[5; 40]), 40);
    }
}
