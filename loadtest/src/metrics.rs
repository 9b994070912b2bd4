//! What the server counts itself: `/metrics`, in Prometheus' text format.

use crate::{http::Http, server::Server};

/// What it says at one moment.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Vec<Sample>);

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    /// As they are written: `code="4008"`.
    labels: String,
    value: f64,
}

impl Metrics {
    /// Asks the server. One that does not show its metrics here has none.
    pub fn of(server: &Server) -> Self {
        let answer = Http::new(server.address).call("GET", "/metrics", &[], b"");
        let body = answer.map(|it| it.body).unwrap_or_default();
        Self::read(&String::from_utf8_lossy(&body))
    }

    fn read(text: &str) -> Self {
        Self(text.lines().filter(|it| !it.starts_with('#')).filter_map(Sample::read).collect())
    }

    /// The sum of a metric over its labels; `None` where the server does not have it.
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.0.iter().filter(|it| it.name == name).map(|it| it.value).reduce(|a, b| a + b)
    }

    /// The value under this label; 0 where nothing was counted under it yet.
    pub fn under(&self, name: &str, label: &str) -> f64 {
        let with = self.0.iter().filter(|it| it.name == name && it.labels.contains(label));
        with.map(|it| it.value).sum()
    }

    /// Each series of a metric, as (labels, how much it rose since `earlier`).
    pub fn since<'a>(
        &'a self,
        earlier: &'a Self,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.iter().filter(move |it| it.name == name).map(move |it| {
            let before = earlier.0.iter().find(|old| old.name == name && old.labels == it.labels);
            (it.labels.as_str(), it.value - before.map_or(0.0, |it| it.value))
        })
    }

    /// By how much the sum of a metric rose; a counter that did not exist stood at nothing.
    pub fn rise(&self, earlier: &Self, name: &str) -> Option<f64> {
        self.since(earlier, name).map(|(_, rise)| rise).reduce(|a, b| a + b)
    }
}

impl Sample {
    fn read(line: &str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let (name, labels) = (name.to_owned(), labels.trim_end_matches('}').to_owned());
        Some(Self { name, labels, value: value.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# TYPE closed counter\nclosed{code=\"4001\"} 2\nrows 7\n";
    const AFTER: &str = "closed{code=\"4001\"} 3\nclosed{code=\"4008\"} 5\nclosed_long 9\nrows 4\n";

    #[test]
    fn series_of_one_metric_are_added_up_and_no_others() {
        let (before, after) = (Metrics::read(BEFORE), Metrics::read(AFTER));
        assert_eq!(after.sum("closed"), Some(8.0));
        assert_eq!(after.sum("opened"), None);
        assert!((after.under("closed", "code=\"4008\"") - 5.0).abs() < 1e-9);
        assert_eq!(after.rise(&before, "closed"), Some(6.0));
        assert_eq!(after.rise(&before, "rows"), Some(-3.0));
        let each: Vec<_> = after.since(&before, "closed").collect();
        assert_eq!(each, [("code=\"4001\"", 1.0), ("code=\"4008\"", 5.0)]);
    }
}
