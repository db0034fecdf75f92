//! What of a report is held for each capture: whatever another program or an operator decides by. Names and texts that every report
//! repeats are left out, so a new diagnosis changes one line of each, and the files can be reviewed.

use serde::Serialize;
use std::collections::BTreeMap;
use vti_diagnostics::code::Code;
use vti_diagnostics::report::{
    Finding, FlowReport, HostReport, InterfaceReport, Masked, Report, SourceStatus, Undetermined,
};

/// Writes a report in that form.
pub fn write(report: &Report) -> String {
    serde_json::to_string_pretty(&compact(report)).unwrap()
}

#[derive(Serialize)]
struct Compact<'a> {
    host: &'a HostReport,
    verdict: String,
    sources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Found<'a>>,
    interfaces: Vec<Interface<'a>>,
}

#[derive(Serialize)]
struct Interface<'a> {
    name: &'a str,
    /// Driver, states, MTU, what selects its policies, ends, peers.
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<String>,
    verdict: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Found<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    masked: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    undetermined: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    ruled_out: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    not_applicable: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flows: Vec<String>,
}

#[derive(Serialize)]
struct Found<'a> {
    finding: String,
    site: &'a str,
    summary: &'a str,
    evidence: Vec<String>,
    remedies: Vec<String>,
}

fn compact(report: &Report) -> Compact<'_> {
    Compact {
        host: &report.host,
        verdict: word(&report.verdict),
        sources: sources(&report.sources),
        findings: report.findings.iter().map(found).collect(),
        interfaces: report.interfaces.iter().map(interface).collect(),
    }
}

/// A value as it stands in the JSON report, without quotes.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap().trim_matches('"').to_owned()
}

/// `read: links, addresses`.
fn sources(sources: &[SourceStatus]) -> Vec<String> {
    let mut by_status: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in sources {
        by_status.entry(word(&source.status)).or_default().push(source.name);
    }
    by_status.iter().map(|(status, names)| format!("{status}: {}", names.join(", "))).collect()
}

fn interface(i: &InterfaceReport) -> Interface<'_> {
    let InterfaceReport { ifindex, admin_state, oper_state, mtu, if_id, .. } = i;
    let InterfaceReport { input_mark, output_mark, local, remote, .. } = i;
    let state = pairs(&[
        ("driver", &i.driver),
        ("inferred", &i.driver_inferred),
        ("tunnel_kind", &i.ip_tunnel),
        ("ifindex", ifindex),
        ("admin", admin_state),
        ("oper", oper_state),
        ("mtu", mtu),
        ("if_id", if_id),
        ("input_key", input_mark),
        ("output_key", output_mark),
        ("local", local),
        ("remote", remote),
        ("peers", &Some(i.peers.join(", ")).filter(|peers| !peers.is_empty())),
        ("absent", &i.absent.then_some(true)),
        ("fallback", &i.fallback_device.then_some(true)),
    ]);
    let control = i.control.as_ref().map(|c| {
        pairs(&[
            ("peer", &c.peer),
            ("ike", &c.ike_state),
            ("since", &c.ike_seconds),
            ("child", &c.child_state),
            ("since", &c.child_seconds),
        ])
    });
    Interface {
        name: &i.name,
        state,
        control: control.filter(|control| !control.is_empty()),
        verdict: word(&i.verdict),
        findings: i.findings.iter().map(found).collect(),
        masked: i.masked.iter().map(masked).collect(),
        undetermined: undetermined(&i.undetermined),
        ruled_out: numbers(i.ruled_out.iter().map(|checked| checked.code)),
        not_applicable: numbers(i.not_applicable.iter().map(|skipped| skipped.code)),
        flows: i.flows.iter().map(flow).collect(),
    }
}

/// `driver: vti; mtu: 1480`, without what is not known.
fn pairs(pairs: &[(&str, &dyn Value)]) -> String {
    let known = pairs.iter().filter_map(|(key, value)| Some(format!("{key}: {}", value.known()?)));
    known.collect::<Vec<_>>().join("; ")
}

/// A value that may not be known.
trait Value {
    fn known(&self) -> Option<String>;
}

impl<T: Serialize> Value for Option<T> {
    fn known(&self) -> Option<String> {
        self.as_ref().map(word)
    }
}

fn found(f: &Finding) -> Found<'_> {
    let Finding { code, name, severity, confidence, .. } = f;
    let evidence = f.evidence.iter().map(|e| format!("{} <- {}: {}", e.fact, e.source, e.see));
    let remedies = f.remedies.iter();
    Found {
        finding: format!("{code} {name}, {}, {}", word(severity), word(confidence)),
        site: &f.site,
        summary: &f.summary,
        evidence: evidence.collect(),
        remedies: remedies
            .map(|r| format!("{}: {}", r.action, r.command.as_deref().unwrap_or("-")))
            .collect(),
    }
}

fn masked(masked: &Masked) -> String {
    format!("{} by {}", masked.code, masked.masked_by)
}

/// `charon (VICI), absent: 301 502`.
fn undetermined(open: &[Undetermined]) -> Vec<String> {
    let mut by_reason: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for Undetermined { code, missing, .. } in open {
        let reason = format!("{}, {}", missing.source.name(), word(&missing.reason));
        by_reason.entry(reason).or_default().push(*code);
    }
    by_reason.into_iter().map(|(reason, codes)| format!("{reason}: {}", numbers(codes))).collect()
}

/// `301 502`.
fn numbers(codes: impl IntoIterator<Item = Code>) -> String {
    let numbers = codes.into_iter().map(|code| code.to_string().replace("VTI-", ""));
    numbers.collect::<Vec<_>>().join(" ")
}

fn flow(flow: &FlowReport) -> String {
    let code = flow.finding.map(|code| format!(", {code}")).unwrap_or_default();
    format!("{}: {}: {}{code}", flow.origin, flow.flow, flow.outcome)
}
