//! SAs and policies that changed while they were read: a finding of the tunnel that they are of is no longer proven, and that of every other one is.

use super::{RECORDED, diagnosed};
use vti_diagnostics::capture::Capture;
use vti_diagnostics::code::{Code, Severity};
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
const NO_ROUTE: &str = "121-no-route-to-the-peer-xfrm";
const DISAGREE: &str = "506-charon-sa-deleted-in-the-kernel-vti";
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

/// "Fault" would be said of each healthy tunnel whose list is torn.
#[test]
fn where_anything_may_have_changed_what_is_missing_is_unknown_and_the_host_is_told() {
    for name in [XFRM, VTI] {
        let report = with(name, Unsettled { any: true, changed: Vec::new() });
        let interface = report.interfaces.iter().find(|i| i.name == "t0").unwrap();
        let faults = interface.findings.iter().filter(|f| f.severity == Severity::Fault);
        assert_eq!(faults.map(|f| f.code).collect::<Vec<_>>(), [], "{name}");
        assert!(interface.verdict >= Verdict::Unknown, "{name}");
        let open: Vec<_> = interface.undetermined.iter().map(|u| u.missing.to_string()).collect();
        assert!(open.iter().any(|why| why.contains("run the command again")), "{name}: {open:?}");
        assert!(report.notes.iter().any(|note| note.contains("Run the command again")));
    }
}

/// What stands on something that is there, and on nothing that is missing, is as sure as ever.
#[test]
fn a_fault_that_is_not_of_what_is_missing_stays() {
    let report = with(NO_ROUTE, Unsettled { any: true, changed: Vec::new() });
    assert_eq!(first(&report), OPEN);
}

/// Charon was asked before the kernel's messages ended: its list is of another moment. That the kernel has no SA stays.
#[test]
fn that_charon_and_the_kernel_disagree_is_unknown_where_the_tunnel_changed() {
    let codes = |unsettled| {
        let report = with(DISAGREE, unsettled);
        let interface = report.interfaces.into_iter().find(|i| i.name == "vti7").unwrap();
        let open = interface.undetermined.iter().map(|u| u.code);
        (interface.findings[0].code, open.collect::<Vec<_>>())
    };
    let (first, open) = codes(Unsettled::default());
    assert_eq!(first, Code::KernelAndCharonDisagree);
    assert!(!open.contains(&first));
    let (first, open) = codes(changed(Changed::default()));
    assert_eq!(first, Code::NoSecurityAssociation);
    assert!(open.contains(&Code::KernelAndCharonDisagree));
}
