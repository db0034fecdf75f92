//! From one or two samples of a host to a report: every diagnosis on every interface, and what masks what. It knows no cause, and does not
//! say what the report as a whole may claim (`verdict`).

use super::assumed;
use super::budget::Budget;
use super::case::{Case, Extent, Shared};
use super::checks::{DIAGNOSES, of_ip_tunnel};
use super::diagnosis::{Diagnosis, Unconfirmed};
use super::ends::OtherEnd;
use super::found::Found;
use super::interfaces;
use super::ip_tunnel::IpTunnelState;
use super::reached;
use super::same_host;
use super::summary;
use super::unsettled;
use super::verdict::{least, notes, sources, unseen, verdict};
use super::vpp;
use crate::code::{By, Code, Severity, Stage};
use crate::error::Error;
use crate::report::time::rfc3339;
use crate::report::{
    Checked, Finding, HostReport, InterfaceReport, Masked, NotApplicable, Report, SCHEMA,
    Undetermined, Verdict,
};
use crate::snapshot::{Reason, Snapshot};
use crate::tunnel::State;
use crate::units::natural;
use std::collections::BTreeMap;

/// One or two looks at a host.
#[derive(Clone, Copy)]
pub struct Observation<'a> {
    /// The state to be explained.
    pub now: &'a Snapshot,
    /// An earlier one of the same host, for rates.
    pub earlier: Option<&'a Snapshot>,
}

/// Which interfaces are diagnosed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Every VTI.
    Vtis,
    /// Every VTI, and every IP tunnel.
    AllTunnels,
    /// This one, a VTI or an IP tunnel.
    One(&'a str),
}

impl<'a> From<Option<&'a str>> for Asked<'a> {
    fn from(interface: Option<&'a str>) -> Self {
        interface.map_or(Asked::Vtis, Asked::One)
    }
}

impl<'a> Asked<'a> {
    /// The name of the only one.
    fn name(self) -> Option<&'a str> {
        match self {
            Asked::One(name) => Some(name),
            Asked::Vtis | Asked::AllTunnels => None,
        }
    }
}

/// Diagnoses all VTIs, or one of them or of the IP tunnels, and reports everything: the contract of JSON and YAML.
///
/// # Errors
/// `UnconfiguredObject` where the interface does not exist or is neither; `DataUnavailable` where there is nothing to look at.
pub fn run(observation: &Observation<'_>, interface: Option<&str>) -> Result<Report, Error> {
    run_to(Extent::Everything, observation, interface)
}

/// Diagnoses all VTIs, or one, and reports so much of it. The findings and the verdicts are the same for each extent.
///
/// # Errors
/// As those of [`run`].
pub fn run_to<'i>(
    extent: Extent,
    observation: &Observation<'_>,
    asked: impl Into<Asked<'i>>,
) -> Result<Report, Error> {
    run_with(extent, observation, None, asked.into())
}

/// Diagnoses all VTIs, or one, with what was read at the other end of one or more of them.
///
/// # Errors
/// As those of [`run`], for either host.
pub fn run_both_ends<'i>(
    extent: Extent,
    observation: &Observation<'_>,
    other: &Observation<'_>,
    asked: impl Into<Asked<'i>>,
) -> Result<Report, Error> {
    same_host::refuse(observation.now, other.now)?;
    let there = run_to(Extent::Findings, other, None)?;
    let state = State::new(other.now);
    let other = OtherEnd { state: &state, earlier: other.earlier, interfaces: &there.interfaces };
    run_with(extent, observation, Some(&other), asked.into())
}

fn run_with(
    extent: Extent,
    observation: &Observation<'_>,
    other: Option<&OtherEnd<'_>>,
    asked: Asked<'_>,
) -> Result<Report, Error> {
    let mut interfaces = Vec::new();
    let interface = asked.name();
    each_with(extent, observation, other, asked, |report| interfaces.push(report))?;
    interfaces.sort_by_cached_key(|i| natural(&i.name));
    let now = observation.now;
    let worst = interfaces.iter().map(|i| i.verdict).max().unwrap_or(Verdict::Ok);
    let unseen = unseen(now, interface.is_some() || interfaces.iter().any(|i| !i.fallback_device));
    let least = if unseen.is_empty() { Verdict::Ok } else { Verdict::Unknown };
    Ok(Report {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION"),
        taken_at: rfc3339(now.taken_at_ms),
        host: HostReport {
            hostname: now.host.hostname.clone(),
            kernel: now.host.kernel_release.clone(),
            vyos_version: now.host.vyos_version.clone(),
        },
        input: None,
        verdict: if interface.is_some() { worst } else { worst.max(least) },
        sources: sources(now),
        notes: unseen.into_iter().chain(notes(now, &interfaces)).collect(),
        findings: Vec::new(),
        interfaces,
    })
}

