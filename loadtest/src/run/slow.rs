//! Some sockets stop reading: what the others feel, what the server spends on them, and what becomes of them.
//!
//! The healthy ones alone and the healthy ones beside slow readers take turns, in changing order. Slow readers are measured beside
//! only when they are full: the kernel takes nothing more for them, and the server has begun to replace or to close.

use std::{ops::Range, time::Duration};

use anyhow::ensure;

use crate::{
    client::wait,
    drive::{Load, change::Staff},
    machine,
    metrics::Metrics,
    record::Tally,
    report::{Report, Unit},
    run::{
        slice::Slice,
        stage::{PATIENCE, Stage},
    },
};

const SOCKETS: &str = "orderwire_live_sockets";
const CONFLATED: &str = "orderwire_live_frames_conflated_total";
const CLOSED: &str = "orderwire_live_closed_total";
const SLOW: &str = "code=\"4008\"";

/// Stretches of this many seconds fill the slow ones, and so many of them at most.
const FILLING: f64 = 1.0;
const FILLINGS: Range<usize> = 0..60;

/// How long a reader that reads again may take to be up to date.
const RECOVERY: Duration = Duration::from_secs(5);

/// What the rounds gave.
#[derive(Default)]
struct Course {
    changers: Vec<Staff>,
    /// The healthy ones alone, and beside slow ones.
    alone: Slice,
    beside: Slice,
    /// Frames that came while the slow ones were being filled.
    filling: Slice,
    /// What the slow ones had been sent.
    late: Tally,
    /// 99th percentiles of each round: alone, beside.
    p99s: Vec<(u64, u64)>,
    /// Resident memory of each round: before the slow ones came, when they were full.
    memory: Vec<(u64, u64)>,
    conflated: f64,
    stale: usize,
}

/// Carries it out.
pub fn run(stage: Stage) -> anyhow::Result<Report> {
    let (slow, healthy): (Vec<usize>, Vec<usize>) = (0..stage.plans.len())
        .partition(|it| stage.plans.get(*it).is_some_and(|it| it.deaf.is_some()));
    ensure!(!slow.is_empty(), "nobody is slow: more --sockets, or a larger slow_share");
    open(&stage, &healthy)?;
    let mut course = Course::default();
    // Pools are opened, statements prepared.
    course.slice(&stage, FILLING)?;
    for round in 0..stage.scenario.rounds {
        stage.progress.begin(&format!("round {} of {}", round + 1, stage.scenario.rounds));
        let (alone, beside);
        // What grows with time shall not count for one side only.
        if round.is_multiple_of(2) {
            alone = course.alone(&stage)?;
            beside = course.beside(&stage, &slow)?;
        } else {
            beside = course.beside(&stage, &slow)?;
            alone = course.alone(&stage)?;
        }
        course.p99s.push((alone, beside));
    }
    stage.progress.end();
    Ok(course.told(stage.report, slow.len()))
}

impl Course {
    fn slice(&mut self, stage: &Stage, seconds: f64) -> anyhow::Result<Slice> {
        let load = Load { seconds, ..stage.load_watched() };
        stage.side().slice(&load, &mut self.changers, || stage.staff(), &stage.progress)
    }

    fn alone(&mut self, stage: &Stage) -> anyhow::Result<u64> {
        let slice = self.slice(stage, stage.scenario.seconds)?;
        let p99 = slice.tally.committed.at(0.99);
        self.alone.add(slice);
        Ok(p99)
    }

    fn beside(&mut self, stage: &Stage, slow: &[usize]) -> anyhow::Result<u64> {
        let (client, pid) = (&stage.client, stage.server.pid());
        let (before, resident) = (Metrics::of(&stage.server), machine::resident(pid));
        open(stage, slow)?;
        self.fill(stage, &before)?;
        let slice = self.slice(stage, stage.scenario.seconds)?;
        self.memory.push((resident, machine::resident(pid)));
        self.conflated += Metrics::of(&stage.server).rise(&before, CONFLATED).unwrap_or(0.0);
        // Whoever was not sent away reads again, and must then know the newest of every order.
        client.listen();
        wait(RECOVERY, || client.stale() == 0);
        self.stale += client.stale();
        client.cut(slow.iter().copied());
        let healthy = (stage.plans.len() - slow.len()) as f64;
        let gone = || Metrics::of(&stage.server).sum(SOCKETS).is_none_or(|it| it <= healthy);
        ensure!(wait(PATIENCE, gone), "the server keeps sockets that have been cut off");
        self.late.add(client.swap());
        let p99 = slice.tally.committed.at(0.99);
        self.beside.add(slice);
        Ok(p99)
    }

