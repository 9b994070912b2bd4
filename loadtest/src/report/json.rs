//! JSON lines: one figure each.

use serde_json::json;

use crate::report::{Report, Unit};

/// All figures.
pub fn lines(report: &Report) -> String {
    let conditions: serde_json::Map<_, _> =
        report.conditions.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let head = json!({"scenario": report.title.0, "conditions": conditions, "notes": report.notes});
    let figures = report.figures.iter().map(|it| {
        let unit = match it.unit {
            Unit::Micros => "us",
            Unit::Bytes => "bytes",
            Unit::Kibibytes => "KiB",
            Unit::Count => "count",
            Unit::Ratio => "ratio",
            Unit::PerSecond => "per second",
            Unit::Percent => "percent",
        };
        json!({"scenario": report.title.0, "figure": it.name, "value": it.value, "unit": unit, "meaning": it.meaning})
    });
    let lines: Vec<String> =
        std::iter::once(head).chain(figures).map(|it| it.to_string()).collect();
    lines.join("\n") + "\n"
}
