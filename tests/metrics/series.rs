//! The text forms as a program reads them: series with their labels and values, and the grammar of both held line by line.

use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use vti_diagnostics::metrics::{Format, Kind, METRICS};

/// Name and labels of a sample, and its value.
pub type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

static SAMPLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? ([0-9.]+)$"#).unwrap()
});
static LABEL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"([a-z]+)="((?:[^"\\\n]|\\[\\"n])*)""#).unwrap());

/// The series of a text; it panics where the text is not of the form.
pub fn series(text: &str, format: Format) -> Series {
    let mut all = Series::new();
    let body = match format {
        Format::Prometheus => text,
        Format::OpenMetrics => text.strip_suffix("# EOF\n").expect("its end"),
    };
    let mut families: Vec<&str> = Vec::new();
    for line in body.lines() {
        if let Some(about) = line.strip_prefix("# ") {
            let (_, rest) = about.split_once(' ').unwrap();
            let (family, _) = rest.split_once(' ').unwrap();
            if about.starts_with("HELP") {
                assert!(!families.contains(&family), "{family} comes twice");
                families.push(family);
            }
            assert_eq!(families.last(), Some(&family), "{line}");
            continue;
        }
        let parts = SAMPLE.captures(line).unwrap_or_else(|| panic!("no sample: {line}"));
        let metric = METRICS.iter().find(|m| m.name == &parts[1]).expect("a metric of the table");
        let suffix = match (format, metric.kind) {
            (Format::OpenMetrics, Kind::Counter) => "_total",
            (Format::OpenMetrics, Kind::Info) => "_info",
            _ => "",
        };
        assert_eq!(families.last().map(|family| format!("{family}{suffix}")).unwrap(), metric.name);
        let labels = parts.get(2).map_or("", |labels| labels.as_str());
        let pairs = LABEL.captures_iter(labels);
        let pairs: Vec<(String, String)> =
            pairs.map(|pair| (pair[1].to_owned(), pair[2].to_owned())).collect();
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, metric.labels, "{line}");
        let key = (parts[1].to_owned(), pairs.into_iter().collect());
        let twice = all.insert(key, parts[3].parse().unwrap());
        assert_eq!(twice, None, "{line} comes twice");
    }
    all
}

/// The values of a metric by one of its labels.
pub fn by(series: &Series, name: &str, label: &str) -> BTreeMap<String, f64> {
    let of = series.iter().filter(|((metric, _), _)| metric == name);
    of.map(|((_, labels), value)| (labels[label].clone(), *value)).collect()
}
