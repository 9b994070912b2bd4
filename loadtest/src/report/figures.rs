//! Figures with names, and how long things took.

use crate::{
    machine::Cpu,
    record::{Tally, Times},
    scenario::Scenario,
};

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Micros,
    /// Bytes.
    Bytes,
    /// 1024 bytes.
    Kibibytes,
    /// Pieces.
    Count,
    /// A factor.
    Ratio,
    /// Pieces in a second.
    PerSecond,
    /// Hundredths.
    Percent,
}

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its name, for assertions.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
    /// What it means.
    pub meaning: String,
}

/// How long something took.
#[derive(Clone, Debug)]
pub struct Row {
    /// What.
    pub label: String,
    /// How long.
    pub times: Times,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The scenario's name and what it is for.
    pub title: (String, String),
    /// What was measured, on what, how busy.
    pub conditions: Vec<(String, String)>,
    /// How long things took.
    pub rows: Vec<Row>,
    /// Figures.
    pub figures: Vec<Figure>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The percentiles that are shown: name, quantile.
pub const PERCENTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];

impl Report {
    /// An empty one.
    pub fn new(scenario: &Scenario, server: &str) -> Self {
        let mut report =
            Self { title: (scenario.name.clone(), scenario.about.clone()), ..Self::default() };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let load = crate::machine::load_average();
        report.condition("server", server);
        report.condition("machine", format!("{cores} cores, shared with this tool"));
        report.condition("load average at the start", load.to_string());
        report.condition("started", crate::machine::written(crate::machine::now()));
        report.condition("command", std::env::args().skip(1).collect::<Vec<_>>().join(" "));
        report
    }

    /// Something that a reader must know to repeat it.
    pub fn condition(&mut self, name: &str, value: impl Into<String>) {
        self.conditions.push((name.to_owned(), value.into()));
    }

    /// A figure.
    pub fn figure(&mut self, name: &str, value: f64, unit: Unit, meaning: &str) {
        let (name, meaning) = (name.to_owned(), meaning.to_owned());
        self.figures.push(Figure { name, value, unit, meaning });
    }

    /// A size: a figure in bytes, and one called `<name>_kib`.
    pub fn size(&mut self, name: &str, bytes: f64, meaning: &str) {
        self.figure(name, bytes, Unit::Bytes, meaning);
        self.figure(&format!("{name}_kib"), bytes / 1024.0, Unit::Kibibytes, "the same in KiB");
    }

    /// A count.
    pub fn count(&mut self, name: &str, value: u64, meaning: &str) {
        self.figure(name, value as f64, Unit::Count, meaning);
    }

    /// A row, and a figure `<prefix><percentile>` for each of its percentiles.
    pub fn times(&mut self, label: &str, prefix: &str, times: &Times) {
        if times.count() == 0 {
            return;
        }
        for (name, quantile) in PERCENTILES {
            let value = if name == "max" { times.max() } else { times.at(quantile) };
            let meaning = format!("{label}, {name}");
            self.figure(&format!("{prefix}{name}"), value as f64, Unit::Micros, &meaning);
        }
        self.rows.push(Row { label: label.to_owned(), times: times.clone() });
    }

    /// Processor time, in user space, in the kernel and in all.
    pub fn cpu(&mut self, prefix: &str, cpu: Cpu, meaning: &str) {
        for (name, value) in
            [("user_us", cpu.user), ("system_us", cpu.system), ("cpu_us", cpu.total())]
        {
            self.figure(&format!("{prefix}{name}"), value, Unit::Micros, meaning);
        }
    }

    /// The checks of every scenario: what was lost, doubled, out of order, refused.
    pub fn checks(&mut self, tally: &Tally, lost: u64) {
        self.count("frames", tally.frames, "event frames received");
        self.count("lost", lost, "frames that should have come and did not");
        self.count("repeated", tally.repeated, "frames of a version that the socket had seen");
        self.count(
            "disordered",
            tally.disordered,
            "frames that came after a newer one of their order",
        );
        self.count(
            "misread",
            tally.misread,
            "frames that could not be read, or not in the short way",
        );
        self.count(
            "went_back",
            tally.went_back,
            "snapshots that showed less than their socket knew",
        );
        let sum = |counts: &mut dyn Iterator<Item = &u64>| counts.sum::<u64>();
        self.count("refused", sum(&mut tally.refused.values()), "upgrades refused");
        self.count("failures", sum(&mut tally.failures.values()), "connections that failed");
        self.count("closed", sum(&mut tally.closes.values()), "connections that the server ended");
        for (name, counts) in [
            ("refused, by status", format!("{:?}", tally.refused)),
            ("failures", format!("{:?}", tally.failures)),
            ("closed, by code", format!("{:?}", tally.closes)),
            ("other frames", format!("{:?}", tally.others)),
        ] {
            if counts != "{}" {
                self.notes.push(format!("{name}: {counts}"));
            }
        }
        self.notes.extend(tally.complaint.as_ref().map(|it| format!("the server says: {it}")));
    }

    /// The value of a figure.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|it| it.name == name).map(|it| it.value)
    }
}

impl Figure {
    /// The value as people read it.
    pub fn shown(&self) -> String {
        match self.unit {
            Unit::Micros => micros(self.value),
            Unit::Bytes => bytes(self.value),
            Unit::Kibibytes => format!("{:.2} KiB", self.value),
            Unit::Count => format!("{}", self.value),
            Unit::Ratio => format!("{:.3} x", self.value),
            Unit::PerSecond => format!("{:.0} /s", self.value),
            Unit::Percent => format!("{:.1} %", self.value),
        }
    }
}

/// A duration as people read it.
pub fn micros(value: f64) -> String {
    match value.abs() {
        0.0..100.0 => format!("{value:.2} µs"),
        100.0..1000.0 => format!("{value:.0} µs"),
        1000.0..10_000.0 => format!("{:.2} ms", value / 1e3),
        10_000.0..1_000_000.0 => format!("{:.1} ms", value / 1e3),
        _ => format!("{:.2} s", value / 1e6),
    }
}

fn bytes(value: f64) -> String {
    match value.abs() {
        0.0..10_240.0 => format!("{value:.0} B"),
        10_240.0..10_485_760.0 => format!("{:.1} KiB", value / 1024.0),
        _ => format!("{:.1} MiB", value / 1024.0 / 1024.0),
    }
}
