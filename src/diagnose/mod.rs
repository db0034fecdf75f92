//! The registry of diagnoses, and how they become a report.
//!
//! To add a diagnosis: write its file (code, name, explanation, check), add its `mod` and its line in [`DIAGNOSES`], give it a scenario
//! in tests/vm and a capture in tests/captures, and run the tests: they say what was forgotten. A check is a pure function of a
//! [`Case`]: it reads nothing, prints nothing, and does not know how a report looks.

#![deny(clippy::disallowed_methods)]

mod attempt;
mod case;
mod checks;
mod classify;
mod cleared;
mod counted;
mod fits;
mod flows;
mod found;
mod inbound;
mod lookup;
mod mtu;
mod registry;
mod summary;
mod validation;

pub use case::Case;
pub use classify::cause;
pub use found::Found;
pub use lookup::lookup;
pub use registry::DIAGNOSES;

use crate::error::Error;
use crate::report::time::rfc3339;
use crate::report::{
    Checked, Code, Finding, HostReport, InterfaceReport, Masked, Report, SCHEMA, Severity,
    SourceStatus, Status, Undetermined, Verdict,
};
use crate::snapshot::{Missing, Observed, Reason, Snapshot, Source};
use crate::tunnel::State;
use crate::units::natural;

/// One cause that can be diagnosed.
pub struct Diagnosis {
    /// Its code, for ever.
    pub code: Code,
    /// Read after "the cause is …"; named after the fault, not after the fix.
    pub name: &'static str,
    /// The usual severity; a check may grade it otherwise.
    pub severity: Severity,
    /// What happens, why (the kernel site), how to confirm, what to do.
    pub explain: &'static str,
    /// Codes of causes that have this one as their consequence: where one of them is confirmed, this one is masked.
    pub masked_by: &'static [u16],
    /// Some: the cause holds. None: it does not. Missing: what would be needed to say.
    pub check: fn(&Case<'_>) -> Observed<Option<Found>>,
}

/// One or two looks at a host.
#[derive(Clone, Copy)]
pub struct Observation<'a> {
    /// The state to be explained.
    pub now: &'a Snapshot,
    /// An earlier one of the same host, for rates.
    pub earlier: Option<&'a Snapshot>,
}

