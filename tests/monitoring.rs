//! What the package ships for Prometheus and Grafana, made here from the table of metrics and the catalogue of findings: alert rules and a
//! dashboard. The files in `monitoring/` are compared with what is made; `MONITORING_UPDATE=always` writes them again. `prometheus` and `alerts`
//! hold them with Prometheus's own programs: promtool, node_exporter and Prometheus itself, of Debian.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "monitoring/alerts.rs"]
mod alerts;
#[path = "monitoring/dashboard.rs"]
mod dashboard;
#[path = "monitoring/http.rs"]
mod http;
#[path = "monitoring/prometheus.rs"]
mod prometheus;
#[path = "monitoring/rules.rs"]
mod rules;
#[path = "monitoring/scenario.rs"]
mod scenario;

use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use vti_diagnostics::metrics::METRICS;

const HOW: &str = "after a change of the metrics or the catalogue: MONITORING_UPDATE=always cargo test --test monitoring";

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring").join(name)
}

/// Compares a file with what is made, or writes it.
fn assert_shipped(name: &str, made: &str) {
    let path = shipped(name);
    if std::env::var("MONITORING_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, made).unwrap();
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(is == made, "{} is not what is made; {HOW}", path.display());
}

/// The metrics of ours that a query names.
fn named(query: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\bvti_[a-z_]+\b").unwrap();
    name.find_iter(query).map(|found| found.as_str().to_owned()).collect()
}

/// The metrics that a query names, and that do not exist.
fn unknown(query: &str) -> Vec<String> {
    let is_known = |name: &String| METRICS.iter().any(|metric| metric.name == name);
    named(query).into_iter().filter(|name| !is_known(name)).collect()
}

/// Runs a program of Debian's packages; status and both outputs.
fn run(command: &mut Command) -> (bool, String) {
    let program = command.get_program().to_owned();
    let output = command.output().unwrap_or_else(|error| {
        panic!("{program:?} (Debian: prometheus, prometheus-node-exporter): {error}")
    });
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn what_is_shipped_is_what_is_made() {
    assert_shipped("prometheus-rules.yml", &rules::text(&rules::all()));
    assert_shipped("grafana-dashboard.json", &dashboard::text());
}

#[test]
fn no_rule_and_no_panel_names_a_metric_that_does_not_exist() {
    for rule in rules::all() {
        assert_eq!(unknown(&rule.expression), [""; 0], "{}", rule.alert);
        assert!(!named(&rule.expression).is_empty(), "{}", rule.alert);
    }
    let mut shown = BTreeSet::new();
    for (title, query) in dashboard::queries() {
        assert_eq!(unknown(&query), [""; 0], "{title}");
        shown.extend(named(&query));
    }
    let all: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(shown, all, "each metric is on the dashboard");
    assert_eq!(unknown("rate(vti_nothing_total[5m]) > vti_up"), ["vti_nothing_total"]);
}