/// Diagnoses all VTIs, or one, and hands each report over as soon as it is there, in no order: a thousand together take much room, and what
/// was tried on each takes more.
///
/// # Errors
/// As those of [`run`].
pub fn each(
    extent: Extent,
    observation: &Observation<'_>,
    interface: Option<&str>,
    take: impl FnMut(InterfaceReport),
) -> Result<(), Error> {
    each_with(extent, observation, None, interface.into(), take)
}

fn each_with(
    extent: Extent,
    observation: &Observation<'_>,
    other: Option<&OtherEnd<'_>>,
    asked_for: Asked<'_>,
    take: impl FnMut(InterfaceReport),
) -> Result<(), Error> {
    each_within(Budget::default(), extent, observation, other, asked_for, take)
}

pub(super) fn each_within(
    mut budget: Budget,
    extent: Extent,
    observation: &Observation<'_>,
    other: Option<&OtherEnd<'_>>,
    asked_for: Asked<'_>,
    mut take: impl FnMut(InterfaceReport),
) -> Result<(), Error> {
    let Observation { now, earlier } = *observation;
    let (state, shared) = (State::new(now), Shared::beside(other));
    let interface = asked_for.name();
    let asked = |name: &str| interface.is_none_or(|i| i == name);
    let mut found = false;
    let mut told: BTreeMap<Code, usize> = BTreeMap::new();
    let mut take = |case: Case<'_>| {
        found = true;
        let is_brief =
            |code| extent == Extent::Page && told.get(&code).is_some_and(|times| *times >= IN_FULL);
        let report = diagnose(&case, extent, is_brief);
        if let Some(first) = report.findings.first() {
            *told.entry(first.code).or_default() += 1;
        }
        take(report);
    };
    match state.tunnels() {
        Ok(mut tunnels) => {
            if extent == Extent::Page {
                // The first ones on the page are those that are told in full.
                tunnels.sort_by_cached_key(|tunnel| natural(&tunnel.link.name));
            }
            for tunnel in tunnels.into_iter().filter(|t| asked(&t.link.name)) {
                take(match budget.spend(|| tunnel.weight()) {
                    Ok(()) => Case::of_tunnel(&state, earlier, tunnel, extent, &shared),
                    Err(why) => Case::of_untried(&state, earlier, tunnel.link, why, &shared),
                });
            }
            // IP tunnels are shown where they are asked for.
            let is_asked_for = |name: &str| asked_for != Asked::Vtis && asked(name);
            let links = now.links.iter().flatten().filter(|link| is_asked_for(&link.name));
            for tunnel in links.filter_map(|link| IpTunnelState::of(&state, link)) {
                take(Case::of_ip_tunnel(&state, earlier, tunnel, &shared));
            }
            for name in state.absent().into_iter().filter(|name| asked(name)) {
                take(Case::of_absent(&state, earlier, name, &shared));
            }
        }
        Err(why) => {
            let rows = now.proc_net_dev.iter().flatten().map(|r| r.name.as_str());
            for name in rows.filter(|name| {
                asked(name) && (interface.is_some() || interfaces::is_vti_name(name))
            }) {
                take(Case::of_row(now, earlier, name, why.clone(), &shared));
            }
        }
    }
    match interface {
        Some(name) if !found => Err(interfaces::no_such_interface(now, name)),
        _ => Ok(()),
    }
}

/// How many interfaces are told of a cause with evidence and next steps on one page. An operator of a hundred with one cause needs them once.
const IN_FULL: usize = 3;

