//! VTI-406 by the counters of nftables: what they let one say, and how surely. A capture of a healthy tunnel that five packets came in by,
//! with other counters.

use super::RECORDED;
use vti_diagnostics::capture::Capture;
use vti_diagnostics::code::Severity;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{Confidence, Report};
use vti_diagnostics::snapshot::validation::{InterfaceSet, UnknownRule};
use vti_diagnostics::snapshot::{Family, Reason, Source, SourceValidation};

const INTERFACE: &str = "t0";

/// The strict rule of an interface, or that of the host.
fn rule(interface: Option<&str>, packets: u64) -> SourceValidation {
    let (family, interface) = (Family::Inet, interface.map(str::to_owned));
    let (bytes, set, unknown) = (84 * packets, None, None);
    SourceValidation { family, interface, set, strict: true, packets, bytes, unknown }
}

/// The strict rule of a set of interfaces (T9152).
fn of_set(interfaces: &[&str], packets: u64) -> SourceValidation {
    let interfaces = interfaces.iter().map(ToString::to_string).collect();
    let set = InterfaceSet { name: "rpfilter_strict_ifaces".to_owned(), interfaces };
    SourceValidation { set: Some(set), ..rule(None, packets) }
}

fn own(packets: u64) -> SourceValidation {
    rule(Some(INTERFACE), packets)
}

fn of_host(packets: u64) -> SourceValidation {
    rule(None, packets)
}

fn healthy() -> Capture {
    let name = "ok-source-validated-vti";
    RECORDED.iter().find(|recorded| recorded.name == name).unwrap().capture.clone()
}

/// How bad and how sure VTI-406 is, and what it says, with these rules before (where there is a look before) and now.
fn found(
    before: Option<Vec<SourceValidation>>,
    now: Vec<SourceValidation>,
    sent: u64,
) -> Option<(Severity, Confidence, String)> {
    let [mut earlier, mut last] = <[_; 2]>::try_from(healthy().snapshots).unwrap();
    let links = last.links.as_mut().unwrap();
    let link = links.iter_mut().find(|link| link.name == INTERFACE).unwrap();
    link.statistics.as_mut().unwrap().tx_packets += sent;
    last.source_validation = Ok(now);
    let has_earlier = before.is_some();
    earlier.source_validation = Ok(before.unwrap_or_default());
    let observation = Observation { now: &last, earlier: has_earlier.then_some(&earlier) };
    let report = diagnose::run(&observation, Some(INTERFACE)).unwrap();
    let findings = report.interfaces.into_iter().flat_map(|interface| interface.findings);
    findings
        .filter(|finding| finding.code.number() == 406)
        .map(|finding| (finding.severity, finding.confidence, finding.summary))
        .next()
}

#[test]
fn a_rule_of_the_interface_that_counts_now_is_proof() {
    let words = "source validation of t0 dropped 3 packets during the last 0.1 s".to_owned();
    let expected = Some((Severity::Warning, Confidence::Proven, words));
    assert_eq!(found(Some(vec![own(2)]), vec![own(5)], 0), expected);
    assert_eq!(found(Some(vec![]), vec![own(3)], 0), expected, "a new rule");
    assert_eq!(found(Some(vec![own(9)]), vec![own(3)], 0), expected, "a rule made anew");
}

#[test]
fn what_a_rule_counted_at_some_time_is_a_notice_and_nothing_where_it_counts_no_more() {
    let words = "source validation of t0 has dropped 5 packets since it was set".to_owned();
    let expected = Some((Severity::Notice, Confidence::Consistent, words));
    assert_eq!(found(None, vec![own(5)], 0), expected);
    assert_eq!(found(Some(vec![own(5)]), vec![own(5)], 0), None);
    assert_eq!(found(None, vec![own(0)], 0), None);
    assert_eq!(found(None, vec![rule(Some("t1"), 5)], 0), None, "of another interface");
}

