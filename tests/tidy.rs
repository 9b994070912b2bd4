//! The house rules that rustc and clippy cannot state. Each rule looks at one file; its test looks at the whole tree.
#![expect(clippy::unwrap_used, reason = "a tree that cannot be read should fail the test")]

use std::{collections::BTreeSet, fs, path::Path};

/// From the ground up. A module may name itself and whatever stands lower; nothing higher, nothing beside it.
const FLOORS: &[&[&str]] = &[
    &["domain", "base"],
    &["config"],
    &["telemetry"],
    &["store", "cache", "bus", "outbound"],
    &["channels"],
    &["auth", "live", "partners", "messaging"],
    &["app"],
    &["http", "workers"],
    &["wiring"],
    &["simulator"],
    &["cli"],
    &["lib", "main"],
];
/// What waits, speaks, stores or draws lots is not for the domain.
const IMPURE_CRATES: &[&str] =
    &["tokio", "axum", "lapin", "redis", "reqwest", "sqlx", "tracing", "metrics", "rand"];
const IMPURE_STD: &[&str] = &["env", "fs", "net", "process", "thread"];
const SPEAKS_SQL: &[&str] = &["query", "raw_sql", "QueryBuilder", "AssertSqlSafe"];
const PRINTS: &[&str] = &["print!(", "println!(", "dbg!("];
const VAGUE: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "manager", "shared", "stuff"];
const LONGEST_FILE: usize = 300;
/// Folders and files that are not ours to judge: what `.gitignore` names, and git's own.
const NOT_OURS: &[&str] = &[".git", "target", "data", "orderwire-data", ".services", ".env"];

#[test]
fn nobody_reaches_up_or_sideways() {
    holds(reaches_up_or_sideways);
}

#[test]
fn nobody_says_super() {
    holds(says_super);
}

#[test]
fn the_domain_is_pure() {
    holds(is_impure);
}

#[test]
fn every_file_says_what_it_is() {
    holds(has_no_header);
}

#[test]
fn every_file_is_short() {
    holds(is_too_long);
}

#[test]
fn every_name_says_something() {
    holds(has_a_vague_name);
}

#[test]
fn sql_stands_in_the_store() {
    holds(speaks_sql_outside_the_store);
}

#[test]
fn only_the_command_line_prints() {
    holds(prints_outside_the_command_line);
}

#[test]
fn migrations_have_unix_lines() {
    holds(is_a_migration_with_crlf);
}

#[test]
fn both_dialects_have_the_same_migrations() {
    assert_eq!(missing_migrations(&tree()), Vec::<String>::new());
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    holds(names_a_machine_path);
}

// ---- The rules: what is wrong with this file, if anything.

fn reaches_up_or_sideways(file: &File) -> Option<String> {
    let module = file.module()?;
    let Some(floor) = floor_of(module) else {
        return Some(format!("`{module}` stands on no floor"));
    };
    named_under("crate", &file.code())
        .into_iter()
        .find(|it| it != module && floor_of(it).is_some_and(|other| floor <= other))
        .map(|it| format!("`{module}` names crate::{it}"))
}

fn says_super(file: &File) -> Option<String> {
    file.module()?;
    file.code().contains("super::").then(|| "says `super::`; say `crate::`".to_owned())
}

fn is_impure(file: &File) -> Option<String> {
    if file.module()? != "domain" {
        return None;
    }
    let code = file.code();
    let std = named_under("std", &code);
    IMPURE_CRATES
        .iter()
        .find(|it| !named_under(it, &code).is_empty())
        .or_else(|| IMPURE_STD.iter().find(|it| std.contains(**it)))
        .map(|it| format!("uses {it}"))
}

fn has_no_header(file: &File) -> Option<String> {
    let opens = match file.extension() {
        "rs" => file.text.starts_with("//! "),
        "js" => file.text.starts_with("// ") || file.text.starts_with("/*"),
        _ => true,
    };
    (!opens).then(|| "does not begin with a comment that says what it is".to_owned())
}

fn is_too_long(file: &File) -> Option<String> {
    let judged = file.extension() == "js" || file.extension() == "rs" && !file.is_unit_test();
    let lines = file.without_unit_tests().lines().count();
    (judged && LONGEST_FILE < lines).then(|| format!("has {lines} lines"))
}

fn has_a_vague_name(file: &File) -> Option<String> {
    file.path
        .split('/')
        .map(|it| it.split('.').next().unwrap_or(it))
        .find(|it| VAGUE.contains(it))
        .map(|it| format!("is called `{it}`, which says nothing"))
}

