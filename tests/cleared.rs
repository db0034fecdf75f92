//! Counters that an operator of VyOS cleared: what the report makes of the baseline, by captures that have one. Nothing here reads VyOS's
//! files; `src/collect/cleared.rs` has those tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use vti_diagnostics::capture::{self, Capture, from_yaml};
use vti_diagnostics::collect::cleared::parse_baseline;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::render::text;
use vti_diagnostics::report::{InterfaceReport, Report, Status};
use vti_diagnostics::snapshot::{Baseline, Cleared, Missing, Reason, Source};

/// vti1 sent 3000 packets and lost 61 of them; 1490 and 14 since it was cleared.
const BASELINE: &str = include_str!("cleared/vti1.stats");

/// A capture of a real kernel in which the first VTI has these counters, and was cleared.
fn cleared(baseline: Result<Baseline, Missing>) -> (Capture, String) {
    let text = include_str!("captures/901-errors-of-the-past-xfrm.yaml");
    let mut capture = from_yaml(text).unwrap();
    capture.snapshots.drain(..capture.snapshots.len() - 1);
    let now = &mut capture.snapshots[0];
    let links = now.links.as_mut().unwrap();
    let vti = links.iter_mut().find(|l| l.driver().is_some() && !l.is_fallback_device()).unwrap();
    let statistics = vti.statistics.as_mut().unwrap();
    statistics.tx_packets = 3000;
    statistics.tx_bytes = 300_000;
    statistics.tx_errors = 73;
    statistics.tx_carrier_errors = 61;
    statistics.tx_dropped = 26;
    statistics.rx_packets = 2000;
    statistics.rx_bytes = 200_000;
    let name = vti.name.clone();
    now.cleared = vec![Cleared { name: name.clone(), baseline }];
    (capture, name)
}

fn report(capture: &Capture) -> Report {
    diagnose::run(&Observation { now: &capture.snapshots[0], earlier: None }, None).unwrap()
}

fn interface(report: &Report, name: &str) -> InterfaceReport {
    report.interfaces.iter().find(|i| i.name == name).unwrap().clone()
}

#[test]
fn the_report_has_the_counters_since_boot_and_since_they_were_cleared() {
    let (capture, name) = cleared(Ok(parse_baseline(BASELINE).unwrap()));
    let counters = interface(&report(&capture), &name).counters;
    assert_eq!(counters.since_boot.unwrap().tx_carrier_errors, Some(61));
    let since = counters.since_cleared.unwrap();
    assert_eq!(since.cleared_at.as_deref(), Some("2025-10-09T08:53:20Z"));
    assert_eq!((since.tx_packets, since.tx_bytes), (1490, 149_000));
    assert_eq!((since.tx_errors, since.tx_carrier_errors), (14, Some(14)));
    assert_eq!((since.tx_dropped, since.collisions), (14, 0));
    assert_eq!((since.rx_packets, since.rx_bytes), (520, 52_000));
}

/// `clear_counters()` of 1.3 writes zeros: nothing was cleared (vyos-1x, equuleus, python/vyos/ifconfig/operational.py).
#[test]
fn what_1_3_calls_cleared_is_since_boot() {
    let empty = Baseline { cleared_at: 1_760_000_000, ..Baseline::default() };
    let (mut capture, name) = cleared(Ok(empty));
    let mut of = |version: &str| {
        capture.snapshots[0].host.vyos_version = Some(version.to_owned());
        interface(&report(&capture), &name).counters.since_cleared
    };
    assert_eq!(of("1.3.8"), None);
    assert_eq!(of("1.4.1").unwrap().tx_packets, 3000, "cleared before the first packet");
}

#[test]
fn detail_shows_both_columns_and_when_it_was() {
    let (capture, _) = cleared(Ok(parse_baseline(BASELINE).unwrap()));
    let page = text::report(&report(&capture), 80, text::Shown::Detail);
    assert!(page.contains("Cleared    2025-10-09T08:53:20Z"), "{page}");
    let row = |cells: [&str; 3]| page.lines().any(|line| line.split_whitespace().eq(cells));
    assert!(row(["tx_carrier_errors", "61", "14"]), "{page}");
    assert!(row(["tx_aborted_errors", "0", "-"]), "VyOS does not keep it: {page}");
}

#[test]
fn a_kernel_that_shows_no_errors_shows_none_since_they_were_cleared() {
    let (mut capture, name) = cleared(Ok(Baseline::default()));
    capture.snapshots[0].host.kernel_release = "5.4.268-amd64-vyos".to_owned();
    let since = interface(&report(&capture), &name).counters.since_cleared.unwrap();
    assert_eq!(since.tx_carrier_errors, None);
    assert_eq!(since.tx_packets, 3000);
}

#[test]
fn an_interface_made_anew_since_has_no_such_counters() {
    let baseline = Baseline { tx_packets: 3001, ..Baseline::default() };
    let (capture, name) = cleared(Ok(baseline));
    assert_eq!(interface(&report(&capture), &name).counters.since_cleared, None);
}

#[test]
fn a_baseline_that_could_not_be_read_is_among_the_sources() {
    let (capture, name) =
        cleared(Err(Missing::new(Source::Cleared, Reason::Malformed, "cannot read it")));
    let report = report(&capture);
    assert_eq!(interface(&report, &name).counters.since_cleared, None);
    let source = report.sources.iter().find(|s| s.name == "cleared counters").unwrap();
    assert_eq!((source.status, source.detail.as_str()), (Status::Failed, "cannot read it"));
}

#[test]
fn captures_keep_the_baseline_and_redaction_takes_the_name() {
    let (mut capture, name) = cleared(Ok(parse_baseline(BASELINE).unwrap()));
    assert_eq!(from_yaml(&capture::to_yaml(&capture).unwrap()).unwrap(), capture);
    let now = &mut capture.snapshots[0];
    for link in now.links.as_mut().unwrap().iter_mut().filter(|l| l.name == name) {
        link.name = "customer-7".to_owned();
    }
    now.cleared[0].name = "customer-7".to_owned();
    let redacted = capture::redact(capture.clone()).unwrap();
    let (before, after) = (&capture.snapshots[0].cleared[0], &redacted.snapshots[0].cleared[0]);
    assert_eq!(after.baseline, before.baseline);
    let links = redacted.snapshots[0].links.as_ref().unwrap();
    assert!(links.iter().any(|link| link.name == after.name));
    assert_ne!(after.name, before.name);
}
