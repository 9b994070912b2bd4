//! The table on the terminal.

use std::fmt::Write;

use crate::report::{PERCENTILES, Report, micros};

/// The whole report as text.
pub fn text(report: &Report) -> String {
    let mut out = format!("\n{}: {}\n", report.title.0, report.title.1);
    for (name, value) in &report.conditions {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = writeln!(out, "  {name}: {value}");
    }
    out.push_str(&percentiles(report));
    out.push('\n');
    let width = report.figures.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let in_rows = |name: &str| PERCENTILES.iter().any(|(it, _)| name.ends_with(it));
    for figure in report.figures.iter().filter(|it| !in_rows(&it.name)) {
        let (name, value) = (&figure.name, figure.shown());
        let _: std::fmt::Result =
            writeln!(out, "  {name:<width$}  {value:>12}  {}", figure.meaning);
    }
    for note in &report.notes {
        let _: std::fmt::Result = writeln!(out, "  * {note}");
    }
    out
}

/// The percentiles of all rows.
fn percentiles(report: &Report) -> String {
    if report.rows.is_empty() {
        return String::new();
    }
    let width = report.rows.iter().map(|it| it.label.chars().count()).max().unwrap_or(0);
    let mut out = format!("\n  {:<width$} {:>10}", "", "count");
    for (name, _) in PERCENTILES {
        let _: std::fmt::Result = write!(out, " {name:>10}");
    }
    out.push('\n');
    for row in &report.rows {
        let _: std::fmt::Result = write!(out, "  {:<width$} {:>10}", row.label, row.times.count());
        for (name, quantile) in PERCENTILES {
            let value = if name == "max" { row.times.max() } else { row.times.at(quantile) };
            let _: std::fmt::Result = write!(out, " {:>10}", micros(value as f64));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{record::Times, report::Unit};

    #[test]
    fn the_table_shows_percentiles_in_columns_and_figures_in_lines() {
        let mut report = Report::default();
        let mut times = Times::default();
        (1..=100).for_each(|it| times.between(0, it * 1_000_000));
        report.times("commit → frame", "", &times);
        report.figure("ratio", 1.1, Unit::Ratio, "server to floor");
        let text = text(&report);
        let line = text.lines().find(|it| it.contains("commit → frame")).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(&words[3..8], ["100", "50.0", "ms", "90.0", "ms"]);
        assert!(text.contains("1.100 x  server to floor"));
        assert!(!text.contains("commit → frame, p99"), "percentiles stand in their row only");
    }
}
