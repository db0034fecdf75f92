//! Each source fails in turn, in each capture and in each way: a read that failed never turns a fault into "ok". What an absent source is to a healthy
//! tunnel, a golden file shows.

use super::registry::sources;
use super::{RECORDED, Recorded, asked};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use vti_diagnostics::capture::Capture;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{InterfaceReport, Report, Verdict};
use vti_diagnostics::snapshot::observed::Need;
use vti_diagnostics::snapshot::{Reason, Source};

/// A read that was tried, and failed.
const FAILED: [Reason; 7] = [
    Reason::Denied,
    Reason::TimedOut,
    Reason::Malformed,
    Reason::Inconsistent,
    Reason::Lost,
    Reason::Vanished,
    Reason::Failed,
];

/// What a hint alone shows (`Need::Hint`), and who else may have written it.
const ALLOWED: &[(&str, &str)] = &[("605-", "state of vti-up-down")];

fn report(recorded: &Recorded, capture: &Capture) -> Report {
    let now = capture.snapshots.last().unwrap();
    let earlier = capture.snapshots.iter().rev().nth(1);
    diagnose::run(&Observation { now, earlier }, asked(&recorded.capture)).unwrap()
}

/// Interfaces of the capture by name, with the whole host under no name.
fn verdicts(report: &Report) -> BTreeMap<String, Verdict> {
    let interfaces = report.interfaces.iter().map(|i| (i.name.clone(), i.verdict));
    interfaces.chain([(String::new(), report.verdict)]).collect()
}

/// Whether a diagnosis lacked something without which it is unknown whether the tunnel can carry packets, because a read failed.
fn lacks_needed(interface: &InterfaceReport) -> bool {
    let mut missing = interface.undetermined.iter().map(|u| &u.missing);
    missing.any(|m| m.source.need() == Need::Needed && m.reason.is_failure())
}

fn without(recorded: &Recorded, withhold: super::registry::Withhold, reason: Reason) -> Report {
    let mut capture = recorded.capture.clone();
    withhold(&mut capture, reason);
    report(recorded, &capture)
}

#[test]
fn a_read_that_failed_makes_no_fault_well() {
    // A second sample is no read that can fail.
    let reads = || sources().into_iter().filter(|(n, _)| *n != Source::EarlierSnapshot.name());
    let mut wrong = BTreeSet::new();
    for recorded in RECORDED.iter() {
        let before = verdicts(&report(recorded, &recorded.capture));
        for ((name, withhold), reason) in reads().flat_map(|s| FAILED.map(|reason| (s, reason))) {
            let report = without(recorded, withhold, reason);
            let after = verdicts(&report);
            // The same as those see it who watch: `metrics`, `monitor` and the recorder. Past losses say nothing about the present.
            for interface in report.interfaces.iter().filter(|i| lacks_needed(i)) {
                let after = interface.clone().present();
                if after.verdict < Verdict::Unknown {
                    wrong.insert(format!(
                        "{} {}: at present {:?} without {name}",
                        recorded.name, after.name, after.verdict
                    ));
                }
            }
            for (interface, before) in before.iter().filter(|(_, v)| **v > Verdict::Unknown) {
                // Where the interfaces are not known, that is said of the host.
                let after = after.get(interface).unwrap_or(&after[""]);
                let is_allowed =
                    ALLOWED.iter().any(|(c, s)| recorded.name.starts_with(c) && *s == name);
                if *after < Verdict::Unknown && !is_allowed {
                    wrong.insert(format!(
                        "{} {interface}: {before:?} is {after:?} without {name}",
                        recorded.name
                    ));
                }
            }
        }
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_healthy_tunnel_without_each_source() {
    // An IP tunnel rests on fewer sources.
    let is_vti = |r: &&Recorded| r.name.starts_with("ok-") && asked(&r.capture).is_none();
    let healthy = RECORDED.iter().filter(is_vti);
    let healthy: Vec<&Recorded> = healthy.collect();
    let mut table = String::new();
    for (name, withhold) in sources() {
        let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for recorded in &healthy {
            let before = report(recorded, &recorded.capture).verdict;
            for (how, reason) in [("absent", Reason::Absent), ("failed", Reason::Failed)] {
                let after = without(recorded, withhold, reason).verdict;
                seen.entry(how).or_default().insert(format!("{:?}", before.max(after)));
            }
        }
        let of = |how| seen[how].iter().cloned().collect::<Vec<_>>().join(" or ");
        writeln!(table, "{name}: absent {}, failed {}", of("absent"), of("failed")).unwrap();
    }
    insta::assert_snapshot!("a_healthy_tunnel_without_each_source", table);
}
