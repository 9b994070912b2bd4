//! Conditions on figures: `p99<25ms,lost=0,rss_per_socket<=2KiB`.

use anyhow::{Context, bail};

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was written.
    pub text: String,
    figure: String,
    relation: Relation,
    bound: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Less,
    LessOrEqual,
    Equal,
    MoreOrEqual,
    More,
}

const RELATIONS: [(&str, Relation); 5] = [
    ("<=", Relation::LessOrEqual),
    (">=", Relation::MoreOrEqual),
    ("<", Relation::Less),
    (">", Relation::More),
    ("=", Relation::Equal),
];

/// Units, in those that figures are kept in: microseconds and bytes.
const UNITS: [(&str, f64); 10] = [
    ("us", 1.0),
    ("µs", 1.0),
    ("ms", 1e3),
    ("KiB", 1024.0),
    ("MiB", 1024.0 * 1024.0),
    ("B", 1.0),
    ("%", 1.0),
    ("x", 1.0),
    ("/s", 1.0),
    ("s", 1e6),
];

/// Reads conditions.
pub fn parse(text: &str) -> anyhow::Result<Vec<Condition>> {
    text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(condition).collect()
}

fn condition(text: &str) -> anyhow::Result<Condition> {
    let at = text.find(['<', '>', '=']).with_context(|| {
        format!("{text:?} is no condition: a figure, one of < <= = >= >, and a value")
    })?;
    let (figure, rest) = text.split_at(at);
    let found = RELATIONS.iter().find_map(|(sign, it)| Some((*it, rest.strip_prefix(sign)?)));
    let (relation, value) = found.context("no relation")?;
    let value = value.trim();
    let unit = UNITS.iter().find(|(unit, _)| value.ends_with(unit));
    let (number, scale) = match unit {
        Some((unit, scale)) => (value.trim_end_matches(unit), *scale),
        None => (value, 1.0),
    };
    let Ok(number) = number.trim().parse::<f64>() else {
        bail!("{text:?}: {value:?} is no value; units are us, ms, s, B, KiB, MiB, %, x, /s");
    };
    let figure = figure.trim().to_owned();
    Ok(Condition { text: text.to_owned(), figure, relation, bound: number * scale })
}

impl Condition {
    /// Whether it holds; an error where no figure has that name.
    pub fn holds(&self, figure: impl Fn(&str) -> Option<f64>) -> anyhow::Result<bool> {
        let value = figure(&self.figure)
            .with_context(|| format!("{:?}: there is no figure {:?}", self.text, self.figure))?;
        Ok(match self.relation {
            Relation::Less => value < self.bound,
            Relation::LessOrEqual => value <= self.bound,
            Relation::Equal => (value - self.bound).abs() < 1e-9,
            Relation::MoreOrEqual => self.bound <= value,
            Relation::More => self.bound < value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(name: &str) -> Option<f64> {
        match name {
            "p99" => Some(24_000.0),
            "lost" => Some(0.0),
            "rss_per_socket" => Some(2048.0),
            "ratio" => Some(1.1),
            _ => None,
        }
    }

    fn all_hold(text: &str) -> bool {
        parse(text).unwrap().iter().all(|it| it.holds(figures).unwrap())
    }

    #[test]
    fn conditions_hold_or_do_not_in_the_units_they_are_written_in() {
        assert!(all_hold("p99<25ms,lost=0"));
        assert!(all_hold("p99 < 0.025s, p99>23900us, lost <= 0"));
        assert!(all_hold("rss_per_socket<=2KiB,ratio<=1.15x"));
        assert!(!all_hold("p99<24ms"));
        assert!(!all_hold("lost>0"));
        assert!(!all_hold("rss_per_socket<2KiB"));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for wrong in ["p99", "p99<fast", "p99<25 parsecs"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse("").unwrap(), []);
        assert!(parse("p98<1ms").unwrap()[0].holds(figures).is_err());
    }
}
