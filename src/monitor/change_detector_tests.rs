//! What a detector reports for reports made by hand.

use super::*;
use crate::code::Severity;
use crate::render::monitor::sentence;
use crate::report::{
    Confidence, ControlReport, CounterSpans, Counters, Finding, HostReport, SCHEMA, SourceStatus,
};

fn report(interfaces: Vec<InterfaceReport>) -> Report {
    Report {
        input: None,
        schema: SCHEMA,
        tool_version: "0.0.0",
        taken_at: None,
        host: HostReport { hostname: String::new(), kernel: String::new(), vyos_version: None },
        verdict: Verdict::Ok,
        sources: vec![links(Status::Read)],
        notes: vec![],
        findings: vec![],
        interfaces,
    }
}

fn links(status: Status) -> SourceStatus {
    SourceStatus { name: Source::Links.name(), status, detail: "no answer in time".into() }
}

fn vti(name: &str, lost: u64) -> InterfaceReport {
    let counters =
        Counters { tx_errors: lost, tx_carrier_errors: Some(lost), ..Counters::default() };
    InterfaceReport {
        ends: None,
        no_other_end: None,
        name: name.into(),
        driver: Some(Driver::Xfrm),
        driver_inferred: None,
        ip_tunnel: None,
        ifindex: Some(7),
        admin_state: Some("up"),
        oper_state: Some("unknown".into()),
        mtu: None,
        if_id: None,
        input_mark: None,
        output_mark: None,
        local: None,
        remote: None,
        peers: vec![],
        control: Some(ControlReport {
            peer: None,
            ike_state: Some("ESTABLISHED".into()),
            ike_seconds: None,
            child_state: Some("INSTALLED".into()),
            child_seconds: None,
        }),
        absent: false,
        fallback_device: false,
        counters: CounterSpans { since_boot: Some(counters), ..CounterSpans::default() },
        state: Default::default(),
        verdict: Verdict::Ok,
        least_verdict: Verdict::Ok,
        findings: vec![],
        undetermined: vec![],
        masked: vec![],
        ruled_out: vec![],
        not_applicable: vec![],
        flows: vec![],
        inbound_sas: vec![],
        outbound_sas: vec![],
    }
}

fn finding(code: u16, summary: &str) -> Finding {
    Finding {
        code: Code::of_number(code).unwrap(),
        name: "name",
        title: "",
        way: Vec::new(),
        severity: Severity::Fault,
        confidence: Confidence::Proven,
        site: String::new(),
        summary: summary.into(),
        evidence: vec![],
        remedies: vec![],
        is_brief: false,
    }
}

/// A detector that has seen some reports, and what it reports for others after so many milliseconds.
struct Fed(ChangeDetector, u64);

impl Fed {
    fn with(interfaces: Vec<InterfaceReport>) -> Self {
        let mut detector = ChangeDetector::default();
        detector.take(&report(interfaces), None, 0);
        Self(detector, 0)
    }

    fn says(&mut self, after_ms: u64, interfaces: Vec<InterfaceReport>) -> Vec<String> {
        self.1 += after_ms;
        let changes = self.0.take(&report(interfaces), None, self.1);
        changes.iter().map(|c| format!("{} {}", c.subject, sentence(&c.what))).collect()
    }
}

#[test]
fn at_first_each_vti_is_said_with_all_its_states() {
    let mut faulty = vti("vti1", 0);
    (faulty.admin_state, faulty.control, faulty.verdict) = (Some("down"), None, Verdict::Fault);
    faulty.findings = vec![finding(301, "vti1 is admin down"), finding(502, "second")];
    let mut fallback = vti("ip_vti0", 0);
    fallback.fallback_device = true;
    let said =
        ChangeDetector::default().take(&report(vec![vti("vti0", 5), faulty, fallback]), None, 0);
    let said: Vec<String> = said.iter().map(|change| sentence(&change.what)).collect();
    assert_eq!(
        said,
        [
            "admin up, link unknown, IKE ESTABLISHED, CHILD_SA INSTALLED: ok",
            "admin down, link unknown: FAULT, VTI-301: vti1 is admin down",
        ]
    );
}

#[test]
fn what_stays_is_not_said_again() {
    let mut fed = Fed::with(vec![vti("vti0", 5)]);
    assert!(fed.says(2000, vec![vti("vti0", 5)]).is_empty());
}

#[test]
fn each_state_that_changes_is_said() {
    let mut fed = Fed::with(vec![vti("vti0", 0)]);
    let mut down = vti("vti0", 0);
    (down.admin_state, down.oper_state) = (Some("down"), Some("down".into()));
    if let Some(control) = &mut down.control {
        (control.ike_state, control.child_state) = (Some("CONNECTING".into()), None);
    }
    assert_eq!(
        fed.says(2000, vec![down]),
        [
            "vti0 admin up -> down",
            "vti0 link unknown -> down",
            "vti0 IKE ESTABLISHED -> CONNECTING",
            "vti0 CHILD_SA INSTALLED -> none",
        ]
    );
}

#[test]
fn a_charon_that_was_not_read_changes_nothing_until_it_is() {
    let mut fed = Fed::with(vec![vti("vti0", 0)]);
    let silent = || InterfaceReport { control: None, ..vti("vti0", 0) };
    assert!(fed.says(2000, vec![silent()]).is_empty());
    assert!(fed.says(2000, vec![vti("vti0", 0)]).is_empty());

    let mut fed = Fed::with(vec![silent()]);
    let said = fed.says(2000, vec![vti("vti0", 0)]);
    assert_eq!(said, ["vti0 IKE not read -> ESTABLISHED", "vti0 CHILD_SA not read -> INSTALLED"]);
}

