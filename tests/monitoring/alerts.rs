//! The alert rules under promtool: a fault and its end, a tunnel that is down and one that waits, losses that are new and losses that rise, used
//! sequence numbers, and a file that is no longer written.

use super::rules::{self, Rule};
use super::{run, shipped};
use std::fmt::Write;
use std::fs;
use std::process::Command;

/// A series with its values, one a minute, in promtool's notation.
type Series = (&'static str, &'static str);

/// An alert that fires: minute, name, code, the value as the summary shows it, further labels of the series.
type Fires =
    (u32, &'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const VTI: &[(&str, &str)] = &[("interface", "vti1")];

/// The series, the alerts that fire, and minutes with alerts that do not.
type Case = (&'static [Series], &'static [Fires], &'static [(u32, &'static str)]);

/// Each with its series, the alerts that fire, and minutes with alerts that do not.
const CASES: &[Case] = &[
    (
        &[
            ("vti_verdict{interface=\"vti1\",verdict=\"fault\"}", "0x4 1x6 0x10"),
            ("vti_verdict{interface=\"vti1\",verdict=\"ok\"}", "1x4 0x6 1x10"),
            // The confidence changes while it lasts, and the alert goes on.
            (
                "vti_finding{interface=\"vti1\",code=\"VTI-111\",confidence=\"consistent\"}",
                "_x4 1x1 stale",
            ),
            (
                "vti_finding{interface=\"vti1\",code=\"VTI-111\",confidence=\"proven\"}",
                "_x6 1x4 stale",
            ),
            // A finding beside a verdict that is no fault.
            ("vti_verdict{interface=\"vti2\",verdict=\"fault\"}", "0x20"),
            ("vti_finding{interface=\"vti2\",code=\"VTI-202\",confidence=\"proven\"}", "1x20"),
        ],
        &[(8, "VtiFault", "VTI-111", "", VTI)],
        &[(4, "VtiFault"), (6, "VtiFault"), (13, "VtiFault"), (20, "VtiFault")],
    ),
    (
        &[
            ("vti_up{interface=\"vti1\"}", "1x2 0x10 1x10"),
            ("vti_configured{interface=\"vti1\"}", "1x30"),
            ("vti_verdict{interface=\"vti1\",verdict=\"fault\"}", "0x2 1x10 0x10"),
            ("vti_verdict{interface=\"vti1\",verdict=\"ok\"}", "1x2 0x10 1x10"),
            // It waits for traffic.
            ("vti_up{interface=\"vti2\"}", "0x30"),
            ("vti_configured{interface=\"vti2\"}", "1x30"),
            ("vti_verdict{interface=\"vti2\",verdict=\"ok\"}", "1x30"),
            // It is disabled.
            ("vti_up{interface=\"vti3\"}", "0x30"),
            ("vti_configured{interface=\"vti3\"}", "0x30"),
            ("vti_verdict{interface=\"vti3\",verdict=\"ok\"}", "0x30"),
        ],
        &[(6, "VtiDown", "", "", VTI)],
        &[(3, "VtiDown"), (16, "VtiDown")],
    ),
    (
        &[
            ("vti_build_info{version=\"0\"}", "1x120"),
            // Known from the beginning, and rises once.
            ("vti_lost_packets_total{interface=\"vti1\",code=\"VTI-911\"}", "100x59 109x60"),
            // The first loss for this cause.
            ("vti_lost_packets_total{interface=\"vti1\",code=\"VTI-912\"}", "_x29 7x90"),
        ],
        &[(31, "VtiLosses", "VTI-912", "7", VTI), (61, "VtiLosses", "VTI-911", "9", VTI)],
        // Not what was there when Prometheus came, and each once.
        &[(1, "VtiLosses"), (25, "VtiLosses"), (45, "VtiLosses"), (80, "VtiLosses")],
    ),
    (
        &[
            ("vti_sa_sequence_used_ratio{interface=\"vti1\"}", "0.5 0.85 0.01"),
            ("vti_sa_sequence_used_ratio{interface=\"vti2\"}", "0.8x10"),
        ],
        &[(1, "VtiSequenceNumbers", "VTI-211", "85%", VTI)],
        &[(0, "VtiSequenceNumbers"), (2, "VtiSequenceNumbers")],
    ),
    (
        // Written each minute, then no longer, then again.
        &[("vti_last_success_timestamp_seconds", "0+60x10 600x9 1200+60x10")],
        &[(15, "VtiMetricsStale", "", "5m 0s", &[])],
        &[(10, "VtiMetricsStale"), (13, "VtiMetricsStale"), (22, "VtiMetricsStale")],
    ),
    (
        &[
            ("vti_path_expected_packets_total{interface=\"vti1\"}", "0+1000x60"),
            ("vti_path_lost_packets_total{interface=\"vti1\"}", "0x20 0+20x40"),
            // Half of it is lost, but a packet a minute is no measure.
            ("vti_path_expected_packets_total{interface=\"vti2\"}", "0+2x60"),
            ("vti_path_lost_packets_total{interface=\"vti2\"}", "0+1x60"),
        ],
        &[(50, "VtiPathLoss", "", "2%", VTI)],
        &[(15, "VtiPathLoss"), (28, "VtiPathLoss")],
    ),
    (
        &[("vti_source_readable{source=\"links\"}", "1x5 0x20 1x5")],
        &[(20, "VtiSourceUnreadable", "", "", &[("source", "links")])],
        &[(10, "VtiSourceUnreadable"), (28, "VtiSourceUnreadable")],
    ),
];

