//! The plot: latency over the share of frames, the rare ones given as much room as the common ones.

use std::fmt::Write;

use crate::report::{Row, micros};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 40.0;
/// The x axis ends at 99.999 %.
const NINES: f64 = 5.0;
const COLOURS: [&str; 6] = ["#0b6e4f", "#c2410c", "#1d4ed8", "#7e22ce", "#a16207", "#475569"];

/// One line for each row.
pub fn latency(rows: &[Row]) -> String {
    let top = rows.iter().map(|it| it.times.max()).max().unwrap_or(1).max(10) as f64;
    let bottom = rows.iter().map(|it| it.times.at(0.0)).min().unwrap_or(1).max(1) as f64;
    let (low, high) = (bottom.log10().floor(), top.log10().ceil());
    let y = |micros: f64| {
        let share = (micros.max(1.0).log10() - low) / (high - low).max(1.0);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    };
    let x = |nines: f64| LEFT + nines / NINES * (WIDTH - LEFT - RIGHT);
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui,sans-serif" font-size="12" fill="currentColor">"#
    );
    for decade in low as i32..=high as i32 {
        let (value, at) = (10_f64.powi(decade), y(10_f64.powi(decade)));
        line(&mut out, (LEFT, at), (WIDTH - RIGHT, at));
        text(&mut out, (LEFT - 6.0, at + 4.0), "end", &micros(value));
    }
    for (nines, label) in ["0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"].iter().enumerate()
    {
        let at = x(nines as f64);
        line(&mut out, (at, TOP), (at, HEIGHT - BOTTOM));
        text(&mut out, (at, HEIGHT - BOTTOM + 18.0), "middle", label);
    }
    for (number, row) in rows.iter().enumerate() {
        let colour = COLOURS.get(number % COLOURS.len()).copied().unwrap_or_default();
        let deepest = (row.times.count().max(10) as f64).log10().min(NINES);
        let points = (0..=100).map(|it| deepest * f64::from(it) / 100.0).map(|nines| {
            let value = row.times.at(1.0 - 10_f64.powf(-nines));
            format!("{:.1},{:.1}", x(nines), y(value as f64))
        });
        let points = points.collect::<Vec<_>>().join(" ");
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(
            out,
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/><rect x="{}" y="{}" width="10" height="10" fill="{colour}"/>"#,
            WIDTH - RIGHT + 14.0,
            TOP + 20.0 * number as f64,
        );
        text(
            &mut out,
            (WIDTH - RIGHT + 30.0, TOP + 9.0 + 20.0 * number as f64),
            "start",
            &row.label,
        );
    }
    out.push_str("</svg>\n");
    out
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _: std::fmt::Result = write!(
        out,
        r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="currentColor" stroke-opacity="0.18"/>"#
    );
}

fn text(out: &mut String, at: (f64, f64), anchor: &str, words: &str) {
    let _: std::fmt::Result = write!(
        out,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
        at.0,
        at.1,
        crate::report::html::escaped(words)
    );
}
