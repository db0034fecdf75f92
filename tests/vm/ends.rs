//! `run ends`: each scenario of the matrix seen from both ends. The fault is the router's or the way's; from the captures of both ends the same cause
//! must be named, at that end, whichever of the two files comes first. It knows nothing of the scenarios but what they expect.

use crate::Fallible;
use vti_diagnostics::code::{Code, Severity, Stage};
use vti_diagnostics::diagnose::{Extent, Observation, run_both_ends, run_to};
use vti_diagnostics::report::ends::Ends;
use vti_diagnostics::report::{Finding, InterfaceReport, Verdict};
use vti_diagnostics::snapshot::Snapshot;

/// The word of the run.
pub const NAME: &str = "ends";

/// The samples of one end, the earlier one first.
pub type Looks = [Snapshot; 2];

/// What differs from what must be said; empty where both views say it. `expected` is the first finding of the router's own capture, `together` that
/// of both captures where no single one shows the fault.
pub fn differences(
    interface: &str,
    router: &Looks,
    peer: &Looks,
    expected: &str,
    together: Option<&str>,
) -> Fallible<Vec<String>> {
    let here = report(interface, router, peer)?;
    let there = report(interface, peer, router)?;
    let [before, after] = peer;
    let alone = Observation { now: after, earlier: Some(before) };
    let alone = run_to(Extent::Findings, &alone, Some(interface));
    let peer_shows_a_fault = alone.is_ok_and(|report| report.verdict > Verdict::Unknown);
    let mut wrong = Vec::new();
    let codes = |report: &InterfaceReport| {
        report.findings.iter().map(|found| found.code).collect::<Vec<Code>>()
    };
    let cause: Option<Code> = expected.parse().ok();
    let is_of = |code: Code, stages: &[Stage]| stages.contains(&code.info().stage);
    // What points away from the router may be told as what was found there, and what differs between the ends comes first.
    let is_of_ends = here.findings.first().is_some_and(|first| is_of(first.code, &[Stage::Ends]));
    let is_beyond = cause.is_some_and(|cause| is_of(cause, &[Stage::Beyond, Stage::Residue]));
    let is_there = |cause| codes(&here).contains(&cause);
    match (cause, here.findings.first()) {
        (Some(cause), Some(first)) if first.code == cause => {}
        (Some(cause), Some(_)) if is_of_ends && (is_beyond || is_there(cause)) => {}
        (None, Some(first)) if Some(first.code.to_string().as_str()) == together => {}
        (None, None) => {}
        (None, Some(first)) if first.severity == Severity::Notice => {}
        // The peer shows a fault of its own, without the router's capture.
        (None, Some(_)) if is_of_ends && peer_shows_a_fault => {}
        _ => wrong.push(format!("router first: expected {expected}, found {:?}", codes(&here))),
    }
    let found = cause.and_then(|cause| here.findings.iter().find(|found| found.code == cause));
    let is_told = |found: &&Finding| {
        found.severity >= Severity::Warning
            && !is_of(found.code, &[Stage::Beyond, Stage::Residue, Stage::Past])
    };
    if let (Some(found), Some(_)) = (found.filter(is_told), &there.ends) {
        let names = |other: &&Finding| {
            other.code == Code::RefusedAtTheOtherEnd
                && other.summary.contains(&found.code.to_string())
                || other.code == found.code
        };
        let is_masked = there.masked.iter().any(|masked| masked.code == Code::RefusedAtTheOtherEnd);
        if !is_masked && !there.findings.iter().any(|other| names(&other)) {
            wrong.push(format!("peer: {} is not named, found {:?}", found.code, codes(&there)));
        }
    }
    // The way's faults are nobody's, and a healthy tunnel has none at either end.
    let is_nobodys = cause.is_none() && together.is_none() && !peer_shows_a_fault;
    if is_nobodys && there.findings.iter().any(|found| found.severity > Severity::Notice) {
        wrong.push(format!("peer: nothing expected, found {:?}", codes(&there)));
    }
    match (&here.ends, &there.ends) {
        (Some(one), Some(two)) if !mirrored(one, two) => {
            wrong.push(format!("not mirrored: {one:?} and {two:?}"));
        }
        (Some(_), None) | (None, Some(_)) => wrong.push("one view alone has both ends".to_owned()),
        _ => {}
    }
    Ok(wrong)
}

fn report(interface: &str, own: &Looks, other: &Looks) -> Fallible<InterfaceReport> {
    let looks = |looks: &'_ Looks| (looks[0].clone(), looks[1].clone());
    let ((earlier, now), (others_earlier, others_now)) = (looks(own), looks(other));
    let own = Observation { now: &now, earlier: Some(&earlier) };
    let other = Observation { now: &others_now, earlier: Some(&others_earlier) };
    let report = run_both_ends(Extent::Everything, &own, &other, Some(interface));
    let report = report.map_err(|error| error.to_string())?;
    report.interfaces.into_iter().next().ok_or_else(|| "no report".to_owned())
}

/// Whether two accounts say the same of the two directions.
fn mirrored(one: &Ends, two: &Ends) -> bool {
    one.outward == two.inward && one.inward == two.outward
}
