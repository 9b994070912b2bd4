//! Some sockets stop reading: what the others feel, what the server spends on them, and how it ends.

use std::time::Duration;

use crate::{
    client::{Client, wait},
    machine,
    record::Tally,
    report::{Report, Unit},
    run::{PATIENCE, Stage, slice::Slice},
};

/// Carries it out: as many rounds with healthy sockets only, then with all.
pub fn run(stage: Stage) -> anyhow::Result<Report> {
    let scenario = &stage.scenario;
    let side = stage.side();
    let (slow, healthy): (Vec<usize>, Vec<usize>) = (0..stage.plans.len())
        .partition(|it| stage.plans.get(*it).is_some_and(|it| it.deaf.is_some()));
    open(&stage.client, &healthy)?;
    let load = stage.load_watched();
    let staff = || stage.staff();
    let mut changers = Vec::new();
    side.slice(&load, &mut changers, staff, &stage.progress)?;
    let mut rounds = |progress: &str| -> anyhow::Result<Slice> {
        stage.progress.begin(progress);
        let mut all = Slice::default();
        for _ in 0..scenario.rounds {
            all.add(side.slice(&load, &mut changers, staff, &stage.progress)?);
        }
        Ok(all)
    };
    let without = rounds("without slow readers")?;
    let resident = machine::resident(stage.server.pid());
    open(&stage.client, &slow)?;
    let with = rounds("with slow readers")?;
    let grown = machine::resident(stage.server.pid()).saturating_sub(resident);
    // What the slow ones were sent, and how they were sent away.
    stage.client.listen();
    std::thread::sleep(Duration::from_secs(3));
    let late = stage.client.swap();
    stage.progress.end();
    Ok(told(stage.report, &slow, (without, with, late), grown))
}

fn told(
    mut report: Report,
    slow: &[usize],
    (without, with, late): (Slice, Slice, Tally),
    grown: u64,
) -> Report {
    report.condition("load", format!("{} of the sockets stop reading", slow.len()));
    report.times("commit → frame, no slow readers", "without_", &without.tally.committed);
    report.times("commit → frame, the healthy beside slow ones", "", &with.tally.committed);
    for (name, quantile) in [("p50_change", 0.5), ("p99_change", 0.99)] {
        let before = without.tally.committed.at(quantile).max(1) as f64;
        let change = with.tally.committed.at(quantile) as f64 / before - 1.0;
        let meaning = "by how much the healthy ones' latency changed";
        report.figure(name, change * 100.0, Unit::Percent, meaning);
    }
    let meaning = "resident memory that came with the slow ones";
    report.figure("rss_growth", grown as f64, Unit::Bytes, meaning);
    let each = grown as f64 / slow.len().max(1) as f64;
    report.figure("rss_per_slow", each, Unit::Bytes, "for each of them");
    let closed: u64 = late.closes.values().sum();
    report.count("slow_closed", closed, "slow ones that the server had sent away");
    report.notes.push(format!("the slow ones were closed by code: {:?}", late.closes));
    let lost = with.lost() + without.lost();
    let mut tally = without.tally;
    tally.add(with.tally);
    report.checks(&tally, lost);
    report
}

fn open(client: &Client, seats: &[usize]) -> anyhow::Result<()> {
    let wanted = client.subscribed() + seats.len();
    let now = machine::now();
    client.connect(seats.iter().enumerate().map(|(at, seat)| (*seat, now + at as u64 * 500_000)));
    anyhow::ensure!(
        wait(PATIENCE, || wanted <= client.subscribed()),
        "only {} of {wanted} sockets are subscribed",
        client.subscribed()
    );
    Ok(())
}
