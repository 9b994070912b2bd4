//! Several runs of one scenario as one table: what is quoted is a median, beside the best and the worst.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// What differs from run to run and tells nothing about what was measured.
const OF_EACH_RUN: [&str; 1] = ["started"];

/// A line of `--json`: the first of a run has conditions, each of the others a figure.
#[derive(Deserialize)]
struct Line {
    scenario: String,
    conditions: Option<BTreeMap<String, String>>,
    figure: Option<String>,
    value: Option<f64>,
    unit: Option<String>,
}

/// All runs together.
#[derive(Default)]
struct Runs {
    scenario: String,
    count: usize,
    /// By name, the values that it had in the runs.
    conditions: BTreeMap<String, Vec<String>>,
    /// In the order of the first run.
    figures: Vec<Series>,
}

/// One figure in the runs that have it.
struct Series {
    name: String,
    unit: String,
    values: Vec<f64>,
}

/// A markdown table of the runs whose JSON lines these are: of each figure the median, the least and the greatest value, of `ratio` all.
pub fn table(texts: &[String]) -> anyhow::Result<String> {
    let mut runs = Runs::default();
    for line in texts.iter().flat_map(|it| it.lines()).filter(|it| !it.trim().is_empty()) {
        let line: Line = serde_json::from_str(line)
            .with_context(|| format!("this is no line of --json: {line}"))?;
        runs.take(line)?;
    }
    ensure!(0 < runs.count, "there is no run in these files");
    Ok(runs.written())
}

impl Runs {
    fn take(&mut self, line: Line) -> anyhow::Result<()> {
        if let Some(conditions) = line.conditions {
            self.count += 1;
            for (name, value) in conditions {
                self.conditions.entry(name).or_default().push(value);
            }
        }
        ensure!(0 < self.count, "a figure stands before the first line of its run");
        if self.scenario.is_empty() {
            self.scenario.clone_from(&line.scenario);
        }
        ensure!(
            self.scenario == line.scenario,
            "runs of {} and of {} have no median in common",
            self.scenario,
            line.scenario
        );
        // A figure that is no number, as a share of nothing, has no value.
        let (Some(name), Some(value)) = (line.figure, line.value) else { return Ok(()) };
        if let Some(series) = self.figures.iter_mut().find(|it| it.name == name) {
            series.values.push(value);
        } else {
            let unit = line.unit.unwrap_or_default();
            self.figures.push(Series { name, unit, values: vec![value] });
        }
        Ok(())
    }

    fn written(&self) -> String {
        let (scenario, count) = (&self.scenario, self.count);
        let mut out = format!("`{scenario}`, {count} runs\n\n");
        for (name, values) in &self.conditions {
            if !OF_EACH_RUN.contains(&name.as_str()) {
                let mut values = values.clone();
                values.dedup();
                // Writing to a string cannot fail.
                let _: std::fmt::Result = writeln!(out, "- {name}: {}", values.join(" / "));
            }
        }
        out.push_str("\n| figure | unit | median | min | max |\n| --- | --- | --: | --: | --: |\n");
        for series in &self.figures {
            out.push_str(&series.row(count));
        }
        for series in self.figures.iter().filter(|it| it.name == "ratio") {
            let all: Vec<String> = series.values.iter().map(|it| series.shown(*it)).collect();
            let _: std::fmt::Result = writeln!(out, "\n`ratio` of each run: {}", all.join(", "));
        }
        out
    }
}

impl Series {
    fn row(&self, runs: usize) -> String {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let shown = |value: Option<&f64>| value.map_or_else(String::new, |it| self.shown(*it));
        let (least, greatest) = (shown(sorted.first()), shown(sorted.last()));
        let (name, unit, has) = (&self.name, &self.unit, self.values.len());
        let of = if has < runs { format!(" ({has} of {runs} runs)") } else { String::new() };
        let median = self.shown(median(&sorted));
        format!("| `{name}`{of} | {unit} | {median} | {least} | {greatest} |\n")
    }

    fn shown(&self, value: f64) -> String {
        match self.unit.as_str() {
            "ratio" => format!("{value:.3}"),
            _ if value.fract() == 0.0 || 1000.0 <= value.abs() => format!("{value:.0}"),
            _ => format!("{value:.2}"),
        }
    }
}

/// Of sorted values.
fn median(sorted: &[f64]) -> f64 {
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(at(half.saturating_sub(1)), at(half))
    } else {
        at(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Report, Unit, json};

    fn run(scenario: &str, ratio: f64, p99: f64) -> String {
        let mut report =
            Report { title: (scenario.to_owned(), String::new()), ..Report::default() };
        report.condition("server", "embedded");
        report.condition("started", format!("at {p99}"));
        report.condition("machine", format!("load {ratio}"));
        report.figure("p99", p99, Unit::Micros, "commit → frame, p99");
        report.figure("ratio", ratio, Unit::Ratio, "server to floor");
        report.count("lost", 0, "frames");
        json::lines(&report)
    }

    #[test]
    fn three_runs_become_a_table_of_medians() {
        let runs = [
            run("fanout-one", 1.2, 30_500.0),
            run("fanout-one", 1.1, 9_000.5),
            run("fanout-one", 1.4, 12_000.0),
        ];
        let table = table(&runs).unwrap();
        for line in [
            "`fanout-one`, 3 runs",
            "- server: embedded",
            "- machine: load 1.2 / load 1.1 / load 1.4",
            "| figure | unit | median | min | max |",
            "| `p99` | us | 12000 | 9000 | 30500 |",
            "| `ratio` | ratio | 1.200 | 1.100 | 1.400 |",
            "| `lost` | count | 0 | 0 | 0 |",
            "`ratio` of each run: 1.200, 1.100, 1.400",
        ] {
            assert!(table.lines().any(|it| it == line), "{line} is not in\n{table}");
        }
        assert!(!table.contains("started"));
    }

    #[test]
    fn runs_may_stand_in_one_file_and_be_of_even_number() {
        let both = run("idle", 1.0, 10.0) + &run("idle", 2.0, 11.5);
        let table = table(&[both]).unwrap();
        assert!(table.contains("| `p99` | us | 10.75 | 10 | 11.50 |"), "{table}");
    }

    #[test]
    fn a_figure_that_a_run_lacks_says_how_many_have_it() {
        let whole = run("idle", 1.0, 10.0);
        let short: Vec<&str> = whole.lines().filter(|it| !it.contains("\"ratio\"")).collect();
        let table = table(&[whole.clone(), short.join("\n")]).unwrap();
        assert!(
            table.contains("| `ratio` (1 of 2 runs) | ratio | 1.000 | 1.000 | 1.000 |"),
            "{table}"
        );
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let told = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|it| (*it).to_owned()).collect();
            table(&texts).unwrap_err().to_string()
        };
        let (one, two) = (run("idle", 1.0, 1.0), run("drain", 1.0, 1.0));
        assert_eq!(told(&[&one, &two]), "runs of idle and of drain have no median in common");
        assert_eq!(told(&[""]), "there is no run in these files");
        assert!(told(&["p99 12 ms"]).starts_with("this is no line of --json"));
        let headless = one.lines().nth(1).unwrap();
        assert_eq!(told(&[headless]), "a figure stands before the first line of its run");
    }
}
