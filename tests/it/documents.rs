//! What the documents name is there, and what is there is named.

use std::{collections::BTreeSet, fs, path::Path};

const DOCUMENTS: [&str; 16] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/api.md",
    "docs/decisions.md",
    "docs/endpoints.md",
    "docs/events.md",
    "docs/live-protocol.md",
    "docs/notifications.md",
    "docs/operating.md",
    "docs/partner-calls.md",
    "docs/partners.md",
    "docs/performance.md",
    "docs/settings.md",
    "docs/walkthroughs.md",
];

#[test]
fn every_metric_is_explained_to_operators() {
    let operating = read("docs/operating.md");
    let names = quoted(&read("src/telemetry/metric.rs"), |it| it.starts_with("orderwire_"));
    assert!(10 < names.len());
    for name in names {
        assert!(operating.contains(&format!("`{name}`")), "docs/operating.md lacks {name}");
    }
}

#[test]
fn every_error_code_is_explained_to_callers() {
    let api = read("docs/api.md");
    let upper = |it: &str| it.chars().all(|it| it.is_ascii_uppercase() || it == '_');
    let code = |it: &str| 4 < it.len() && upper(it);
    let codes: BTreeSet<_> =
        ["src/http/problem.rs", "src/http/live/handshake.rs", "src/http/v1/orders/place.rs"]
            .iter()
            .flat_map(|it| quoted(&read(it), code))
            .collect();
    assert!(10 < codes.len());
    for code in codes {
        assert!(api.contains(&format!("`{code}`")), "docs/api.md lacks {code}");
    }
}

#[test]
fn every_close_code_is_explained_to_clients() {
    let protocol = read("docs/live-protocol.md");
    let source = read("src/live/close.rs");
    let codes = source.split("=> ").filter_map(|it| it.get(..4));
    let codes: Vec<_> = codes.filter(|it| it.parse::<u16>().is_ok()).collect();
    assert!(5 < codes.len());
    for code in codes {
        let mut first_cells =
            protocol.lines().filter_map(|it| it.strip_prefix("| ")?.split('|').next());
        assert!(first_cells.any(|it| it.contains(code)), "docs/live-protocol.md lacks {code}");
    }
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    for document in DOCUMENTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        let text = read(document);
        for link in behind(&text, "](", ')').chain(behind(&text, "src=\"", '"')) {
            let target = path.with_file_name(link.split('#').next().unwrap_or_default());
            assert!(link.contains("://") || target.exists(), "{document} links to {link}");
        }
    }
}

#[test]
fn tables_are_whole() {
    let mut tables = 0;
    for document in DOCUMENTS {
        let text = read(document);
        let mut columns = None;
        let mut before = "";
        for line in text.lines() {
            if line.starts_with("| ---") || line.starts_with("|---") {
                columns = Some(cells(before));
                tables += 1;
            } else if line.is_empty() {
                columns = None;
            }
            if let Some(columns) = columns {
                let is_row = line.starts_with('|') && line.ends_with('|');
                assert!(is_row && cells(line) == columns, "{document}: {line}");
            }
            before = line;
        }
    }
    assert!(tables > 20, "{tables}");
}

/// How many cells a row of a table has. A bar behind a backslash is text.
fn cells(row: &str) -> usize {
    row.replace("\\|", "").matches('|').count()
}

/// What stands between a mark and the end that follows it, for every such mark.
fn behind<'a>(text: &'a str, mark: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(mark).skip(1).filter_map(move |it| it.split_once(end)).map(|it| it.0)
}

/// The texts in double quotes that are wanted.
fn quoted(source: &str, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    source.split('"').filter(|it| wanted(it)).map(str::to_owned).collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}
