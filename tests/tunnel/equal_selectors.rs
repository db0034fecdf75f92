//! Many SAs and policies that no packet can tell apart: what is said of them does not depend on how many there are.

use crate::states::equal_selectors;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::InterfaceReport;

fn diagnosed(pairs: u32, to_one_peer: bool) -> InterfaceReport {
    let snapshot = equal_selectors(pairs, to_one_peer);
    let observation = Observation { now: &snapshot, earlier: None };
    diagnose::run(&observation, None).unwrap().interfaces.into_iter().next().unwrap()
}

#[test]
fn a_thousand_are_judged_as_two_are() {
    for to_one_peer in [true, false] {
        let said = |pairs| {
            let report = diagnosed(pairs, to_one_peer);
            let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
            let ends: Vec<_> = report.flows.iter().map(|flow| flow.outcome.clone()).collect();
            (report.verdict, codes, ends)
        };
        assert_eq!(said(1_000), said(2), "to one peer: {to_one_peer}");
    }
}
