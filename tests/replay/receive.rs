//! The diagnoses of the receive path, by captures of one fault with other state: what each says, how bad it is and how sure.

use super::RECORDED;
use vti_diagnostics::capture::Capture;
use vti_diagnostics::code::{Code, Severity};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{Confidence, Finding, InterfaceReport, Verdict};
use vti_diagnostics::snapshot::{
    Address, Family, Link, Missing, Policy, PolicyDirection, Reason, ReplayState, Sa, Snapshot,
    Source, Spi, Statistics,
};

/// The inbound SA of the laboratory's router.
const INBOUND: Spi = Spi(0x102);

const ESN: u8 = 128;

fn capture(name: &str) -> Capture {
    RECORDED.iter().find(|recorded| recorded.name == name).unwrap().capture.clone()
}

fn report(earlier: Option<&Snapshot>, now: &Snapshot) -> InterfaceReport {
    let report = diagnose::run(&Observation { now, earlier }, Some("t0")).unwrap();
    report.interfaces.into_iter().next().unwrap()
}

/// What is reported of t0 with another state in the second sample.
fn edited(name: &str, edit: impl FnOnce(&mut Snapshot)) -> InterfaceReport {
    let [earlier, mut now] = <[_; 2]>::try_from(capture(name).snapshots).unwrap();
    edit(&mut now);
    report(Some(&earlier), &now)
}

fn finding(interface: &InterfaceReport, code: Code) -> Option<&Finding> {
    interface.findings.iter().find(|finding| finding.code == code)
}

fn link(now: &mut Snapshot) -> &mut Link {
    now.links.as_mut().unwrap().iter_mut().find(|link| link.name == "t0").unwrap()
}

fn statistics(now: &mut Snapshot) -> &mut Statistics {
    link(now).statistics.as_mut().unwrap()
}

fn inbound(now: &mut Snapshot) -> &mut Sa {
    now.sas.as_mut().unwrap().iter_mut().find(|sa| sa.spi == INBOUND).unwrap()
}

fn count(now: &mut Snapshot, counter: &str, rise: u64) {
    let counters = now.xfrm_statistics.as_mut().unwrap();
    counters.iter_mut().find(|c| c.name == counter).unwrap().value += rise;
}

fn without(now: &mut Snapshot, directions: &[PolicyDirection]) {
    let policies: &mut Vec<Policy> = now.policies.as_mut().unwrap();
    policies.retain(|policy| !directions.contains(&policy.direction));
}

/// How bad VTI-404 is and what it says, where these policies are missing.
fn without_policies(
    name: &str,
    directions: &[PolicyDirection],
    forwarding: bool,
) -> Option<(Severity, String)> {
    let interface = edited(name, |now| {
        without(now, directions);
        link(now).ipv4.as_mut().unwrap().forwarding = forwarding;
    });
    finding(&interface, Code::NoInboundPolicy).map(|f| (f.severity, f.summary.clone()))
}

const IN: PolicyDirection = PolicyDirection::In;
const FWD: PolicyDirection = PolicyDirection::Forward;

#[test]
fn each_of_the_two_policies_of_an_xfrm_interface_suffices_for_its_traffic() {
    let of_router =
        |directions: &[PolicyDirection]| without_policies("ok-healthy-xfrm", directions, true);
    assert_eq!(of_router(&[]), None);
    let words = "packets from the peer to this host itself are decrypted, then dropped, but forwarded ones pass: no policy of direction in has if_id 7";
    assert_eq!(of_router(&[IN]), Some((Severity::Warning, words.to_owned())));
    let words = "packets from the peer to hosts behind this one are decrypted, then dropped, but those to this host itself pass: no policy of direction fwd has if_id 7";
    assert_eq!(of_router(&[FWD]), Some((Severity::Warning, words.to_owned())));
    let words = "packets from the peer are decrypted, then dropped: no policy of direction in or fwd has if_id 7";
    assert_eq!(of_router(&[IN, FWD]), Some((Severity::Fault, words.to_owned())));
}