fn speaks_sql_outside_the_store(file: &File) -> Option<String> {
    if file.module()? == "store" {
        return None;
    }
    named_under("sqlx", &file.code())
        .into_iter()
        .find(|it| SPEAKS_SQL.iter().any(|word| it.starts_with(word)))
        .map(|it| format!("uses sqlx::{it}"))
}

fn prints_outside_the_command_line(file: &File) -> Option<String> {
    if file.module()? == "cli" {
        return None;
    }
    let code = file.code();
    PRINTS.iter().find(|it| code.contains(**it)).map(|it| format!("says {it}…)"))
}

fn is_a_migration_with_crlf(file: &File) -> Option<String> {
    (file.extension() == "sql" && file.text.contains('\r'))
        .then(|| "has a carriage return, which changes its checksum".to_owned())
}

fn missing_migrations(files: &[File]) -> Vec<String> {
    let names = |dialect: &str| -> BTreeSet<&str> {
        files.iter().filter_map(|it| it.path.strip_prefix(dialect)).collect()
    };
    let (postgres, sqlite) = (names("migrations/postgres/"), names("migrations/sqlite/"));
    postgres
        .symmetric_difference(&sqlite)
        .map(|it| format!("{it} is in one dialect only"))
        .collect()
}

fn names_a_machine_path(file: &File) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    ["work", "root", "home"].iter().map(|it| format!("/{it}/")).find_map(|folder| {
        let found = file.text.match_indices(&folder).any(|(at, _)| {
            let before = file.text[..at].chars().next_back();
            let after = file.text[at + folder.len()..].chars().next();
            !before.is_some_and(|c| is_word(c) || "}>)*/".contains(c)) && after.is_some_and(is_word)
        });
        found.then(|| format!("names a path under {folder}"))
    })
}

// ---- Reading.

struct File {
    /// From the root of the repository, with `/`.
    path: String,
    text: String,
}

impl File {
    /// The module under `src/` that this file is part of; `None` elsewhere and for unit tests.
    fn module(&self) -> Option<&str> {
        let inner = self.path.strip_prefix("src/")?;
        let module = inner.split('/').next()?.trim_end_matches(".rs");
        (self.extension() == "rs" && !self.is_unit_test()).then_some(module)
    }

    fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, it)| it)
    }

    /// A file of its own for unit tests: `tests.rs`, or a folder `tests` in `src`.
    fn is_unit_test(&self) -> bool {
        self.path
            .strip_prefix("src/")
            .is_some_and(|it| it.split('/').any(|part| part == "tests" || part == "tests.rs"))
    }

    fn without_unit_tests(&self) -> &str {
        self.text.split("\nmod tests {").next().unwrap_or_default()
    }

    /// Without unit tests and comments.
    fn code(&self) -> String {
        let lines = self.without_unit_tests().lines();
        lines.filter(|it| !it.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }
}

