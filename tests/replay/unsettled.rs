//! SAs and policies that changed while they were read: a finding of the tunnel that they are of is no longer proven, and that of every other one is.

use super::{RECORDED, diagnosed};
use vti_diagnostics::capture::Capture;
use vti_diagnostics::report::{Confidence, Report, Verdict};
use vti_diagnostics::snapshot::{Changed, IfId, LinkKind, Mark, Unsettled};

fn capture(name: &str) -> Capture {
    RECORDED.iter().find(|r| r.name == name).unwrap().capture.clone()
}

fn with(name: &str, unsettled: Unsettled) -> Report {
    let mut capture = capture(name);
    capture.snapshots.last_mut().unwrap().unsettled = unsettled;
    diagnosed(&capture)
}

/// The confidence of the first finding of t0, and whether it tells why it is no surer.
fn first(report: &Report) -> (Confidence, bool) {
    let interface = report.interfaces.iter().find(|i| i.name == "t0").unwrap();
    assert_eq!(interface.verdict, Verdict::Fault);
    let finding = &interface.findings[0];
    let told = finding.evidence.iter().any(|e| e.fact.contains("changed while they were read"));
    (finding.confidence, told)
}

fn changed(changed: Changed) -> Unsettled {
    Unsettled { any: false, changed: vec![changed] }
}

const XFRM: &str = "111-policy-without-association-xfrm";
const VTI: &str = "401-no-inbound-association-vti";
const SURE: (Confidence, bool) = (Confidence::Proven, false);
const OPEN: (Confidence, bool) = (Confidence::Consistent, true);

#[test]
fn what_changed_of_the_tunnel_leaves_its_finding_unproven() {
    let now = capture(XFRM).snapshots.pop().unwrap();
    let link = now.links.iter().flatten().find(|link| link.name == "t0").unwrap();
    let LinkKind::Xfrm(device) = &link.kind else { panic!("{:?}", link.kind) };
    let of = |if_id| first(&with(XFRM, changed(Changed { if_id, ..Changed::default() })));
    assert_eq!(first(&with(XFRM, Unsettled::default())), SURE);
    assert_eq!(of(device.if_id), OPEN);
    assert_eq!(of(IfId(device.if_id.0 + 1)), SURE, "another tunnel's");
    assert_eq!(of(IfId(0)), SURE);
}

#[test]
fn of_a_vti_the_mark_tells_or_else_the_peer() {
    let now = capture(VTI).snapshots.pop().unwrap();
    let link = now.links.iter().flatten().find(|link| link.name == "t0").unwrap();
    let LinkKind::Vti(keys) = &link.kind else { panic!("{:?}", link.kind) };
    let of = |change: Changed| first(&with(VTI, changed(change)));
    let mark = |value| Changed { mark: Mark { value, mask: u32::MAX }, ..Changed::default() };
    assert_eq!(first(&with(VTI, Unsettled::default())), SURE);
    assert_eq!(of(mark(keys.input_mark)), OPEN);
    assert_eq!(of(mark(keys.input_mark + 1)), SURE);
    assert_eq!(of(Changed { if_id: IfId(1), ..Changed::default() }), SURE, "an xfrm interface's");
    let peer = |address| Changed { source: Some(address), ..Changed::default() };
    assert_eq!(of(peer(keys.remote)), OPEN);
    assert_eq!(of(peer("203.0.113.77".parse().unwrap())), SURE);
    assert_eq!(of(Changed::default()), OPEN, "of nobody knows whom");
}

#[test]
fn where_anything_may_have_changed_nothing_is_proven_and_the_host_is_told() {
    let report = with(XFRM, Unsettled { any: true, changed: Vec::new() });
    assert_eq!(first(&report), OPEN);
    assert!(report.notes.iter().any(|note| note.contains("Run the command again")));
}
