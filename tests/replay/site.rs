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
    assert!(found.summary.contains("no client of ROAD holds"), "{}", found.summary);
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
    assert!(said(Reason::Failed).contains("will not be renewed"));
    assert!(said(Reason::TimedOut).contains("whether they will be renewed is not known"));
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
