//! The text of `/metrics`, read.

/// The value of the series with this name and exactly these labels, in any order; `None` before it is first recorded.
pub fn value(text: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let mut wanted: Vec<_> =
        labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
    wanted.sort_unstable();
    text.lines().find_map(|line| {
        let (series, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
        let mut found = match series {
            "" => Vec::new(),
            labels => labels.strip_prefix('{')?.strip_suffix('}')?.split("\",").collect(),
        };
        found.sort_unstable();
        let same = found.len() == wanted.len()
            && found
                .iter()
                .zip(&wanted)
                .all(|(found, wanted)| found.trim_end_matches('"') == wanted.trim_end_matches('"'));
        same.then(|| value.parse().unwrap())
    })
}

mod tests {
    use super::value;

    const TEXT: &str = "\
# HELP sockets Open.
# TYPE sockets gauge
sockets 3
requests_total{method=\"GET\",route=\"/v1/orders, all\"} 2
requests_total{method=\"GET\"} 5
took_seconds_count{method=\"GET\"} 7
";

    #[test]
    fn a_series_is_found_by_its_name_and_all_of_its_labels() {
        assert_eq!(value(TEXT, "sockets", &[]), Some(3.0));
        let labels = [("route", "/v1/orders, all"), ("method", "GET")];
        assert_eq!(value(TEXT, "requests_total", &labels), Some(2.0));
        assert_eq!(value(TEXT, "requests_total", &[("method", "GET")]), Some(5.0));
        assert_eq!(value(TEXT, "requests_total", &[("method", "PUT")]), None);
        assert_eq!(value(TEXT, "requests_total", &[]), None);
        assert_eq!(value(TEXT, "took_seconds", &[]), None);
        assert_eq!(value(TEXT, "took_seconds_count", &[("method", "GET")]), Some(7.0));
    }
}