    /// Goes on until the server does something about the slow ones.
    fn fill(&mut self, stage: &Stage, before: &Metrics) -> anyhow::Result<()> {
        for _ in FILLINGS {
            let slice = self.slice(stage, FILLING)?;
            self.filling.add(slice);
            let now = Metrics::of(&stage.server);
            let closed = now.under(CLOSED, SLOW) - before.under(CLOSED, SLOW);
            if 0.0 < closed + now.rise(before, CONFLATED).unwrap_or(0.0) {
                return Ok(());
            }
        }
        anyhow::bail!(
            "the slow readers never got full, by the server's own count: a higher --rate, or --set live.queue_bytes=16384"
        )
    }

    fn told(self, mut report: Report, slow: usize) -> Report {
        let (alone, beside) = (&self.alone.tally.committed, &self.beside.tally.committed);
        report.condition("load", format!("{slow} of the sockets stop reading"));
        report.times("commit → frame, no slow readers", "without_", alone);
        report.times("commit → frame, the healthy beside slow ones", "", beside);
        for (name, quantile) in [("p50_change_percent", 0.5), ("p99_change_percent", 0.99)] {
            let change = beside.at(quantile) as f64 / alone.at(quantile).max(1) as f64 - 1.0;
            let meaning = "by how much the healthy ones' latency changed, over all rounds";
            report.figure(name, change * 100.0, Unit::Percent, meaning);
        }
        let closed = self.late.closes.get(&4008).copied().unwrap_or(0);
        report.count("slow_closed", closed, "times that a slow one was sent away with 4008");
        let meaning = "frames that newer state of their order replaced";
        report.figure("slow_conflated", self.conflated, Unit::Count, meaning);
        let meaning =
            "orders that a slow one showed in an old version after it had read what was left";
        report.count("slow_stale", self.stale as u64, meaning);
        let growths = self.memory.iter().map(|(before, full)| full.saturating_sub(*before));
        let growth = growths.max().unwrap_or(0) as f64;
        let meaning = "resident memory that came with the slow ones, in the worst round";
        report.figure("rss_growth", growth, Unit::Bytes, meaning);
        report.figure("rss_per_slow", growth / slow as f64, Unit::Bytes, "for each of them");
        let pairs = |pairs: &[(u64, u64)], unit: f64| -> String {
            let shown = pairs
                .iter()
                .map(|(a, b)| format!("{:.2} / {:.2}", *a as f64 / unit, *b as f64 / unit));
            shown.collect::<Vec<_>>().join(", ")
        };
        report.notes.push(format!(
            "p99 of each round, alone / beside slow ones, in ms: {}",
            pairs(&self.p99s, 1e3)
        ));
        report.notes.push(format!(
            "resident memory of each round, before the slow ones / when they were full, in MiB: {}",
            pairs(&self.memory, 1024.0 * 1024.0)
        ));
        let lost = self.alone.lost() + self.beside.lost() + self.filling.lost();
        let mut tally = self.alone.tally;
        for more in [self.beside.tally, self.filling.tally, self.late] {
            tally.add(more);
        }
        report.checks(&tally, lost);
        report
    }
}

fn open(stage: &Stage, seats: &[usize]) -> anyhow::Result<()> {
    let client = &stage.client;
    let wanted = client.subscribed() + seats.len();
    let now = machine::now();
    client.connect(seats.iter().enumerate().map(|(at, seat)| (*seat, now + at as u64 * 500_000)));
    ensure!(
        wait(PATIENCE, || wanted <= client.subscribed()),
        "only {} of {wanted} sockets are subscribed",
        client.subscribed()
    );
    Ok(())
}
