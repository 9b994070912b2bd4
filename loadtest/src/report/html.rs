//! The report as one page that needs nothing else.

use std::fmt::Write;

use crate::report::{PERCENTILES, Report, micros};

const STYLE: &str = "
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.25rem .7rem;text-align:right;border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent)}
td:first-child,th:first-child,td:last-child.words{text-align:left}
code{font-size:.92em}
svg{width:100%;height:auto}";

/// The page.
pub fn page(report: &Report, plot: &str) -> String {
    let title = escaped(&report.title.0);
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{}</p><table>",
        escaped(&report.title.1)
    );
    for (name, value) in &report.conditions {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(
            out,
            "<tr><th>{}</th><td class=\"words\"><code>{}</code></td></tr>",
            escaped(name),
            escaped(value)
        );
    }
    out.push_str("</table>");
    if !report.rows.is_empty() {
        out.push_str("<h2>How long it took</h2><table><tr><th></th><th>count</th>");
        for (name, _) in PERCENTILES {
            let _: std::fmt::Result = write!(out, "<th>{name}</th>");
        }
        for row in &report.rows {
            let (label, count) = (escaped(&row.label), row.times.count());
            let _: std::fmt::Result = write!(out, "<tr><td>{label}</td><td>{count}</td>");
            for (name, quantile) in PERCENTILES {
                let value = if name == "max" { row.times.max() } else { row.times.at(quantile) };
                let _: std::fmt::Result = write!(out, "<td>{}</td>", micros(value as f64));
            }
        }
        let _: std::fmt::Result = write!(out, "</table>{plot}");
    }
    out.push_str("<h2>Figures</h2><table>");
    for figure in &report.figures {
        let (name, meaning) = (escaped(&figure.name), escaped(&figure.meaning));
        let _: std::fmt::Result = write!(
            out,
            "<tr><td><code>{name}</code></td><td>{}</td><td class=\"words\">{meaning}</td></tr>",
            figure.shown()
        );
    }
    out.push_str("</table><ul>");
    for note in &report.notes {
        let _: std::fmt::Result = write!(out, "<li>{}</li>", escaped(note));
    }
    out.push_str("</ul></html>\n");
    out
}

/// Text that means nothing to a browser.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
