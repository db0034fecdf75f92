//! The alert rules for Prometheus. What an alert says of a cause, and what it tells to do, is what the catalogue says: `vti-diagnostics explain`.

use std::fmt::Write;
use vti_diagnostics::code::{Code, Severity, Stage};
use vti_diagnostics::diagnose::commands::{Command, Release, System};
use vti_diagnostics::diagnose::{DIAGNOSES, explanation};
use vti_diagnostics::metrics::METRICS;

/// One rule.
pub struct Rule {
    pub alert: &'static str,
    pub expression: String,
    /// How long it must hold.
    pub hold: &'static str,
    severity: &'static str,
    code: Option<Code>,
    summary: String,
    /// Further annotations: name and text.
    texts: Vec<(&'static str, String)>,
}

impl Rule {
    /// The code that it is about.
    pub fn code(&self) -> Option<String> {
        self.code.map(|code| code.to_string())
    }

    /// How bad it is.
    pub const fn severity(&self) -> &'static str {
        self.severity
    }

    /// All annotations: name and text.
    pub fn annotations(&self) -> Vec<(&'static str, String)> {
        let summary = ("summary", self.summary.clone());
        std::iter::once(summary).chain(self.texts.iter().cloned()).collect()
    }
}

/// A VTI in a summary.
const VTI: &str = "{{ $labels.interface }} on {{ $labels.instance }}";

/// Every rule.
pub fn all() -> Vec<Rule> {
    let current = DIAGNOSES.iter().map(|d| d.code).filter(|code| code.info().stage != Stage::Past);
    let lost = DIAGNOSES.iter().map(|d| d.code).filter(|code| loses(*code));
    let each = [faults(current), of_state(), losses(lost), of_host()];
    let rules = each.into_iter().flatten();
    // A metric that this version does not have makes no rule.
    let is_known = |rule: &Rule| super::unknown(&rule.expression).is_empty();
    rules.filter(|rule| rule.alert != "VtiPathLoss" || is_known(rule)).collect()
}

/// Whether the recorder gives losses this cause: those that it names itself, and those of a diagnosis while transmit errors rise.
pub fn loses(code: Code) -> bool {
    code.is_recorded() || code.info().moves.explains_errors()
}

fn faults(codes: impl Iterator<Item = Code>) -> Vec<Rule> {
    let rule = |code: Code| Rule {
        alert: "VtiFault",
        // Without the confidence: one that changes is no other alert.
        expression: format!(
            "max without (confidence) (vti_finding{{code=\"{code}\"}}) \
             and ignoring (code, verdict) vti_verdict{{verdict=\"fault\"}} == 1"
        ),
        hold: "2m",
        severity: "critical",
        code: Some(code),
        summary: format!("{VTI}: {} ({code})", code.title()),
        texts: texts(code),
    };
    codes.map(rule).collect()
}

fn losses(codes: impl Iterator<Item = Code>) -> Vec<Rule> {
    let rule = |code: Code| {
        let series = format!("vti_lost_packets_total{{code=\"{code}\"}}");
        Rule {
            alert: "VtiLosses",
            // The first loss of a cause is a new series, which increase() does not see. What was lost before Prometheus knew the host is no news.
            expression: format!(
                "increase({series}[10m]) > 0 \
                 or (({series} unless {series} offset 10m) and on (instance, job) vti_build_info offset 10m)"
            ),
            hold: "0m",
            severity: if code.info().severity == Severity::Notice { "info" } else { "warning" },
            code: Some(code),
            summary: format!(
                "{VTI} lost {{{{ printf \"%.0f\" $value }}}} packets: {} ({code})",
                code.title()
            ),
            texts: texts(code),
        }
    };
    codes.map(rule).collect()
}

fn of_state() -> Vec<Rule> {
    let used = Code::SequenceNumberOverflow;
    vec![
        Rule {
            alert: "VtiDown",
            // A tunnel that waits for traffic or for clients is down, and its verdict says that this is right.
            expression: "(vti_up == 0 and vti_configured == 1) \
                         unless ignoring (verdict) vti_verdict{verdict=~\"ok|notice\"} == 1"
                .to_owned(),
            hold: "2m",
            severity: "critical",
            code: None,
            summary: format!("{VTI} is configured and down"),
            texts: commands(Command::ShowInterfaceInDetail),
        },
        Rule {
            alert: "VtiSequenceNumbers",
            // With ESN the ratio stays near 0.
            expression: "vti_sa_sequence_used_ratio > 0.8".to_owned(),
            hold: "0m",
            severity: "warning",
            code: Some(used),
            summary: format!(
                "{VTI}: an SA without ESN has used {{{{ $value | humanizePercentage }}}} of its sequence numbers"
            ),
            texts: texts(used),
        },
        Rule {
            alert: "VtiPathLoss",
            expression: "rate(vti_path_lost_packets_total[10m]) / rate(vti_path_expected_packets_total[10m]) > 0.01 \
                         and increase(vti_path_expected_packets_total[10m]) > 100"
                .to_owned(),
            hold: "10m",
            severity: "warning",
            code: None,
            summary: format!("{VTI}: {{{{ $value | humanizePercentage }}}} of the packets are lost on the way"),
            texts: commands(Command::ShowInterfaceInDetail),
        },
    ]
}

