//! What `history` says of packets lost on the way: under the local losses, and never as their cause.

use super::reports::{HOUR, MONDAY, lossy_way, started};
use super::{report, shown};
use insta::assert_snapshot;
use std::collections::BTreeMap;
use vti_diagnostics::history::{self, Question};
use vti_diagnostics::journal::{Contents, Record};
use vti_diagnostics::render::json;
use vti_diagnostics::report::history::HistoryReport;
use vti_diagnostics::snapshot::recorded::PathLoss;

#[test]
fn losses_on_the_way_are_under_local_ones_at_80_columns() {
    assert_snapshot!(shown(&report(lossy_way(), 3 * HOUR), 80, false));
}

#[test]
fn losses_on_the_way_in_json() {
    let report = HistoryReport { tool_version: "0.0.0", ..report(lossy_way(), 3 * HOUR) };
    let mut report = HistoryReport { interfaces: report.interfaces.clone(), ..report };
    // The course is long.
    for path in report.interfaces.iter_mut().filter_map(|i| i.lost_on_the_way.as_mut()) {
        path.course.truncate(2);
    }
    assert_snapshot!(json::write(&report).unwrap());
}

/// A site of healthy tunnels.
fn healthy() -> Vec<Record> {
    let counts = PathLoss { span_ms: 300_000, numbers: 40_000, ..PathLoss::default() };
    let of: BTreeMap<_, _> = (0..50).map(|n| (format!("vti{n}"), counts)).collect();
    vec![started(MONDAY, "a", &["vti7"]), Record::PathLosses { at_ms: MONDAY + HOUR, of }]
}

#[test]
fn tunnels_that_lost_nothing_are_one_sentence() {
    let text = shown(&report(healthy(), 2 * HOUR), 80, false);
    assert!(text.ends_with(".\nNo packets were lost since 2026-11-16 00:00:00.\n"), "{text}");
}

#[test]
fn one_that_is_asked_for_says_how_many_packets_that_is_of() {
    let question = Question { interface: Some("vti7"), from_ms: None, now_ms: MONDAY + 2 * HOUR };
    let contents = Contents { records: healthy(), running: true, ..Contents::default() };
    let text = shown(&history::report(&contents, &question), 80, false);
    assert!(text.contains("Lost on the way from the peer: none of 40000 packets.\n"), "{text}");
    assert!(!text.contains("When"), "{text}");
}

#[test]
fn what_was_before_the_time_that_is_asked_for_is_left_out() {
    let from_ms = Some(MONDAY + 125 * 60_000);
    let question = Question { interface: Some("vti7"), from_ms, now_ms: MONDAY + 3 * HOUR };
    let contents = Contents { records: lossy_way(), running: true, ..Contents::default() };
    let report = history::report(&contents, &question);
    let path = report.interfaces[0].lost_on_the_way.clone().unwrap();
    assert_eq!(
        (path.packets_lost, path.sequence_numbers, path.packets_unmeasured),
        (0, 30_000, 77)
    );
    assert!(path.episodes.is_empty() && path.unknown_milliseconds > 400, "{path:?}");
}