#[test]
fn a_host_that_does_not_forward_needs_the_policy_of_direction_in_alone() {
    let words =
        "packets from the peer are decrypted, then dropped: no policy of direction in has if_id 7";
    let expected = Some((Severity::Fault, words.to_owned()));
    for directions in [&[IN][..], &[IN, FWD]] {
        assert_eq!(without_policies("ok-healthy-xfrm", directions, false), expected);
    }
    assert_eq!(without_policies("ok-healthy-xfrm", &[FWD], false), None);
}

#[test]
fn a_vti_needs_the_policy_of_direction_in_alone_also_where_it_forwards() {
    assert_eq!(without_policies("ok-healthy-vti", &[FWD], true), None);
    let (severity, words) = without_policies("ok-healthy-vti", &[IN], true).unwrap();
    assert_eq!(severity, Severity::Fault);
    assert_eq!(
        words,
        "packets from the peer are decrypted, then dropped: no policy of direction in has mark 0x7"
    );
}

/// Whether VTI-401 is found where XfrmInNoStates of the host and `errors` of the interface rose, and a statistic of the inbound SA.
fn of_unknown_spi(name: &str, errors: u64, late: u32) -> Option<(Confidence, String)> {
    let interface = edited(name, |now| {
        count(now, "XfrmInNoStates", 4);
        statistics(now).rx_errors += errors;
        inbound(now).replay_window_drops += late;
    });
    let found = finding(&interface, Code::NoInboundAssociation)?;
    Some((found.confidence, found.summary.split(" during ").next()?.to_owned()))
}

#[test]
fn only_a_vti_counts_packets_of_an_spi_that_no_sa_has() {
    let words = "4 packets from the peer may have been dropped";
    let expected = Some((Confidence::Possible, words.to_owned()));
    assert_eq!(of_unknown_spi("ok-healthy-vti", 4, 0), expected);
    assert_eq!(of_unknown_spi("ok-healthy-vti", 7, 3), expected, "the SA counted three");
    assert_eq!(of_unknown_spi("ok-healthy-vti", 3, 3), None, "the SA counted all");
    assert_eq!(of_unknown_spi("ok-healthy-xfrm", 4, 0), None, "they are of another cause");
}

/// VTI-402 of an SA that passed so many packets, with these flags.
fn integrity(passed: u64, flags: u8) -> (Severity, Confidence, String, usize) {
    let interface = edited("402-integrity-failures-xfrm", |now| {
        let sa = inbound(now);
        sa.current.packets = passed;
        sa.flags |= flags;
        sa.replay = Some(ReplayState { window: 32, ..ReplayState::default() });
    });
    let found = finding(&interface, Code::IntegrityFailures).unwrap();
    let changes = found.remedies.iter().filter(|remedy| remedy.changes).count();
    (found.severity, found.confidence, found.summary.clone(), changes)
}

#[test]
fn an_sa_that_passes_no_packet_is_one_that_the_ends_do_not_agree_on() {
    for flags in [0, ESN] {
        let (severity, confidence, summary, changes) = integrity(0, flags);
        assert_eq!((severity, confidence), (Severity::Fault, Confidence::Consistent));
        assert!(
            summary.contains("none has passed it: the two ends differ in algorithm"),
            "{summary}"
        );
        assert_eq!(changes, 0, "to renegotiate does not help");
    }
}

#[test]
fn where_others_pass_packets_are_changed_on_the_way_or_under_esn_perhaps_too_late() {
    let (severity, confidence, summary, changes) = integrity(90, 0);
    assert_eq!((severity, confidence), (Severity::Warning, Confidence::Consistent));
    assert!(summary.ends_with("others pass: something on the path changes packets"), "{summary}");
    assert_eq!(changes, 0);
    let (severity, confidence, summary, changes) = integrity(90, ESN);
    assert_eq!((severity, confidence), (Severity::Warning, Confidence::Consistent));
    let late = "failed their integrity check or arrived too late (with ESN both are counted alike)";
    assert!(summary.contains(late), "{summary}");
    assert_eq!(changes, 0);
}

