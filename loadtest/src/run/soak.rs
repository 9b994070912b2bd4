//! Sockets come and go for a long time, compressed: what stays behind.
//!
//! Each lives until it has its snapshot at least. A server that cannot keep up therefore makes the run longer, and is not driven into
//! an overload, whose peaks of memory would hide a leak.

use std::time::Duration;

use crate::{
    client::{Return, wait},
    drive::Load,
    machine,
    metrics::Metrics,
    record::Tally,
    report::{Report, Unit},
    run::stage::{PATIENCE, Stage},
};

const SOCKETS: &str = "orderwire_live_sockets";
const TOPICS: &str = "orderwire_live_topics";

/// What is under way when a round ends comes to rest before memory is read.
const REST: Duration = Duration::from_millis(500);

/// What a run gave.
#[derive(Default)]
struct Course {
    tally: Tally,
    /// Changes that failed.
    failed: u64,
    /// Resident memory after each round.
    memory: Vec<f64>,
    /// Sockets that were opened in a round.
    each_round: usize,
    /// Files that the server had open before, and afterwards.
    files: (usize, usize),
    /// What it still counts after all are gone.
    left: Metrics,
    after: u64,
}

/// Carries it out.
pub fn run(stage: Stage) -> anyhow::Result<Report> {
    let (scenario, client, pid) = (&stage.scenario, &stage.client, stage.server.pid());
    let count = stage.plans.len();
    let lives = (scenario.lives / scenario.rounds).max(1);
    let mut course = Course { each_round: lives * count, ..Course::default() };
    let staff = || stage.staff();
    let mut changers = Vec::new();
    let load = stage.load_watched();
    // Pools grow to what they will have.
    Load { seconds: 1.0, ..load.clone() }.drive(&stage.world, &mut changers, staff, || {})?;
    course.files.0 = machine::open_files(pid);
    stage.connect()?;
    client.set_return(Return::Always);
    for round in 0..scenario.rounds {
        let title = format!("round {} of {}", round + 1, scenario.rounds);
        stage.progress.begin(&title);
        let lives = client.lives() + course.each_round as u64;
        let (now, gap) = (machine::now(), scenario.seconds * 1e9 / course.each_round as f64);
        client
            .connect((0..course.each_round).map(|it| (it % count, now + (gap * it as f64) as u64)));
        let load = Load { first: round * load.count(), ..load.clone() };
        let driven = load.drive(&stage.world, &mut changers, staff, || {
            stage.progress.tell(|| format!("{title}: {} sockets", client.subscribed()));
        })?;
        anyhow::ensure!(
            wait(PATIENCE * 5, || lives <= client.lives() && client.subscribed() == count),
            "only {} of {count} sockets are there, after {} replacements too few",
            client.subscribed(),
            lives.saturating_sub(client.lives())
        );
        std::thread::sleep(REST);
        course.failed += driven.failed;
        course.tally.add(client.swap());
        course.memory.push(machine::resident(pid) as f64);
    }
    client.set_return(Return::Never);
    client.cut(0..count);
    wait(PATIENCE, || Metrics::of(&stage.server).sum(SOCKETS).is_none_or(|it| it == 0.0));
    std::thread::sleep(REST);
    course.left = Metrics::of(&stage.server);
    course.files.1 = machine::open_files(pid);
    course.after = machine::resident(pid);
    stage.progress.end();
    Ok(course.told(stage.report, count))
}

impl Course {
    fn told(self, mut report: Report, count: usize) -> Report {
        let (rounds, each_round) = (self.memory.len(), self.each_round);
        let load = format!(
            "{count} sockets, each replaced {} times while changes go on",
            rounds * each_round / count
        );
        report.condition("load", load);
        report.times("commit → frame received, of what was missed too", "", &self.tally.committed);
        report.times("connection due → subscribed", "subscribed_", &self.tally.subscribed);
        report.count("churned", (rounds * each_round) as u64, "sockets that were replaced");
        report.count("change_failures", self.failed, "changes that failed");
        let half = self.memory.get(rounds / 2..).unwrap_or_default();
        let meaning = "resident memory that one replaced socket leaves behind: least squares over the second half of the rounds";
        report.figure("rss_slope", slope(half) / each_round as f64, Unit::Bytes, meaning);
        let grown = slope(half) * (half.len().max(1) - 1) as f64;
        let meaning = "by how much it grew in that half, in all";
        report.figure("rss_growth", grown, Unit::Bytes, meaning);
        let last = self.memory.last().copied().unwrap_or(0.0);
        report.figure("rss_last", last, Unit::Bytes, "resident memory in the last round");
        let meaning = "after all sockets were closed";
        report.figure("rss_after", self.after as f64, Unit::Bytes, meaning);
        for (name, metric, meaning) in [
            ("sockets_left", SOCKETS, "sockets that the server still counts after all are closed"),
            ("topics_left", TOPICS, "topics that it still keeps"),
        ] {
            match self.left.sum(metric) {
                Some(left) => report.figure(name, left, Unit::Count, meaning),
                None => report.notes.push(format!("{name}: the server does not tell ({metric})")),
            }
        }
        let left = self.files.1 as f64 - self.files.0 as f64;
        let meaning = "files that it has open more than before";
        report.figure("files_left", left, Unit::Count, meaning);
        let shown: Vec<String> =
            self.memory.iter().map(|it| format!("{:.1}", it / 1024.0 / 1024.0)).collect();
        report.notes.push(format!("resident memory after each round, in MiB: {}", shown.join(" ")));
        report.checks(&self.tally, self.tally.skipped);
        report
    }
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
