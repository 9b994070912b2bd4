//! Sockets come and go for a long time, compressed: what stays behind in memory.

use std::time::Duration;

use crate::{
    client::{Return, wait},
    drive::Load,
    machine,
    record::Tally,
    report::{Report, Unit},
    run::{PATIENCE, Stage},
};

/// The first rounds fill caches and pools: they tell nothing about leaks.
const SETTLING: usize = 2;

/// Carries it out.
pub fn run(stage: Stage) -> anyhow::Result<Report> {
    stage.connect()?;
    stage.client.set_return(Return::Always);
    let scenario = &stage.scenario;
    let (count, pid) = (stage.plans.len(), stage.server.pid());
    let staff = || stage.staff();
    let (mut changers, mut tally, mut memory) = (Vec::new(), Tally::default(), Vec::new());
    let (mut driven, mut churned) = (0, 0_usize);
    for round in 0..scenario.rounds {
        stage.progress.begin(&format!("round {} of {}", round + 1, scenario.rounds));
        let load = Load { first: driven, ..stage.load_watched() };
        driven += load.count();
        // Half of the sockets go and come back while changes go on, each at its own moment.
        let half: Vec<usize> = (0..count).filter(|it| it % 2 == round % 2).collect();
        churned += half.len();
        stage.client.cut(half.iter().copied());
        let (now, gap) =
            (machine::now(), (scenario.seconds * 0.8e9) as u64 / half.len().max(1) as u64);
        stage
            .client
            .connect(half.iter().enumerate().map(|(at, seat)| (*seat, now + gap * at as u64)));
        load.drive(&stage.world, &mut changers, staff, || {
            stage
                .progress
                .tell(|| format!("round {}: {} sockets", round + 1, stage.client.subscribed()));
        })?;
        anyhow::ensure!(
            wait(PATIENCE, || stage.client.subscribed() == count),
            "only {} of {count} sockets came back",
            stage.client.subscribed()
        );
        std::thread::sleep(Duration::from_millis(500));
        tally.add(stage.client.swap());
        memory.push(machine::resident(pid) as f64);
    }
    stage.client.set_return(Return::Never);
    stage.client.cut(0..count);
    std::thread::sleep(Duration::from_secs(2));
    stage.progress.end();
    let after = machine::resident(pid);
    Ok(told(stage.report, &tally, &memory, after, (churned, count)))
}

fn told(
    mut report: Report,
    tally: &Tally,
    memory: &[f64],
    after: u64,
    (churned, count): (usize, usize),
) -> Report {
    report.condition("load", "half of the sockets are replaced in each round, while changes go on");
    report.times("commit → frame received, of what was missed too", "", &tally.committed);
    report.times("connection due → subscribed", "subscribed_", &tally.subscribed);
    report.count("churned", churned as u64, "sockets that were replaced");
    let kept = memory.get(SETTLING.min(memory.len() / 2)..).unwrap_or_default();
    let each = slope(kept) / (count as f64 / 2.0);
    report.figure(
        "rss_slope",
        each,
        Unit::Bytes,
        "resident memory that one replaced socket leaves behind (least squares)",
    );
    report.figure(
        "rss_last",
        memory.last().copied().unwrap_or(0.0),
        Unit::Bytes,
        "resident memory in the last round",
    );
    report.figure("rss_after", after as f64, Unit::Bytes, "after all sockets were closed");
    let shown: Vec<String> =
        memory.iter().map(|it| format!("{:.1}", it / 1024.0 / 1024.0)).collect();
    report.notes.push(format!("resident memory after each round, in MiB: {}", shown.join(" ")));
    report.checks(tally, tally.skipped);
    report
}

/// By how much the values rise with each step.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let (mean_x, mean_y) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count.max(1.0));
    let (mut over, mut under) = (0.0, 0.0);
    for (x, y) in values.iter().enumerate() {
        let x = x as f64 - mean_x;
        over += x * (y - mean_y);
        under += x * x;
    }
    if under == 0.0 { 0.0 } else { over / under }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_a_line_is_its_slope() {
        assert!((slope(&[1.0, 3.0, 5.0, 7.0]) - 2.0).abs() < 1e-9);
        assert!(slope(&[4.0]).abs() < 1e-9);
    }
}