/// An old SA with many failures hid one whose failures are rising.
#[test]
fn of_several_sas_the_one_whose_failures_are_rising_is_told_of() {
    let [mut earlier, mut now] =
        <[_; 2]>::try_from(capture("402-integrity-failures-xfrm").snapshots).unwrap();
    let old = Sa { spi: Spi(0x99), integrity_failures: 500, ..inbound(&mut now).clone() };
    for snapshot in [&mut earlier, &mut now] {
        snapshot.sas.as_mut().unwrap().push(old.clone());
        snapshot.sort();
    }
    let interface = report(Some(&earlier), &now);
    let found = finding(&interface, Code::IntegrityFailures).unwrap();
    assert_eq!(found.severity, Severity::Fault);
    assert!(found.summary.starts_with("5 packets on inbound SA 0x00000102 "), "{}", found.summary);
}

#[test]
fn what_is_refused_on_arrival_without_a_cause_is_never_ok() {
    for name in ["ok-healthy-vti", "ok-healthy-vti6", "ok-healthy-xfrm"] {
        for (errors, dropped) in [(3, 3), (3, 0), (0, 3)] {
            let interface = edited(name, |now| {
                statistics(now).rx_errors += errors;
                statistics(now).rx_dropped += dropped;
                count(now, "XfrmInStateMismatch", 7);
            });
            let found = finding(&interface, Code::InboundLossesUnexplained).unwrap();
            assert_eq!(interface.verdict, Verdict::Warning, "{name}");
            assert_eq!(found.confidence, Confidence::Possible);
            let begins = "3 packets from the peer were refused on arrival during the last ";
            assert!(found.summary.starts_with(begins), "{}", found.summary);
            let of_host = |fact: &str| {
                fact.starts_with("XfrmInStateMismatch +7 ") && fact.ends_with("(whole host)")
            };
            assert!(found.evidence.iter().any(|e| of_host(&e.fact)), "{:?}", found.evidence);
        }
    }
}

#[test]
fn what_the_host_counts_alone_is_not_the_interfaces_loss() {
    let interface = edited("ok-healthy-xfrm", |now| count(now, "XfrmInStateMismatch", 7));
    assert_eq!(interface.verdict, Verdict::Ok);
    assert!(interface.ruled_out.iter().any(|c| c.code == Code::InboundLossesUnexplained));
}

#[test]
fn from_one_sample_it_is_unknown_whether_packets_are_refused() {
    let [_, mut now] = <[_; 2]>::try_from(capture("ok-healthy-vti").snapshots).unwrap();
    statistics(&mut now).rx_errors += 3;
    let interface = report(None, &now);
    let open = interface.undetermined.iter().find(|u| u.code == Code::InboundLossesUnexplained);
    assert_eq!(open.unwrap().missing.source, Source::EarlierSnapshot);
}

#[test]
fn a_cause_that_is_found_explains_what_is_refused() {
    for name in
        ["401-no-inbound-association-vti", "402-integrity-failures-xfrm", "403-replays-xfrm"]
    {
        let interface = edited(name, |_| {});
        assert_eq!(finding(&interface, Code::InboundLossesUnexplained).map(|f| &f.summary), None);
        let masked = interface.masked.iter().any(|m| m.code == Code::InboundLossesUnexplained);
        assert!(masked, "{name}");
    }
}

/// VTI-404 without an IN policy where `set` changes disable_policy.
fn with_disable_policy(
    name: &str,
    set: impl FnOnce(&mut Snapshot),
) -> Option<(Severity, Confidence)> {
    let interface = edited(name, |now| {
        without(now, &[IN]);
        now.sysctls.all_disable_policy = Ok(false);
        set(now);
    });
    finding(&interface, Code::NoInboundPolicy).map(|f| (f.severity, f.confidence))
}