/// Runs every diagnosis on one case.
fn diagnose(case: &Case<'_>, extent: Extent, is_brief: impl Fn(Code) -> bool) -> InterfaceReport {
    let mut report = summary::interface(case, extent);
    if report.fallback_device {
        return report;
    }
    let mut confirmed: Vec<(&Diagnosis, Found)> = Vec::new();
    let read = case.tunnel.as_ref().map(|tunnel| tunnel.state.kernel);
    let release = read.unwrap_or_else(|_| case.now.host.release());
    let are_negatives_told = extent == Extent::Everything || !case.now.assumed.is_empty();
    for diagnosis in DIAGNOSES {
        let code = diagnosis.code;
        case.is_brief.set(is_brief(code));
        let outcome = match (not_applicable(case, code), &case.ip_tunnel) {
            (Some(why), _) => Err(Unconfirmed::NotApplicable(why)),
            (None, Some(tunnel)) => of_ip_tunnel::judged(case, tunnel, diagnosis),
            (None, None) => (diagnosis.check)(case),
        };
        // Of a healthy tunnel, which most are, nearly every outcome is one of these: no step more is taken for it.
        let is_negative =
            matches!(outcome, Err(Unconfirmed::RuledOut | Unconfirmed::NotApplicable(_)));
        if is_negative && !are_negatives_told {
            continue;
        }
        let name = code.name();
        let outcome = outcome.and_then(|found| unsettled::judged(case, code, found.on(release)));
        let outcome = assumed::judged(case.now, code, outcome);
        match outcome {
            Ok(found) => {
                let found = vpp::capped(found, code, case.now);
                confirmed.push((diagnosis, Found { is_brief: case.is_brief.get(), ..found }));
            }
            Err(Unconfirmed::RuledOut | Unconfirmed::NotApplicable(_))
                if extent != Extent::Everything => {}
            Err(Unconfirmed::RuledOut) => report.ruled_out.push(Checked { code, name }),
            Err(Unconfirmed::NotApplicable(why)) => {
                report.not_applicable.push(NotApplicable { code, name, why });
            }
            Err(Unconfirmed::Undetermined(missing)) => {
                report.undetermined.push(Undetermined { code, name, missing });
            }
        }
    }
    (report.findings, report.masked) = reported(confirmed);
    for finding in report.findings.iter_mut().filter(|finding| !finding.is_brief) {
        finding.way = reached::of_finding(case, finding.code);
    }
    report.ends = case.ends().ok().map(|ends| ends.report(&report.findings));
    report.no_other_end = case.no_other_end();
    report.verdict = verdict(case, &report.findings, &report.undetermined);
    let (present, undetermined) = (report.present_findings(), &report.undetermined);
    report.least_verdict = least(case, present.count() > 0, undetermined);
    if extent != Extent::Everything && report.verdict != Verdict::Unknown {
        // A person without the rights is told how to get them, whatever the verdict.
        report.undetermined.retain(|open| open.missing.reason == Reason::Denied);
        report.undetermined.shrink_to_fit();
    }
    report
}

