//! Puts the layers of settings together: each later one wins, setting by setting.

use std::{fs, path::Path};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// A setting that was given on the command line: its dotted name and its text.
pub type Flag = (String, String);

/// Variables that go by a name of their own, because everybody's deployment already sets them.
pub const WELL_KNOWN: [(&str, &str); 3] = [
    ("DATABASE_URL", "database.url"),
    ("AMQP_URL", "bus.amqp_url"),
    ("REDIS_URL", "cache.redis_url"),
];

/// All others: `ORDERWIRE_LIVE__PING_EVERY` is `live.ping_every`.
const PREFIX: &str = "ORDERWIRE_";

/// Variables of the command line itself, which are no settings.
const NOT_SETTINGS: [&str; 1] = ["ORDERWIRE_CONFIG"];

/// Settings that are text even when they look like a number or a list: their names end so.
const TEXTS: [&str; 5] = ["url", "issuer", "audience", "client_id", "client_secret"];

/// A setting is wrong. The message names it and says what is allowed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {cause}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {path} is not valid TOML, line {line}: {cause}")]
    NotToml {
        /// Which file.
        path: String,
        /// Where.
        line: usize,
        /// Why; without the line itself, which may hold a secret.
        cause: String,
    },
    /// A setting is unknown, or of the wrong kind.
    #[error("setting `{name}`: {cause}")]
    Wrong {
        /// Its dotted name.
        name: String,
        /// What is wrong, and what is allowed.
        cause: String,
    },
    /// Settings are out of bounds.
    #[error("{}", .0.join("\n"))]
    OutOfBounds(Vec<String>),
}

/// The first layer over the defaults.
pub fn from_file(path: Option<&Path>) -> Result<Table, ConfigError> {
    let Some(path) = path else { return Ok(Table::new()) };
    let shown = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|cause| ConfigError::Unreadable { path: shown.clone(), cause })?;
    text.parse().map_err(|error: toml::de::Error| {
        let before = text.get(..error.span().map_or(0, |it| it.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ConfigError::NotToml { path: shown, line, cause: error.message().to_owned() }
    })
}

/// The second layer.
pub fn add_environment(
    table: &mut Table,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for (variable, text) in environment {
        if NOT_SETTINGS.contains(&variable.as_str()) {
            continue;
        }
        let well_known = WELL_KNOWN.iter().find(|(name, _)| *name == variable);
        let name = match (well_known, variable.strip_prefix(PREFIX)) {
            (Some((_, name)), _) => (*name).to_owned(),
            (None, Some(rest)) => rest.to_lowercase().replace("__", "."),
            (None, None) => continue,
        };
        set(table, &name, &text).map_err(|error| error.said_of(&variable))?;
    }
    Ok(())
}

/// The last layer.
pub fn add_flags(table: &mut Table, flags: &[Flag]) -> Result<(), ConfigError> {
    flags.iter().try_for_each(|(name, text)| set(table, name, text))
}

/// Under all layers: holds where none of them says anything. For commands with defaults of their own.
pub fn add_defaults(table: &mut Table, defaults: &[Flag]) -> Result<(), ConfigError> {
    for (name, text) in defaults {
        if !is_set(table, name) {
            set(table, name, text)?;
        }
    }
    Ok(())
}

/// Reads the finished table; an error names the setting.
pub fn read<T: DeserializeOwned>(table: Table) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let name = error.path().to_string();
        // The library would quote the value.
        if name.contains("secrets") {
            let cause = r#"expected a sequence of texts: ["…"]"#.to_owned();
            return ConfigError::Wrong { name, cause };
        }
        if name.contains("secret") {
            let cause = "expected a text".to_owned();
            return ConfigError::Wrong { name, cause };
        }
        let cause = error.into_inner().to_string();
        ConfigError::Wrong { name, cause: cause.trim().to_owned() }
    })
}

impl ConfigError {
    fn said_of(self, variable: &str) -> Self {
        match self {
            Self::Wrong { name, cause } => {
                Self::Wrong { name, cause: format!("{cause} (from the variable {variable})") }
            }
            other => other,
        }
    }
}

fn is_set(table: &Table, name: &str) -> bool {
    let mut parts = name.split('.');
    let outermost = parts.next().and_then(|it| table.get(it));
    parts.fold(outermost, |value, part| value?.get(part)).is_some()
}

fn set(table: &mut Table, name: &str, text: &str) -> Result<(), ConfigError> {
    let mut parts: Vec<&str> = name.split('.').collect();
    let Some(last) = parts.pop() else { return Ok(()) };
    let mut inner = table;
    for part in parts {
        let next = inner.entry(part).or_insert_with(|| Value::Table(Table::new()));
        inner = next.as_table_mut().ok_or_else(|| ConfigError::Wrong {
            name: name.to_owned(),
            cause: format!("`{part}` is no section"),
        })?;
    }
    inner.insert(last.to_owned(), value(name, text));
    Ok(())
}

/// Text from outside a file has no kind: lists and numbers are read as TOML, all else is a string.
fn value(name: &str, text: &str) -> Value {
    if TEXTS.iter().any(|it| name.ends_with(it)) {
        return Value::String(text.to_owned());
    }
    let parsed = format!("it = {text}").parse::<Table>().ok().and_then(|mut it| it.remove("it"));
    match parsed {
        Some(value @ (Value::Integer(_) | Value::Boolean(_) | Value::Array(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}