#[test]
fn the_rule_of_the_host_is_a_possible_cause_where_packets_come_in_and_none_go_out() {
    let words = "source validation of this host dropped 4 packets during the last 0.1 s while t0 received 5 packets and sent none";
    let expected = Some((Severity::Warning, Confidence::Possible, words.to_owned()));
    assert_eq!(found(Some(vec![of_host(1)]), vec![of_host(5)], 0), expected);
    assert_eq!(found(Some(vec![of_host(1)]), vec![of_host(5)], 1), None, "this host answers");
    assert_eq!(found(Some(vec![of_host(5)]), vec![of_host(5)], 0), None, "it does not rise");
    assert_eq!(found(None, vec![of_host(5)], 0), None, "nothing is known of when");
}

#[test]
fn the_rule_of_the_host_sees_no_packet_of_an_interface_that_has_its_own() {
    let before = vec![own(0), of_host(1)];
    assert_eq!(found(Some(before), vec![own(0), of_host(5)], 0), None);
}

#[test]
fn the_rule_of_a_set_with_one_member_is_that_of_the_interface() {
    let words = "source validation of t0 dropped 3 packets during the last 0.1 s".to_owned();
    let expected = Some((Severity::Warning, Confidence::Proven, words));
    assert_eq!(found(Some(vec![of_set(&["t0"], 2)]), vec![of_set(&["t0"], 5)], 0), expected);
    assert_eq!(found(Some(vec![of_set(&["t1"], 2)]), vec![of_set(&["t1"], 5)], 0), None);
}

#[test]
fn the_rule_of_a_set_is_a_possible_cause_and_hides_the_packets_from_that_of_the_host() {
    let words = "source validation of t0 and 1 more interface dropped 4 packets during the last 0.1 s while t0 received 5 packets and sent none";
    let expected = Some((Severity::Warning, Confidence::Possible, words.to_owned()));
    let before = of_set(&["eth0", "t0"], 1);
    assert_eq!(found(Some(vec![before.clone()]), vec![of_set(&["eth0", "t0"], 5)], 0), expected);
    let now = vec![before.clone(), of_host(5)];
    assert_eq!(found(Some(vec![before, of_host(1)]), now, 0), None);
}

#[test]
fn a_rule_of_an_unknown_form_leaves_the_question_open_and_is_named() {
    let [_, mut now] = <[_; 2]>::try_from(healthy().snapshots).unwrap();
    let unknown = UnknownRule {
        chain: "vyos_rpfilter".to_owned(),
        handle: 12,
        expression: "payload".to_owned(),
    };
    let mut of = |interface: Option<&str>| {
        let rule = SourceValidation { unknown: Some(unknown.clone()), ..rule(interface, 0) };
        now.source_validation = Ok(vec![rule]);
        let observation = Observation { now: &now, earlier: None };
        diagnose::run(&observation, Some(INTERFACE)).unwrap()
    };
    let is_open = |report: &Report| {
        report.interfaces[0].undetermined.iter().any(|open| open.code.number() == 406)
    };
    assert!(!is_open(&of(Some("t1"))), "it is for another interface");
    assert!(is_open(&of(Some(INTERFACE))));
    let report = of(None);
    let words = "this version cannot read rule 12 of chain vyos_rpfilter in table ip raw (payload)";
    let open = &report.interfaces[0].undetermined;
    let open = open.iter().find(|open| open.code.number() == 406).unwrap();
    assert_eq!(open.missing.source, Source::SourceValidation);
    assert_eq!((open.missing.reason, open.missing.detail.as_str()), (Reason::Undecidable, words));
    assert!(report.notes.iter().any(|note| note.contains(words)), "{:?}", report.notes);
}

#[test]
fn of_several_rules_of_an_unknown_form_the_first_is_named_and_the_others_are_counted() {
    let [_, mut now] = <[_; 2]>::try_from(healthy().snapshots).unwrap();
    let (chain, expression) = ("vyos_rpfilter".to_owned(), "payload".to_owned());
    let unknown = Some(UnknownRule { chain, handle: 12, expression });
    let unknown = SourceValidation { unknown, ..rule(None, 0) };
    for (rules, words) in [(1, "(payload)."), (2, "(and 1 more rule)."), (3, "(and 2 more rules).")]
    {
        now.source_validation = Ok(vec![unknown.clone(); rules]);
        let report = diagnose::run(&Observation { now: &now, earlier: None }, None).unwrap();
        let is_said = |note: &String| note.contains("rule 12 of chain") && note.ends_with(words);
        assert!(report.notes.iter().any(is_said), "{words}: {:?}", report.notes);
    }
}