#[test]
fn a_verdict_is_said_with_its_first_finding_once() {
    let mut fed = Fed::with(vec![vti("vti0", 0)]);
    let faulty = |code, summary| InterfaceReport {
        verdict: Verdict::Fault,
        findings: vec![finding(code, summary)],
        ..vti("vti0", 0)
    };
    assert_eq!(fed.says(2000, vec![faulty(111, "no SA")]), ["vti0 FAULT, VTI-111: no SA"]);
    assert!(fed.says(2000, vec![faulty(111, "no SA for 4 s")]).is_empty());
    assert_eq!(fed.says(2000, vec![faulty(502, "no IKE")]), ["vti0 FAULT, VTI-502: no IKE"]);
    assert_eq!(fed.says(2000, vec![vti("vti0", 0)]), ["vti0 ok"]);
}

#[test]
fn losses_are_said_when_they_begin_and_when_they_are_over() {
    let mut fed = Fed::with(vec![vti("vti0", 59)]);
    assert_eq!(fed.says(2000, vec![vti("vti0", 83)]), ["vti0 losing packets: 24 in 2.0 s (12/s)"]);
    assert!(fed.says(2000, vec![vti("vti0", 383)]).is_empty());
    assert!(fed.says(2000, vec![vti("vti0", 383)]).is_empty(), "too early to tell");
    assert_eq!(
        fed.says(2000, vec![vti("vti0", 383)]),
        ["vti0 no more losses: 324 packets in 4.0 s"]
    );
    assert_eq!(
        fed.says(10_000, vec![vti("vti0", 384)]),
        ["vti0 losing packets: 1 in 10 s (0.1/s)"]
    );
}

#[test]
fn a_counter_that_went_back_is_no_loss() {
    let mut fed = Fed::with(vec![vti("vti0", 59)]);
    assert!(fed.says(2000, vec![vti("vti0", 3)]).is_empty());
    assert_eq!(fed.says(1000, vec![vti("vti0", 4)]), ["vti0 losing packets: 1 in 1.0 s (1.0/s)"]);
}

#[test]
fn a_counter_that_was_not_read_is_no_zero() {
    let mut fed = Fed::with(vec![vti("vti0", 59)]);
    let unread = InterfaceReport { counters: CounterSpans::default(), ..vti("vti0", 0) };
    assert!(fed.says(2000, vec![unread]).is_empty());
    assert_eq!(fed.says(2000, vec![vti("vti0", 61)]), ["vti0 losing packets: 2 in 2.0 s (1.0/s)"]);
}

#[test]
fn where_errors_are_not_exported_drops_are_the_losses() {
    let old = |lost| {
        let counters = Counters { tx_dropped: lost, ..Counters::default() };
        let counters = CounterSpans { since_boot: Some(counters), ..CounterSpans::default() };
        InterfaceReport { counters, ..vti("vti0", 0) }
    };
    let mut fed = Fed::with(vec![old(1)]);
    assert_eq!(fed.says(1000, vec![old(3)]), ["vti0 losing packets: 2 in 1.0 s (2.0/s)"]);
}

#[test]
fn interfaces_come_and_go_and_are_made_anew() {
    let mut fed = Fed::with(vec![vti("vti0", 9), vti("vti1", 0)]);
    let whole = "admin up, link unknown, IKE ESTABLISHED, CHILD_SA INSTALLED: ok";
    let recreated = InterfaceReport { ifindex: Some(8), ..vti("vti0", 12) };
    assert_eq!(
        fed.says(2000, vec![recreated, vti("vti2", 0)]),
        [format!("vti0 recreated: {whole}"), format!("vti2 {whole}"), "vti1 deleted".into()]
    );
}

#[test]
fn an_interface_that_is_configured_and_gone_is_still_said() {
    let absent = InterfaceReport {
        ifindex: None,
        admin_state: None,
        oper_state: None,
        control: None,
        absent: true,
        verdict: Verdict::Fault,
        findings: vec![finding(303, "there is no such link")],
        ..vti("vti0", 0)
    };
    let mut fed = Fed::with(vec![vti("vti0", 9)]);
    let said = fed.says(2000, vec![absent]);
    assert_eq!(said, ["vti0 deleted: FAULT, VTI-303: there is no such link"]);
    let said = fed.says(2000, vec![vti("vti0", 0)]);
    let whole = "admin up, link unknown, IKE ESTABLISHED, CHILD_SA INSTALLED: ok";
    assert_eq!(said, [format!("vti0 recreated: {whole}")]);
}

#[test]
fn interfaces_that_could_not_be_read_are_not_gone() {
    let mut fed = Fed::with(vec![vti("vti0", 0)]);
    let mut unread = report(vec![]);
    unread.sources = vec![links(Status::Failed)];
    let said = fed.0.take(&unread, None, 2000);
    let what = What::Unreadable("no answer in time".into());
    assert_eq!(said, [Change { subject: "host".into(), what }]);
    assert!(fed.0.take(&unread, None, 4000).is_empty(), "once");
    assert!(fed.says(6000, vec![vti("vti0", 0)]).is_empty());
}

#[test]
fn one_interface_is_followed_alone() {
    let both = report(vec![vti("vti0", 0), vti("vti1", 0)]);
    let said = ChangeDetector::default().take(&both, Some("vti1"), 0);
    assert_eq!(said.iter().map(|change| change.subject.as_str()).collect::<Vec<_>>(), ["vti1"]);
}