fn of_host() -> Vec<Rule> {
    vec![
        Rule {
            alert: "VtiMetricsStale",
            // node_exporter serves the last file for ever.
            expression: "time() - vti_last_success_timestamp_seconds > 180".to_owned(),
            hold: "1m",
            severity: "warning",
            code: None,
            summary: "{{ $labels.instance }}: the metrics of the VTIs are {{ $value | humanizeDuration }} old".to_owned(),
            texts: vec![(
                "description",
                "The file of the textfile collector is no longer written: the recorder or the timer does not run, or \
                 cannot write it. Every other alert on the VTIs of this host is out of date."
                    .to_owned(),
            )],
        },
        Rule {
            alert: "VtiSourceUnreadable",
            expression: "vti_source_readable == 0".to_owned(),
            hold: "10m",
            severity: "warning",
            code: None,
            summary: "{{ $labels.instance }}: {{ $labels.source }} cannot be read".to_owned(),
            texts: vec![(
                "description",
                "What vti-diagnostics could not read it does not judge: metrics that need it have no sample. \
                 `vti-diagnostics show --detail` says why."
                    .to_owned(),
            )],
        },
    ]
}

/// What the catalogue says of a cause.
fn texts(code: Code) -> Vec<(&'static str, String)> {
    let diagnosis = DIAGNOSES.iter().find(|d| d.code == code).expect("every code has a diagnosis");
    let part = |heading, system| section(&explanation::expand(diagnosis.explain, system), heading);
    let remedy = part("What to do", System::Vyos(Release::Current));
    let linux = Some(part("What to do", System::Linux)).filter(|linux| *linux != remedy);
    let all = [
        ("description", Some(part("What happens", System::Linux))),
        ("remedy", Some(remedy)),
        ("remedy_linux", linux),
        ("explain", Some(format!("vti-diagnostics explain {code}"))),
    ];
    all.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

fn commands(command: Command) -> Vec<(&'static str, String)> {
    let typed = |system| {
        let form = command.form(system).replace("{interface}", "{{ $labels.interface }}");
        format!("{}: {form}", command.does().trim_end_matches('.'))
    };
    vec![("remedy", typed(System::Vyos(Release::Current))), ("remedy_linux", typed(System::Linux))]
}

/// The text below a heading of an explanation.
fn section(explanation: &str, heading: &str) -> String {
    let below = explanation.lines().skip_while(|line| *line != heading).skip(1);
    let lines = below.take_while(|line| line.is_empty() || line.starts_with(' '));
    let text: Vec<&str> =
        lines.map(|line| line.strip_prefix("    ").unwrap_or(line).trim_end()).collect();
    let text = text.join("\n");
    assert!(!text.trim().is_empty(), "{heading}: {explanation}");
    // Annotations are templates.
    assert!(!text.contains("{{"), "{text}");
    text.trim().to_owned()
}

/// The file.
pub fn text(rules: &[Rule]) -> String {
    let mut text = format!(
        "# Alert rules for the metrics of vti-diagnostics {}, made from its catalogue of findings by its test `monitoring`:\n\
         # a change here is lost with the next version. Load the file with `rule_files` of prometheus.yml.\n\
         groups:\n  - name: vti-diagnostics\n    rules:\n",
        env!("CARGO_PKG_VERSION")
    );
    for rule in rules {
        let Rule { alert, expression, hold, severity, .. } = rule;
        let _ = writeln!(text, "      - alert: {alert}");
        let _ = writeln!(text, "        expr: {}", quoted(expression));
        let _ =
            writeln!(text, "        for: {hold}\n        labels:\n          severity: {severity}");
        if let Some(code) = rule.code() {
            let _ = writeln!(text, "          code: {code}");
        }
        text += "        annotations:\n";
        for (name, value) in rule.annotations() {
            if value.contains('\n') {
                let _ = writeln!(text, "          {name}: |-");
                for line in value.lines() {
                    let indent = if line.is_empty() { "" } else { "            " };
                    let _ = writeln!(text, "{indent}{line}");
                }
            } else {
                let _ = writeln!(text, "          {name}: {}", quoted(&value));
            }
        }
    }
    text
}

/// A single-quoted scalar of YAML.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn each_cause_has_its_rule_with_its_remedy() {
    let rules = all();
    // Transmit errors of the past have their causes from the recorder.
    for diagnosis in DIAGNOSES.iter().filter(|d| d.code != Code::PastErrorsOnly) {
        let code = diagnosis.code;
        let rule = rules.iter().find(|rule| rule.code == Some(code)).expect("a rule");
        assert!(rule.texts.iter().any(|(name, text)| *name == "remedy" && !text.is_empty()));
    }
    for name in ["VtiFault", "VtiDown", "VtiLosses", "VtiSequenceNumbers", "VtiMetricsStale"] {
        assert!(rules.iter().any(|rule| rule.alert == name), "{name}");
    }
    // The loss meter's rule comes with its metrics.
    let has_meter = METRICS.iter().any(|metric| metric.name == "vti_path_lost_packets_total");
    assert_eq!(rules.iter().any(|rule| rule.alert == "VtiPathLoss"), has_meter);
}