/// disable_policy of one device.
fn disable_policy(now: &mut Snapshot, device: &str) {
    let links = now.links.as_mut().unwrap();
    let link = links.iter_mut().find(|link| link.name == device).unwrap();
    link.ipv4.as_mut().unwrap().disable_policy = true;
}

#[test]
fn where_disable_policy_is_set_ipv4_needs_no_policy() {
    let dropped = Some((Severity::Fault, Confidence::Proven));
    for name in ["ok-healthy-vti", "ok-healthy-xfrm"] {
        assert_eq!(with_disable_policy(name, |_| {}), dropped, "{name}");
        let on_all = |now: &mut Snapshot| now.sysctls.all_disable_policy = Ok(true);
        assert_eq!(with_disable_policy(name, on_all), None, "{name}");
        let unread = |reason| {
            move |now: &mut Snapshot| {
                let missing = Missing::new(Source::AllDisablePolicy, reason, "");
                now.sysctls.all_disable_policy = Err(missing);
            }
        };
        let less_sure = Some((Severity::Fault, Confidence::Consistent));
        assert_eq!(with_disable_policy(name, unread(Reason::NotInCapture)), less_sure, "{name}");
        assert_eq!(with_disable_policy(name, unread(Reason::Denied)), None, "{name}");
    }
    let on = |device: &'static str| move |now: &mut Snapshot| disable_policy(now, device);
    assert_eq!(with_disable_policy("ok-healthy-xfrm", on("t0")), None);
    assert_eq!(with_disable_policy("ok-healthy-xfrm", on("wan")), dropped);
    assert_eq!(with_disable_policy("ok-healthy-vti", on("t0")), dropped);
    assert_eq!(with_disable_policy("ok-healthy-vti", on("wan")), None);
    assert_eq!(with_disable_policy("ok-healthy-vti6", on("wan")), dropped);
}

#[test]
fn disable_policy_of_ipv4_does_not_let_ipv6_packets_in() {
    let of_both_families = |name: &str, kernel: Option<&str>| {
        edited(name, |now| {
            without(now, &[IN]);
            now.sysctls.all_disable_policy = Ok(false);
            disable_policy(now, "t0");
            disable_policy(now, "wan");
            now.host.kernel_release = kernel.unwrap_or(&now.host.kernel_release).to_owned();
            let mut outbound = now.policies.as_ref().unwrap().clone();
            outbound.retain(|policy| policy.direction == PolicyDirection::Out);
            for policy in &mut outbound {
                policy.selector.family = Family::Inet6;
                policy.selector.source = "::/0".parse().unwrap();
                policy.selector.destination = "::/0".parse().unwrap();
            }
            // Nothing arrives for a family of which the host has no address.
            let addresses = now.addresses.as_mut().unwrap();
            let first = addresses.first().unwrap().clone();
            addresses.push(Address { prefix: "fd09:1::1/128".parse().unwrap(), ..first });
            now.policies.as_mut().unwrap().extend(outbound);
            now.sort();
        })
    };
    // Before 6.0 it lets IPv6 in a vti in, and of a kernel without a release that is not known.
    assert!(finding(&of_both_families("ok-healthy-vti", None), Code::NoInboundPolicy).is_some());
    for (kernel, is_open) in
        [("5.10.0-35-amd64", false), ("5.15.100", false), ("5.14.0-427.el9", true), ("none", true)]
    {
        let interface = of_both_families("ok-healthy-vti", Some(kernel));
        assert!(finding(&interface, Code::NoInboundPolicy).is_none(), "{kernel}");
        let mut open = interface.undetermined.iter();
        assert_eq!(open.any(|u| u.code == Code::NoInboundPolicy), is_open, "{kernel}");
    }
    let interface = of_both_families("ok-healthy-xfrm", None);
    let found = finding(&interface, Code::NoInboundPolicy).unwrap();
    let words = "IPv6 packets from the peer are decrypted, then dropped: no IPv6 policy of direction in has if_id 7";
    assert_eq!(found.summary, words);
}
