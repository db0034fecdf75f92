//! What the recorder saw turns "past errors" into when, how many and why: a capture of a healthy tunnel, a week after its errors.

use super::RECORDED;
use vti_diagnostics::code::Severity;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{Confidence, Finding};
use vti_diagnostics::snapshot::recorded::{Cause, Episode, Recorded, Rise};
use vti_diagnostics::snapshot::{Missing, Reason, Source};

const INTERFACE: &str = "t0";
const NIGHT: u64 = 1_763_867_524_000;
const WEEK_MS: u64 = 7 * 24 * 3600 * 1000;

fn episode(ifindex: u32, began_ms: u64, lost: u64, code: u16) -> Episode {
    let summary = "policy and SAs were removed and installed again".to_owned();
    Episode {
        interface: INTERFACE.into(),
        ifindex,
        began_ms,
        ended_ms: began_ms + 400,
        lost,
        sent: 1000,
        counters: Rise { tx_errors: lost, tx_carrier_errors: lost, ..Rise::default() },
        causes: vec![Cause { code, lost, summary, gaps: 1, gap_ms: Some(400) }],
        ..Episode::default()
    }
}

/// What is found on the tunnel with `errors` since boot among a million packets, of which the recorder saw `episodes` (lost, code).
fn found(errors: u64, episodes: Option<&[(u64, u16)]>, of_ifindex: Option<u32>) -> Vec<Finding> {
    let name = "ok-healthy-xfrm";
    let capture = RECORDED.iter().find(|recorded| recorded.name == name).unwrap().capture.clone();
    let mut now = capture.snapshots.into_iter().next_back().unwrap();
    now.taken_at_ms = NIGHT + WEEK_MS;
    let link = now.links.as_mut().unwrap().iter_mut().find(|link| link.name == INTERFACE).unwrap();
    let statistics = link.statistics.as_mut().unwrap();
    statistics.tx_packets = 1_000_000;
    (statistics.tx_errors, statistics.tx_carrier_errors) = (errors, errors);
    let ifindex = of_ifindex.unwrap_or(link.ifindex);
    let list = |episodes: &[(u64, u16)]| Recorded {
        since_ms: NIGHT - WEEK_MS,
        until_ms: NIGHT + WEEK_MS,
        running: true,
        episodes: episodes
            .iter()
            .zip(0..)
            .map(|((lost, code), number)| episode(ifindex, NIGHT + number * 60_000, *lost, *code))
            .collect(),
        ..Recorded::default()
    };
    now.recorded = episodes
        .map(list)
        .ok_or_else(|| Missing::new(Source::Journal, Reason::Absent, "no recorder"));
    let report = diagnose::run(&Observation { now: &now, earlier: None }, Some(INTERFACE)).unwrap();
    report.interfaces.into_iter().flat_map(|interface| interface.findings).collect()
}

fn codes(findings: &[Finding]) -> Vec<u16> {
    findings.iter().map(|finding| finding.code.number()).collect()
}

#[test]
fn errors_that_were_recorded_have_a_time_a_number_and_a_cause() {
    let findings = found(59, Some(&[(20, 911), (20, 911), (19, 911)]), None);
    assert_eq!(codes(&findings), [911]);
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(
        finding.summary,
        "59 packets were lost in 3 episodes, last at 2025-11-23 03:14:04 UTC: policy and SAs were removed and installed again"
    );
    assert_eq!((finding.severity, finding.confidence), (Severity::Notice, Confidence::Consistent));
    assert_eq!(
        finding.evidence[0].fact,
        "2025-11-23 03:14:04 UTC: 19 packets lost in 0.4 s: policy and SAs were removed and installed again"
    );
    assert_eq!(finding.evidence.len(), 4, "the last three, and since when");
}

#[test]
fn errors_from_before_the_recorder_stay_what_they_were() {
    let findings = found(59, Some(&[(20, 911), (5, 916)]), None);
    assert_eq!(codes(&findings), [901, 911, 916]);
    let seen = findings[0].evidence.iter().map(|evidence| &evidence.fact);
    assert!(seen.clone().any(|f| f == "25 of them were lost while the recorder ran"), "{seen:?}");
}

#[test]
fn without_a_recorder_nothing_changes() {
    assert_eq!(codes(&found(59, None, None)), [901]);
    assert!(found(0, None, None).is_empty());
}

#[test]
fn a_recorder_that_saw_nothing_says_nothing() {
    assert_eq!(codes(&found(59, Some(&[]), None)), [901]);
    assert!(found(0, Some(&[]), None).is_empty());
}

#[test]
fn what_another_interface_of_the_same_name_lost_is_not_this_ones() {
    assert_eq!(codes(&found(59, Some(&[(59, 911)]), Some(4242))), [901]);
}

#[test]
fn a_capture_that_counts_more_than_can_be_is_judged_all_the_same() {
    let findings = found(59, Some(&[(u64::MAX, 911), (u64::MAX, 911)]), None);
    assert_eq!(codes(&findings), [911]);
    assert!(
        findings[0].summary.starts_with("18446744073709551615 packets were lost in 2 episodes")
    );
}
