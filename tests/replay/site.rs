//! The healthy site's capture with changes: what is said of remote-access clients that are not there, and of a charon that is late.

use super::RECORDED;
use vti_diagnostics::code::Severity;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{Finding, InterfaceReport};
use vti_diagnostics::snapshot::{Missing, Reason, Snapshot, Source};

/// The interface of the clients, whose subnet is wider than the two that are connected.
const CLIENTS: &str = "vti7";

fn healthy() -> Snapshot {
    let site = RECORDED.iter().find(|recorded| recorded.name == "ok-site").unwrap();
    site.capture.snapshots.last().unwrap().clone()
}

fn report(now: &Snapshot, name: &str) -> InterfaceReport {
    let report = diagnose::run(&Observation { now, earlier: None }, Some(name)).unwrap();
    report.interfaces.into_iter().next().unwrap()
}

fn outside_selectors(now: &Snapshot) -> Option<Finding> {
    report(now, CLIENTS).findings.into_iter().find(|finding| finding.code.number() == 102)
}

fn after_errors() -> Snapshot {
    let mut now = healthy();
    let links = now.links.as_mut().unwrap();
    let link = links.iter_mut().find(|link| link.name == CLIENTS).unwrap();
    let counters = link.statistics.as_mut().unwrap();
    counters.tx_errors += 5;
    counters.tx_carrier_errors += 5;
    now
}

#[test]
fn addresses_that_no_client_holds_are_a_notice_once_packets_went_there() {
    assert!(outside_selectors(&healthy()).is_none());
    let found = outside_selectors(&after_errors()).unwrap();
    assert_eq!(found.severity, Severity::Notice);
    assert!(found.summary.contains("no client of ROAD has"), "{}", found.summary);
}

/// The report of two looks, the second with five errors more on the clients' interface.
fn while_errors_rise(earlier: &Snapshot, mut now: Snapshot) -> InterfaceReport {
    now.taken_at_ms = earlier.taken_at_ms + 10_000;
    let report = diagnose::run(&Observation { now: &now, earlier: Some(earlier) }, Some(CLIENTS));
    report.unwrap().interfaces.into_iter().next().unwrap()
}

#[test]
fn addresses_that_no_client_holds_are_a_warning_while_errors_rise() {
    let findings = while_errors_rise(&healthy(), after_errors()).findings;
    let found = findings.iter().find(|finding| finding.code.number() == 102).unwrap();
    assert_eq!(found.severity, Severity::Warning);
    let findings = while_errors_rise(&after_errors(), after_errors()).findings;
    let found = findings.iter().find(|finding| finding.code.number() == 102).unwrap();
    assert_eq!(found.severity, Severity::Notice, "they stand still");
}

/// The site after the last client has gone: charon and the kernel have nothing of the connection.
fn without_clients(mut now: Snapshot) -> Snapshot {
    now.sas.as_mut().unwrap().retain(|sa| sa.if_id.0 != 8);
    now.policies.as_mut().unwrap().retain(|policy| policy.if_id.0 != 8);
    now.ike.as_mut().unwrap().sas.retain(|sa| !sa.connection.contains("ROAD"));
    now
}

#[test]
fn no_client_is_a_notice_and_a_warning_while_errors_rise() {
    let (before, after) = (without_clients(healthy()), without_clients(after_errors()));
    let severity = |report: InterfaceReport| {
        let first = report.findings.into_iter().next().unwrap();
        (first.code.number(), first.severity)
    };
    assert_eq!(severity(report(&before, CLIENTS)), (508, Severity::Notice));
    assert_eq!(severity(report(&after, CLIENTS)), (508, Severity::Notice));
    assert_eq!(severity(while_errors_rise(&before, after.clone())), (508, Severity::Warning));
    assert_eq!(severity(while_errors_rise(&after, after.clone())), (508, Severity::Notice));
}

/// Half of the packets of a tunnel were lost before its first SA, and all pass now.
#[test]
fn what_lies_in_the_past_is_a_notice_however_large_its_share() {
    let mut now = healthy();
    let links = now.links.as_mut().unwrap();
    let link = links.iter_mut().find(|link| link.name == "vti0").unwrap();
    let counters = link.statistics.as_mut().unwrap();
    (counters.tx_packets, counters.tx_errors, counters.tx_carrier_errors) = (3, 3, 3);
    let findings = report(&now, "vti0").findings;
    let found: Vec<_> = findings.iter().map(|f| (f.code.number(), f.severity)).collect();
    assert_eq!(found, [(901, Severity::Notice)]);
}

#[test]
fn the_same_in_a_tunnel_of_one_peer_is_a_fault() {
    let mut now = healthy();
    for peer in &mut now.configuration.as_mut().unwrap().peers {
        peer.remote_access = false;
    }
    let found = outside_selectors(&now).unwrap();
    assert_eq!(found.severity, Severity::Fault);
    // The interface's own address, the last of its subnet, is no example: packets to it never leave.
    assert!(!found.summary.contains("-> 10.3.7.254"), "{}", found.summary);
}

#[test]
fn of_a_charon_that_is_late_it_is_not_said_that_it_renews_nothing() {
    let said = |reason| {
        let mut now = healthy();
        now.ike = Err(Missing::new(Source::Charon, reason, ""));
        let found = report(&now, "vti0").findings.remove(0);
        assert_eq!(found.code.number(), 501);
        found.summary
    };
    assert!(said(Reason::Failed).contains("will expire without being rekeyed"));
    assert!(said(Reason::TimedOut).contains("whether they will be rekeyed is unknown"));
}

#[test]
fn the_child_in_use_is_shown_and_not_one_that_it_replaced() {
    let now = healthy();
    let children = now.ike.as_ref().unwrap().sas.iter().flat_map(|sa| &sa.children);
    assert!(children.clone().any(|child| child.state == "REKEYED"));
    assert!(children.clone().any(|child| child.state == "DELETED"));
    for name in ["vti0", "vti3", "vti7"] {
        let control = report(&now, name).control.unwrap();
        assert_eq!(control.child_state.as_deref(), Some("INSTALLED"), "{name}");
    }
}