/// Runs one rule over the tree and reports every breach at once.
#[track_caller]
fn holds(rule: fn(&File) -> Option<String>) {
    let breaches: Vec<String> =
        tree().iter().filter_map(|it| Some(format!("{}: {}", it.path, rule(it)?))).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

fn tree() -> Vec<File> {
    let mut files = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
    files
}

/// Takes all that is text.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if let Ok(text) = String::from_utf8(fs::read(entry.path()).unwrap()) {
            files.push(File { path, text });
        }
    }
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// What the code names directly under `root::`, one by one or in braces.
fn named_under(root: &str, code: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let first_word = |it: &str| it.trim_start().chars().take_while(|c| is_word(*c)).collect();
    let mut names = BTreeSet::<String>::new();
    for (at, path) in code.match_indices(&format!("{root}::")) {
        if code[..at].ends_with(|c| is_word(c) || c == ':') {
            continue;
        }
        let tail = &code[at + path.len()..];
        let Some(group) = tail.strip_prefix('{') else {
            names.insert(first_word(tail));
            continue;
        };
        let mut depth = 1;
        let mut expected = true;
        for (at, c) in group.char_indices() {
            if expected && is_word(c) {
                names.insert(first_word(&group[at..]));
                expected = false;
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => expected = depth == 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// Each rule bites on a source made up to break it, and lets a good one pass.
#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[track_caller]
    fn bites(rule: fn(&File) -> Option<String>, path: &str, text: &str) {
        assert!(rule(&file(path, text)).is_some(), "{path} passes:\n{text}");
    }

    #[track_caller]
    fn passes(rule: fn(&File) -> Option<String>, path: &str, text: &str) {
        assert_eq!(rule(&file(path, text)), None, "{path}:\n{text}");
    }

    #[test]
    fn on_reaching_up_or_sideways() {
        let bad = |path, text| bites(reaches_up_or_sideways, path, text);
        bad("src/store/orders.rs", "use crate::app::Orders;");
        bad("src/store/orders.rs", "use crate::bus;");
        bad("src/store.rs", "use crate::{domain::Order, live::{Hub, Topic}};");
        bad("src/domain/order.rs", "use crate::{\n    base::clock::Clock,\n};");
        bad("src/live/hub.rs", "macro_rules! on { () => { $crate::http::serve() } }");
        bad("src/things/mod.rs", "");
        let good = |path, text| passes(reaches_up_or_sideways, path, text);
        good("src/store/orders.rs", "use crate::{config::{self, Store}, domain::{Order, id}};");
        good("src/store/orders.rs", "/// Used by [`crate::app`].\nuse crate::store::Tx;");
        good("src/store/orders.rs", "#[cfg(test)]\nmod tests {\n    use crate::app;\n}");
        good("src/store/tests.rs", "use crate::app;");
        good("tests/it/orders.rs", "use crate::harness;");
    }

    #[test]
    fn on_saying_super() {
        bites(says_super, "src/app/orders.rs", "use super::App;");
        passes(says_super, "src/app/orders.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n}");
    }

    #[test]
    fn on_an_impure_domain() {
        for bad in ["use tokio::time;", "use std::{collections::BTreeMap, fs};", "std::env::args()"]
        {
            bites(is_impure, "src/domain/order.rs", bad);
        }
        passes(is_impure, "src/domain/order.rs", "use std::{fmt, time::Duration};\nmytokio::x();");
        passes(is_impure, "src/base/tasks.rs", "use tokio::time;");
    }

    #[test]
    fn on_a_missing_header() {
        bites(has_no_header, "src/app/orders.rs", "use crate::app;\n//! Orders.");
        bites(has_no_header, "static/board.js", "const board = 1;");
        passes(has_no_header, "static/board.js", "// The ready board.\n");
    }

    #[test]
    fn on_a_long_file() {
        let long = "//! Long.\n".repeat(301);
        for path in ["src/app/orders.rs", "tests/it/orders.rs", "static/board.js"] {
            bites(is_too_long, path, &long);
        }
        passes(is_too_long, "src/app/orders.rs", &format!("//! Short.\nmod tests {{\n{long}}}"));
        passes(is_too_long, "src/store/tests/orders.rs", &long);
    }

    #[test]
    fn on_a_vague_name() {
        bites(has_a_vague_name, "src/app/utils.rs", "");
        bites(has_a_vague_name, "tests/it/common/mod.rs", "");
        passes(has_a_vague_name, "src/app/utilisation.rs", "");
    }

    #[test]
    fn on_sql_outside_the_store() {
        let rule = speaks_sql_outside_the_store;
        bites(rule, "src/app/orders.rs", "sqlx::query_as(\"SELECT 1\")");
        bites(rule, "src/wiring.rs", "use sqlx::{Row, query};");
        passes(rule, "src/store/orders.rs", "sqlx::query(\"SELECT 1\")");
        passes(rule, "src/app/orders.rs", "fn f(error: sqlx::Error) {}");
    }

    #[test]
    fn on_printing() {
        for bad in ["println!(\"\")", "eprintln!(\"\")", "eprint!(\"\")", "dbg!(1)"] {
            bites(prints_outside_the_command_line, "src/app/orders.rs", bad);
        }
        passes(prints_outside_the_command_line, "src/cli/serve.rs", "println!(\"\")");
    }

    #[test]
    fn on_migrations() {
        bites(is_a_migration_with_crlf, "migrations/sqlite/1_begin.sql", "SELECT 1;\r\n");
        let same = ["migrations/postgres/1_begin.sql", "migrations/sqlite/1_begin.sql"];
        let mut files: Vec<File> = same.map(|it| file(it, "")).into();
        assert!(missing_migrations(&files).is_empty());
        files.push(file("migrations/sqlite/2_more.sql", ""));
        assert_eq!(missing_migrations(&files), ["2_more.sql is in one dialect only"]);
    }

    #[test]
    fn on_a_machine_path() {
        let path = |it: &str| format!("see {}{it}{}", '/', "/project/notes.md");
        for folder in ["work", "root", "home"] {
            bites(names_a_machine_path, "README.md", &path(folder));
        }
        for good in ["src/work/loop.rs", "https://example.com/home/page", "/workers/relay"] {
            passes(names_a_machine_path, "README.md", good);
        }
    }
}
