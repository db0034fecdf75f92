//! What VyOS's configuration changes about a report: VPP that forwards past the kernel, connections that were never rendered. All captures
//! of a real kernel, with that configured.

use super::RECORDED;
use vti_diagnostics::capture::Capture;
use vti_diagnostics::code::{Code, Severity, Stage};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{Confidence, Finding, Report};
use vti_diagnostics::snapshot::ike::Ike;
use vti_diagnostics::snapshot::vyos::Peer;
use vti_diagnostics::snapshot::{Missing, Reason, Source};

fn report(capture: &Capture) -> Report {
    let [.., now] = capture.snapshots.as_slice() else { panic!("an empty capture") };
    let earlier = capture.snapshots.iter().rev().nth(1);
    diagnose::run(&Observation { now, earlier }, None).unwrap()
}

fn proven(report: &Report) -> Vec<&Finding> {
    let findings = report.interfaces.iter().flat_map(|interface| &interface.findings);
    findings.filter(|finding| finding.confidence == Confidence::Proven).collect()
}

/// The capture as of a router on which VPP forwards.
fn with_vpp(capture: &Capture) -> Capture {
    let mut capture = capture.clone();
    for snapshot in &mut capture.snapshots {
        snapshot.runs_vpp = true;
        if snapshot.configuration.is_err() {
            snapshot.configuration = Ok(Default::default());
        }
        snapshot.configuration.as_mut().unwrap().vpp_ipsec = true;
    }
    capture
}

#[test]
fn where_vpp_forwards_that_comes_first_and_nothing_about_the_data_path_is_proven() {
    let (mut interfaces, mut proofs) = (0, 0);
    for recorded in RECORDED.iter() {
        proofs += proven(&report(&recorded.capture)).len();
        let report = report(&with_vpp(&recorded.capture));
        let judged = report.interfaces.iter().filter(|i| !i.fallback_device);
        // Of an interface that does not exist there is one thing to say.
        for interface in judged.filter(|i| i.ifindex.is_some()) {
            let codes: Vec<Code> = interface.findings.iter().map(|f| f.code).collect();
            let name = &recorded.name;
            assert_eq!(codes.first(), Some(&Code::ForwardedByVpp), "{name}: {codes:?}");
            assert!(!codes.contains(&Code::OneWay), "{name}: {codes:?}");
            assert!(!codes.contains(&Code::NothingRoutedIn), "{name}: {codes:?}");
            interfaces += 1;
        }
        for finding in proven(&report) {
            let code = finding.code;
            let of_ike = code.info().stage == Stage::Control;
            assert!(of_ike || code == Code::ForwardedByVpp, "{}: {code}", recorded.name);
        }
    }
    assert!(interfaces > 50 && proofs > 20, "{interfaces} interfaces, {proofs} proofs without VPP");
}

fn named(name: &str) -> Capture {
    RECORDED.iter().find(|recorded| recorded.name == name).unwrap().capture.clone()
}

#[test]
fn a_vpp_whose_configuration_is_not_known_is_told_of_and_nothing_is_proven() {
    let mut capture = named("104-policy-blocks-xfrm");
    assert!(!proven(&report(&capture)).is_empty());
    for snapshot in &mut capture.snapshots {
        snapshot.runs_vpp = true;
        let why = "VyOS keeps the configuration in vyconfd here";
        snapshot.configuration = Err(Missing::new(Source::Configuration, Reason::Failed, why));
    }
    let report = report(&capture);
    assert_eq!(proven(&report), Vec::<&Finding>::new());
    assert!(
        report.notes.iter().any(|note| note.starts_with("VPP runs here")),
        "{:?}",
        report.notes
    );
}

#[test]
fn a_connection_that_was_never_rendered_is_why_there_is_no_ike_sa() {
    let mut capture = named("502-charon-wrong-secret-vti");
    let now = capture.snapshots.last_mut().unwrap();
    let (daemon, peers) = {
        let peers = &mut now.configuration.as_mut().unwrap().peers;
        peers.iter_mut().for_each(|peer: &mut Peer| peer.dhcp_interface = Some("wan9".into()));
        (now.ike.as_ref().unwrap().daemon.clone(), peers.len())
    };
    assert_eq!(peers, 1);
    now.ike = Ok(Ike { daemon, ..Ike::default() });
    now.charon_log = Ok(Vec::new());
    let report = report(&capture);
    let first = &report.interfaces.iter().find(|i| i.name == "vti7").unwrap().findings[0];
    let words =
        "no IKE_SA with AZURE: VyOS gives charon no connection until wan9 has an address from DHCP";
    assert_eq!((first.code.number(), first.summary.as_str()), (502, words));
    assert_eq!(first.severity, Severity::Fault);
    let seen: Vec<&str> = first.evidence.iter().map(|seen| seen.fact.as_str()).collect();
    assert!(seen.contains(&"wan9 does not exist"), "{seen:?}");
    assert!(first.remedies.iter().all(|next| !next.action.contains("retry")), "{first:?}");
}