/// The labels that a scrape adds.
const SCRAPED: &str = "instance=\"gw1\",job=\"node\"";

fn with_target(series: &str) -> String {
    match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{{SCRAPED},{labels}"),
        None => format!("{series}{{{SCRAPED}}}"),
    }
}

fn rule<'a>(rules: &'a [Rule], alert: &str, code: &str) -> &'a Rule {
    let fits = |rule: &&Rule| rule.alert == alert && (rule.code().unwrap_or_default() == code);
    rules.iter().find(fits).unwrap_or_else(|| panic!("{alert} {code}"))
}

fn tests(rules: &[Rule]) -> String {
    let mut text = format!(
        "rule_files: [\"{}\"]\nevaluation_interval: 1m\ntests:\n",
        shipped("prometheus-rules.yml").display()
    );
    for (series, fires, silent) in CASES {
        text += "  - interval: 1m\n    input_series:\n";
        for (name, values) in *series {
            let _ = writeln!(
                text,
                "      - series: '{}'\n        values: '{values}'",
                with_target(name)
            );
        }
        text += "    alert_rule_test:\n";
        for (minute, alert, code, value, labels) in *fires {
            let rule = rule(rules, alert, code);
            let _ = writeln!(
                text,
                "      - eval_time: {minute}m\n        alertname: {alert}\n        exp_alerts:"
            );
            let _ = writeln!(
                text,
                "          - exp_labels:\n              instance: gw1\n              job: node"
            );
            let own = [("severity", rule.severity()), ("code", code)];
            for (name, value) in own.iter().chain(*labels).filter(|(_, value)| !value.is_empty()) {
                let _ = writeln!(text, "              {name}: {value}");
            }
            text += "            exp_annotations:\n";
            for (name, template) in rule.annotations() {
                let mut said = template.replace("{{ $labels.instance }}", "gw1");
                for (label, value) in *labels {
                    said = said.replace(&format!("{{{{ $labels.{label} }}}}"), value);
                }
                for form in [
                    "{{ printf \"%.0f\" $value }}",
                    "{{ $value | humanizePercentage }}",
                    "{{ $value | humanizeDuration }}",
                ] {
                    said = said.replace(form, value);
                }
                assert!(!said.contains("{{"), "{said}");
                let _ = writeln!(
                    text,
                    "              {name}: {}",
                    serde_json::to_string(&said).unwrap()
                );
            }
        }
        for (minute, alert) in *silent {
            let _ = writeln!(
                text,
                "      - eval_time: {minute}m\n        alertname: {alert}\n        exp_alerts: []"
            );
        }
    }
    text
}

#[test]
fn promtool_reads_the_rules_and_finds_none_twice() {
    let (success, said) = run(Command::new("promtool")
        .args(["check", "rules", "--lint-fatal"])
        .arg(shipped("prometheus-rules.yml")));
    assert!(success && said.contains("SUCCESS"), "{said}");
}

#[test]
fn alerts_fire_and_end_as_they_should() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tests.yml");
    fs::write(&file, tests(&rules::all())).unwrap();
    let (success, said) = run(Command::new("promtool").args(["test", "rules"]).arg(&file));
    assert!(success, "{said}");
    // The test can fail: without the fault there is no alert.
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("values: '0x4 1x6 0x10'", "values: '0x20'")).unwrap();
    let (success, said) = run(Command::new("promtool").args(["test", "rules"]).arg(&file));
    assert!(!success && said.contains("VtiFault"), "{said}");
}