/// Why the question whether the cause of `code` holds does not arise for the interface; none where it does.
fn not_applicable(case: &Case<'_>, code: Code) -> Option<&'static str> {
    // Of an interface that does not exist there is one thing to say.
    if case.absent.is_some() && code != Code::InterfaceMissing {
        Some("the interface does not exist")
    } else if case.works_elsewhere() && code.info().by == By::Tunnel {
        Some("the tunnel's policies and SAs are in another network namespace")
    } else if case.ip_tunnel.is_none() {
        vpp::not_applicable(code, case.now)
    } else {
        None
    }
}

/// What is reported of what was confirmed, and what merely follows from that.
fn reported(confirmed: Vec<(&Diagnosis, Found)>) -> (Vec<Finding>, Vec<Masked>) {
    let cause = |diagnosis: &Diagnosis| {
        let codes = confirmed.iter().map(|(other, _)| other.code);
        codes.into_iter().find(|cause| diagnosis.masked_by.holds(diagnosis.code, *cause))
    };
    let causes: Vec<Option<Code>> =
        confirmed.iter().map(|(diagnosis, _)| cause(diagnosis)).collect();
    let (mut findings, mut masked) = (Vec::new(), Vec::new());
    let mut hidden: Vec<(Code, Severity)> = Vec::new();
    let mut keep: Vec<Code> = Vec::new();
    for ((diagnosis, found), cause) in confirmed.into_iter().zip(causes) {
        let (code, name) = (diagnosis.code, diagnosis.code.name());
        match cause {
            Some(masked_by) => {
                // That something is left unexplained, or lies in the past, is no fault of its own once there is an explanation.
                if !matches!(code.info().stage, Stage::Past | Stage::Residue) {
                    hidden.push((masked_by, severity(code, &found)));
                }
                masked.push(Masked { code, name, masked_by, summary: found.summary });
            }
            None => {
                if found.keeps_severity {
                    keep.push(code);
                }
                findings.push(finding(code, found));
            }
        }
    }
    // What hides a fault is no notice. A cause that is itself masked hands on what it hides.
    for finding in findings.iter_mut().filter(|finding| !keep.contains(&finding.code)) {
        let worst = worst_hidden(finding.code, &hidden, &masked);
        finding.severity = finding.severity.max(worst.unwrap_or(finding.severity));
    }
    // Stable: among equals the order of DIAGNOSES holds, which is that of the packet's way.
    // That VPP forwards the traffic comes before all: it says what the others are worth.
    findings.sort_by_key(|finding| {
        // How a column is to be read comes after what moved it.
        let is_reading_aid = finding.code == Code::CarrierColumnIsASum;
        let severity = std::cmp::Reverse(finding.severity);
        (finding.code != Code::ForwardedByVpp, severity, is_reading_aid)
    });
    (findings, masked)
}

/// The worst severity of what `cause` hides, directly or behind another that it hides.
fn worst_hidden(cause: Code, hidden: &[(Code, Severity)], masked: &[Masked]) -> Option<Severity> {
    let mut behind = vec![cause];
    // Each cause is masked once, so that this ends.
    for position in 0..=masked.len() {
        let Some(by) = behind.get(position).copied() else { break };
        behind.extend(masked.iter().filter(|m| m.masked_by == by).map(|m| m.code));
    }
    let severities =
        hidden.iter().filter(|(by, _)| behind.contains(by)).map(|(_, severity)| *severity);
    severities.max()
}

fn severity(code: Code, found: &Found) -> Severity {
    found.severity.unwrap_or(code.info().severity)
}

fn finding(code: Code, found: Found) -> Finding {
    Finding {
        code,
        name: code.name(),
        title: found.title.unwrap_or(code.title()),
        way: Vec::new(),
        severity: severity(code, &found),
        confidence: found.confidence,
        site: found.site,
        summary: found.summary,
        evidence: found.evidence,
        remedies: found.remedies,
        is_brief: found.is_brief,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Confidence;

    fn found(summary: &str) -> Found {
        Found::new(Confidence::Proven, "", summary)
    }

    fn diagnosis(code: Code) -> &'static Diagnosis {
        DIAGNOSES.iter().find(|d| d.code == code).expect("every code has a diagnosis")
    }

    /// For each pair of a cause and what it masks: the consequence is no finding, and the cause is at least as bad.
    #[test]
    fn a_cause_hides_its_consequence_and_inherits_its_severity() {
        let mut pairs = 0;
        for consequence in DIAGNOSES {
            for cause in DIAGNOSES
                .iter()
                .filter(|cause| consequence.masked_by.holds(consequence.code, cause.code))
            {
                let confirmed = vec![(cause, found("cause")), (consequence, found("consequence"))];
                let (findings, masked) = reported(confirmed);
                let [finding] = findings.as_slice() else { panic!("{findings:?}") };
                let [hidden] = masked.as_slice() else { panic!("{masked:?}") };
                assert_eq!(
                    (finding.code, hidden.code, hidden.masked_by),
                    (cause.code, consequence.code, cause.code)
                );
                let usual = |code: Code| code.info().severity;
                let counts = !matches!(consequence.code.info().stage, Stage::Past | Stage::Residue);
                let inherited = if counts { usual(consequence.code) } else { Severity::Notice };
                assert_eq!(finding.severity, usual(cause.code).max(inherited));
                pairs += 1;
            }
        }
        assert!(pairs > 200, "{pairs}");
    }

    #[test]
    fn what_a_masked_cause_hides_counts_for_the_one_that_hides_it() {
        // No client is connected, so there is no IKE_SA, so there is no policy.
        let confirmed = vec![
            (diagnosis(Code::NoOutboundPolicy), found("no policy")),
            (diagnosis(Code::IkeNotEstablished), found("no IKE_SA").severity(Severity::Notice)),
            (diagnosis(Code::TrapsOnly), found("traps")),
        ];
        let (findings, masked) = reported(confirmed);
        let seen: Vec<_> = findings.iter().map(|f| (f.code, f.severity)).collect();
        assert_eq!(seen, [(Code::TrapsOnly, Severity::Fault)]);
        assert_eq!(masked.len(), 2);
    }

    #[test]
    fn a_cause_that_says_why_keeps_its_severity() {
        let confirmed = vec![
            (diagnosis(Code::NoOutboundPolicy), found("no policy")),
            (diagnosis(Code::TrapsOnly), found("traps").keeps_severity("a packet brings it up")),
        ];
        let (findings, _) = reported(confirmed);
        assert_eq!(findings.first().map(|f| f.severity), Some(Severity::Notice));
    }
}
