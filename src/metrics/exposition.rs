//! The metrics as text: in Prometheus's text format 0.0.4, which node_exporter's textfile collector reads, and in OpenMetrics 1.0. It knows no
//! metric.
//!
//! The two differ in little: OpenMetrics has the type `info`, names the family of a counter without `_total`, has units, escapes quotation marks in
//! a help text, and ends with `# EOF`. Samples are the same in both, so that a dashboard fits both. Neither has timestamps: the textfile collector
//! refuses them.

use super::facts::Facts;
use super::samples::{Samples, quoted};
use super::table::{Kind, METRICS, Metric, Values};
use std::fmt::Write;

/// The two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus's text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// The whole text.
pub fn write(facts: &Facts, format: Format) -> String {
    let mut text = String::new();
    for metric in METRICS {
        let mut samples = Samples::new(metric.name, metric.labels);
        match metric.values {
            Values::Host(add) => add(facts, &mut samples),
            Values::Interface(add) => facts.interfaces().for_each(|vti| add(vti, &mut samples)),
        }
        let lines = samples.lines();
        if !lines.is_empty() {
            head(&mut text, metric, format);
            text += &lines;
        }
    }
    if format == Format::OpenMetrics {
        text += "# EOF\n";
    }
    text
}

/// The lines about a metric before its samples.
fn head(text: &mut String, metric: &Metric, format: Format) {
    let (family, kind, help) = match format {
        Format::Prometheus => {
            let kind = if metric.kind == Kind::Counter { "counter" } else { "gauge" };
            (metric.name, kind, metric.help.replace('\\', "\\\\").replace('\n', "\\n"))
        }
        Format::OpenMetrics => {
            let (suffix, kind) = match metric.kind {
                Kind::Gauge => ("", "gauge"),
                Kind::Counter => ("_total", "counter"),
                Kind::Info => ("_info", "info"),
            };
            let family = metric.name.strip_suffix(suffix).unwrap_or(metric.name);
            (family, kind, quoted(metric.help))
        }
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {family} {help}\n# TYPE {family} {kind}");
    if format == Format::OpenMetrics && !metric.unit.is_empty() {
        let _ = writeln!(text, "# UNIT {family} {}", metric.unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_those_that_both_forms_allow() {
        let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            let name = metric.name;
            assert!(name.starts_with("vti_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), metric.kind == Kind::Info, "{name}");
            // OpenMetrics 1.0, "Metric Family": a unit is the end of the name.
            assert!(metric.unit.is_empty() || name.ends_with(&format!("_{}", metric.unit)));
            assert!(metric.help.ends_with('.'), "{name}");
            // What a rekey changes would be a new series each time.
            for label in metric.labels {
                assert!(
                    ["interface", "peer", "driver", "code", "confidence", "verdict", "class"]
                        .contains(label)
                        || ["source", "version"].contains(label),
                    "{name}: {label}"
                );
            }
        }
    }
}