/// Diagnoses all VTIs, or one.
///
/// # Errors
/// `UnconfiguredObject` where the interface does not exist or is no VTI; `DataUnavailable` where there is nothing to look at.
pub fn run(observation: &Observation<'_>, interface: Option<&str>) -> Result<Report, Error> {
    let mut interfaces = Vec::new();
    each(observation, interface, |report| interfaces.push(report))?;
    interfaces.sort_by_cached_key(|i| natural(&i.name));
    let now = observation.now;
    let worst = interfaces.iter().map(|i| i.verdict).max().unwrap_or(Verdict::Ok);
    Ok(Report {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION"),
        taken_at: rfc3339(now.taken_at_ms),
        host: HostReport {
            hostname: now.host.hostname.clone(),
            kernel: now.host.kernel_release.clone(),
            vyos_version: now.host.vyos_version.clone(),
        },
        verdict: if now.links.is_err() && interfaces.is_empty() { Verdict::Unknown } else { worst },
        sources: sources(now),
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
    observation: &Observation<'_>,
    interface: Option<&str>,
    mut take: impl FnMut(InterfaceReport),
) -> Result<(), Error> {
    let Observation { now, earlier } = *observation;
    let state = State::new(now);
    let asked = |name: &str| interface.is_none_or(|i| i == name);
    let mut found = false;
    let mut take = |case: Case<'_>| {
        found = true;
        take(diagnose(&case));
    };
    match state.tunnels() {
        Ok(tunnels) => {
            for tunnel in tunnels.into_iter().filter(|t| asked(&t.link.name)) {
                take(Case::of_tunnel(&state, earlier, tunnel));
            }
            for name in state.absent().into_iter().filter(|name| asked(name)) {
                take(Case::of_absent(&state, earlier, name));
            }
        }
        Err(why) => {
            let rows = now.proc_net_dev.iter().flatten().map(|r| r.name.as_str());
            for name in rows
                .filter(|name| asked(name) && (interface.is_some() || summary::is_vti_name(name)))
            {
                take(Case::of_row(now, earlier, name, why.clone()));
            }
        }
    }
    match interface {
        Some(name) if !found => Err(no_such_interface(now, name)),
        _ => Ok(()),
    }
}

/// Why there is no VTI of this name.
pub(crate) fn no_such_interface(now: &Snapshot, name: &str) -> Error {
    match &now.links {
        Err(_) if now.proc_net_dev.is_ok() => {
            Error::UnconfiguredObject(format!("interface {name} has no row in /proc/net/dev"))
        }
        Err(missing) => {
            Error::DataUnavailable(format!("cannot look for interface {name}: {missing}"))
        }
        Ok(links) => Error::UnconfiguredObject(match links.iter().find(|l| l.name == name) {
            Some(_) => {
                format!("interface {name} is not a VTI: its kind is none of vti, vti6 and xfrm")
            }
            None => format!("interface {name} does not exist"),
        }),
    }
}

/// Runs every diagnosis on one case.
fn diagnose(case: &Case<'_>) -> InterfaceReport {
    let mut report = summary::interface(case);
    if report.fallback_device {
        return report;
    }
    let mut confirmed: Vec<(&Diagnosis, Found)> = Vec::new();
    // Of an interface that does not exist there is one thing to say.
    let applies = |d: &&Diagnosis| {
        !report.absent || d.code == checks::silent::interface_missing::DIAGNOSIS.code
    };
    for diagnosis in DIAGNOSES.iter().filter(applies) {
        let (code, name) = (diagnosis.code, diagnosis.name);
        match (diagnosis.check)(case) {
            Ok(Some(found)) => confirmed.push((diagnosis, found)),
            Ok(None) => report.ruled_out.push(Checked { code, name }),
            Err(missing) => report.undetermined.push(Undetermined { code, name, missing }),
        }
    }
    let codes: Vec<u16> = confirmed.iter().map(|(d, _)| d.code.0).collect();
    for (diagnosis, found) in confirmed {
        match diagnosis.masked_by.iter().find(|cause| codes.contains(cause)) {
            Some(cause) => report.masked.push(Masked {
                code: diagnosis.code,
                name: diagnosis.name,
                masked_by: Code(*cause),
                summary: found.summary,
            }),
            None => report.findings.push(finding(diagnosis, found)),
        }
    }
    // Stable: among equals the registry's order holds, which is that of the transmit path.
    report.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    report.verdict = verdict(&report.findings, &report.undetermined);
    report
}

fn finding(diagnosis: &Diagnosis, found: Found) -> Finding {
    Finding {
        code: diagnosis.code,
        name: diagnosis.name,
        severity: found.severity.unwrap_or(diagnosis.severity),
        confidence: found.confidence,
        site: found.site,
        summary: found.summary,
        evidence: found.evidence,
        remedies: found.remedies,
    }
}

/// The worst of the findings; unknown where nothing worse than a notice was found and the state could not be read.
fn verdict(findings: &[Finding], undetermined: &[Undetermined]) -> Verdict {
    let worst = findings.iter().map(|f| f.severity.into()).max().unwrap_or(Verdict::Ok);
    let needed = |m: &Missing| match m.source {
        // Rates and these counters sharpen a diagnosis; none needs them to know that a tunnel can carry traffic.
        Source::EarlierSnapshot | Source::XfrmStatistics | Source::ProcNetDev => false,
        Source::SourceValidation => false,
        // What the control plane says explains a fault; that there is one, the kernel tells.
        Source::Charon | Source::CharonLog | Source::Configuration | Source::HookState => false,
        // What was is no part of what is.
        Source::Journal => false,
        // What the input by its nature does not hold is no reason to doubt what it says.
        _ => m.reason != Reason::Skipped || findings.is_empty(),
    };
    if undetermined.iter().any(|u| needed(&u.missing)) {
        worst.max(Verdict::Unknown)
    } else {
        worst
    }
}

/// What was read and what was not.
fn sources(now: &Snapshot) -> Vec<SourceStatus> {
    let status = |missing: Option<&Missing>| match missing.map(|m| m.reason) {
        None => Status::Read,
        Some(Reason::Absent) => Status::Absent,
        Some(Reason::Denied) => Status::Denied,
        Some(Reason::Skipped | Reason::NotInCapture) => Status::Skipped,
        Some(_) => Status::Failed,
    };
    let detail =
        |m: &Missing| if m.detail.is_empty() { m.reason.to_string() } else { m.detail.clone() };
    now.sources()
        .into_iter()
        .map(|(source, missing)| SourceStatus {
            name: source.name(),
            status: status(missing),
            detail: missing.map(detail).unwrap_or_default(),
        })
        .collect()
}
