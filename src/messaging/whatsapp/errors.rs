//! What the Cloud API's error codes mean for a message: a table, as data.

use std::{collections::BTreeMap, fs, ops::RangeInclusive, path::Path};

use serde::Deserialize;

const ERRORS: &str = include_str!("errors.toml");

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It was not taken, and may be in a moment.
    Again,
    /// Too many to the same person.
    SlowDown,
    /// Not today.
    NotNow,
    /// Not to this person.
    Recipient,
    /// Plain words outside the 24 hours.
    Window,
    /// The template cannot be used.
    Template,
    /// Our account cannot be used.
    Account,
    /// The request is wrong.
    Fault,
}

/// The table.
#[derive(Debug)]
pub struct Errors {
    /// By the first code of each range.
    classes: BTreeMap<u64, (RangeInclusive<u64>, Class)>,
}

/// WhatsApp cannot be used as configured. For the operator.
#[derive(Debug, thiserror::Error)]
pub enum BadErrors {
    /// The table of codes.
    #[error("`whatsapp.errors_file`: {0}")]
    Table(String),
    /// The address.
    #[error("`whatsapp.base_url`, `version` and `phone_number_id` make no address: {0}")]
    Url(String),
    /// The token.
    #[error("`whatsapp.token` must be printable ASCII")]
    Token,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    classes: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    class: Class,
    codes: Vec<String>,
}

impl Errors {
    /// The table in this file; without one, the one that comes with Orderwire.
    pub fn new(path: Option<&Path>) -> Result<Self, BadErrors> {
        match path {
            None => Self::read(ERRORS),
            Some(path) => {
                let unreadable = |it| BadErrors::Table(format!("{}: {it}", path.display()));
                Self::read(&fs::read_to_string(path).map_err(unreadable)?)
            }
        }
    }

    fn read(text: &str) -> Result<Self, BadErrors> {
        let file: File = toml::from_str(text).map_err(|it| BadErrors::Table(it.to_string()))?;
        let mut classes = BTreeMap::new();
        for Row { class, codes } in file.classes {
            for code in codes {
                let range = range(&code).ok_or_else(|| {
                    BadErrors::Table(format!("{code:?} is no code: write 131026 or 200-299"))
                })?;
                if classes.insert(*range.start(), (range, class)).is_some() {
                    return Err(BadErrors::Table(format!("{code} stands there twice")));
                }
            }
        }
        Ok(Self { classes })
    }

    /// What a code means; `None` when nobody knows.
    pub fn class(&self, code: u64) -> Option<Class> {
        let (_, (range, class)) = self.classes.range(..=code).next_back()?;
        range.contains(&code).then_some(*class)
    }
}

fn range(text: &str) -> Option<RangeInclusive<u64>> {
    match text.split_once('-') {
        Some((from, to)) => Some(from.parse().ok()?..=to.parse().ok()?),
        None => text.parse().ok().map(|it| it..=it),
    }
}
