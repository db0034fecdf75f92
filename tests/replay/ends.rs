//! Captures of both ends of a tunnel: what they say together, from either side, and what each finding stands on. The files of a pair are
//! `NAME.yaml`, whose report it is, and `NAME.peer.yaml`.

use super::registry::{Withhold, sources};
use super::{Recorded, first, recorded_in};
use std::net::IpAddr;
use std::path::Path;
use std::sync::LazyLock;
use vti_diagnostics::capture::{self, Capture};
use vti_diagnostics::diagnose::{Extent, Observation, lookup_both_ends, run_both_ends};
use vti_diagnostics::render::text;
use vti_diagnostics::report::{InterfaceReport, Report};
use vti_diagnostics::snapshot::{Encapsulation, LinkKind, Reason};
use vti_diagnostics::way::Flow;

/// Where they are.
const FOLDER: &str = "tests/captures/ends";

/// A capture and that of the other end.
pub struct Pair {
    pub own: Recorded,
    pub other: Capture,
}

/// All pairs, by name.
pub static PAIRS: LazyLock<Vec<Pair>> = LazyLock::new(|| {
    let of = |own: Recorded| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let other = capture::load(&folder.join(format!("{}.peer.yaml", own.name))).unwrap();
        Pair { own, other }
    };
    recorded_in(FOLDER).into_iter().map(of).collect()
});

fn observation(capture: &Capture) -> Observation<'_> {
    let [.., now] = capture.snapshots.as_slice() else { panic!("an empty capture") };
    Observation { now, earlier: capture.snapshots.iter().rev().nth(1) }
}

pub fn report(own: &Capture, other: &Capture) -> Report {
    let (own, other) = (observation(own), observation(other));
    let mut report = run_both_ends(Extent::Everything, &own, &other, None).unwrap();
    report.tool_version = "VERSION";
    report.taken_at = None;
    report
}

/// The interfaces that the pair expects something of.
pub fn expected(pair: &Pair, report: Report) -> Vec<InterfaceReport> {
    let is_expected = |i: &InterfaceReport| pair.own.expected.contains_key(&i.name);
    report.interfaces.into_iter().filter(is_expected).collect()
}

/// Their reports, of every pair.
pub fn interfaces() -> Vec<InterfaceReport> {
    let of = |pair: &Pair| expected(pair, report(&pair.own.capture, &pair.other));
    PAIRS.iter().flat_map(of).collect()
}

/// What is said of a pair where one source of one end was not read.
pub fn without(pair: &Pair, withhold: Withhold, of_other: bool) -> Vec<InterfaceReport> {
    let (mut own, mut other) = (pair.own.capture.clone(), pair.other.clone());
    withhold(if of_other { &mut other } else { &mut own }, Reason::Denied);
    expected(pair, report(&own, &other))
}

#[test]
fn each_pair_has_the_first_finding_of_its_scenario() {
    assert!(PAIRS.len() > 5, "{}", PAIRS.len());
    for pair in PAIRS.iter() {
        let report = report(&pair.own.capture, &pair.other);
        for (name, wanted) in &pair.own.expected {
            let interface = report.interfaces.iter().find(|i| i.name == *name).unwrap();
            assert_eq!(first(interface), *wanted, "{}", pair.own.name);
        }
    }
}

#[test]
fn the_other_view_has_the_same_numbers() {
    for pair in PAIRS.iter() {
        let there = report(&pair.other, &pair.own.capture);
        for one in expected(pair, report(&pair.own.capture, &pair.other)) {
            let one = one.ends.unwrap_or_else(|| panic!("{}", pair.own.name));
            let two = there.interfaces.iter().find(|i| i.name == one.interface).unwrap();
            let two = two.ends.as_ref().unwrap();
            assert_eq!((&one.outward, &one.inward), (&two.inward, &two.outward));
        }
    }
}

#[test]
fn clocks_that_are_apart_change_nothing() {
    for pair in PAIRS.iter() {
        let mut later = pair.other.clone();
        for snapshot in &mut later.snapshots {
            snapshot.taken_at_ms += 7_200_000;
            for sa in snapshot.sas.iter_mut().flatten() {
                sa.current.add_time += 7_200;
            }
        }
        let of = |other| {
            let found = expected(pair, report(&pair.own.capture, other));
            found.into_iter().map(|i| (first(&i), i.ends)).collect::<Vec<_>>()
        };
        // Where no SA is common, nothing tells how far they are apart.
        let [one, two] = [of(&pair.other), of(&later)];
        let is_common = one.iter().flat_map(|(_, ends)| ends).any(|ends| ends.outward.sas > 0);
        assert!(!is_common || one == two, "{}: {one:?} and {two:?}", pair.own.name);
    }
}

/// As a NAT before this end leaves it: ESP in UDP on both sides, and the other end has the NAT's address for this one.
#[test]
fn behind_a_nat_the_spi_is_enough() {
    let healthy = PAIRS.iter().find(|pair| pair.own.name.starts_with("ok-")).unwrap();
    let (mut own, mut other) = (healthy.own.capture.clone(), healthy.other.clone());
    let in_udp = Encapsulation { encap_type: 2, source_port: 4500, destination_port: 4500 };
    let router: IpAddr = "192.0.2.1".parse().unwrap();
    let nat: IpAddr = "203.0.113.9".parse().unwrap();
    for snapshot in own.snapshots.iter_mut().chain(&mut other.snapshots) {
        snapshot.sas.iter_mut().flatten().for_each(|sa| sa.encapsulation = Some(in_udp));
    }
    for snapshot in &mut other.snapshots {
        let sas = snapshot.sas.iter_mut().flatten();
        let of_sas = sas.flat_map(|sa| [&mut sa.source, &mut sa.destination]);
        let policies = snapshot.policies.iter_mut().flatten();
        let templates = policies.flat_map(|policy| &mut policy.templates);
        let of_templates = templates.flat_map(|t| [&mut t.source, &mut t.destination]);
        let links = snapshot.links.iter_mut().flatten().filter_map(|link| match &mut link.kind {
            LinkKind::Vti(keys) => Some(&mut keys.remote),
            _ => None,
        });
        for address in of_sas.chain(of_templates).chain(links).filter(|a| **a == router) {
            *address = nat;
        }
    }
    let of = |own: &Capture, other: &Capture| {
        let ends = expected(healthy, report(own, other)).remove(0).ends.unwrap();
        (ends.outward.sas, ends.inward.sas, ends.inward.arrived)
    };
    assert_eq!(of(&own, &other), of(&healthy.own.capture, &healthy.other));
    assert_eq!(of(&own, &other).2, Some(1010));
}

/// Redacted beside each other, the two say the same; redacted alone, they do not know each other.
#[test]
fn what_was_redacted_beside_the_other_end_still_matches() {
    // The name of the interface is another one afterwards.
    let of = |own: &Capture, other: &Capture| {
        let found = report(own, other).interfaces;
        let both = found.into_iter().filter_map(|i| Some((first(&i), i.ends?)));
        both.map(|(first, ends)| (first, ends.outward, ends.inward)).collect::<Vec<_>>()
    };
    for pair in PAIRS.iter() {
        let (own, other) = (&pair.own.capture, &pair.other);
        let [a, b] = [(own, other), (other, own)]
            .map(|(one, two)| capture::redact_beside(one.clone(), two).unwrap());
        assert_eq!(of(&a, &b), of(own, other), "{}", pair.own.name);
        assert!(!of(&a, &b).is_empty(), "{}", pair.own.name);
        let text = capture::to_yaml(&a).unwrap();
        assert!(!text.contains("192.0.2.") && !text.contains("10.9."), "{}", pair.own.name);
        let alone = capture::redact(other.clone()).unwrap();
        let peers = |c: &Capture| c.snapshots[0].addresses.clone().unwrap();
        assert_ne!(peers(&alone), peers(&b), "{}", pair.own.name);
    }
}

/// What one end sends between the two looks is not lost, and clocks may differ by some seconds.
#[test]
fn what_is_on_the_way_between_the_looks_is_not_lost() {
    let healthy = PAIRS.iter().find(|pair| pair.own.name.starts_with("ok-")).unwrap();
    let of = |apart_ms: u64| {
        let (mut own, mut other) = (healthy.own.capture.clone(), healthy.other.clone());
        own.snapshots.remove(0);
        let [mine, theirs] = [&mut own, &mut other].map(|c| c.snapshots.last_mut().unwrap());
        for sa in mine.sas.as_mut().unwrap().iter_mut().filter(|sa| sa.spi.0 == 0x101) {
            sa.current.packets += 100_000;
            sa.replay.as_mut().unwrap().outbound += 100_000;
        }
        theirs.taken_at_ms = mine.taken_at_ms + apart_ms;
        let ends = expected(healthy, report(&own, &other)).remove(0).ends.unwrap();
        (ends.outward.lost, ends.outward.undetermined.is_some())
    };
    assert_eq!(of(0), (None, true));
    assert_eq!(of(2_900), (None, true));
    // So long after, they should have arrived.
    assert_eq!(of(3_000), (Some(100_000), false));
}

#[test]
fn the_capture_of_a_stranger_is_no_other_end() {
    let [first, ..] = PAIRS.as_slice() else { panic!("no pair") };
    let mut stranger = first.other.clone();
    for snapshot in &mut stranger.snapshots {
        snapshot.addresses.as_mut().unwrap().clear();
        snapshot.sas.as_mut().unwrap().clear();
    }
    for interface in expected(first, report(&first.own.capture, &stranger)) {
        assert_eq!(interface.ends, None);
        assert!(interface.findings.iter().all(|f| !(701..=705).contains(&f.code.number())));
    }
}

#[test]
fn what_an_operator_sees_of_both_ends() {
    for pair in PAIRS.iter() {
        let report = report(&pair.own.capture, &pair.other);
        let shown = text::report(&report, 80, text::Shown::Page);
        insta::assert_snapshot!(format!("{}.ends", pair.own.name), shown);
    }
}

#[test]
fn every_source_of_the_other_end_may_be_unread() {
    for pair in PAIRS.iter() {
        for (_, withhold) in sources() {
            // It says something, whatever is missing, and claims nothing more.
            let before = interfaces_of(pair);
            let after = without(pair, withhold, true);
            assert_eq!(before.len(), after.len(), "{}", pair.own.name);
        }
    }
}

fn interfaces_of(pair: &Pair) -> Vec<InterfaceReport> {
    expected(pair, report(&pair.own.capture, &pair.other))
}

/// A packet out of this end, into the other, and its answer: as far as each comes.
#[test]
fn a_packet_is_followed_to_the_other_end_and_back() {
    let mut shown = String::new();
    for pair in PAIRS.iter() {
        let [now, other] = [&pair.own.capture, &pair.other].map(|c| c.snapshots.last().unwrap());
        let is_router = pair.own.expected.contains_key("t0") && !pair.own.name.starts_with("705");
        let (from, to) =
            if is_router { ("10.9.1.1", "10.9.2.1") } else { ("10.9.2.1", "10.9.1.1") };
        let flow = Flow::probe(from.parse().unwrap(), to.parse().unwrap());
        let report = lookup_both_ends(now, other, "t0", &flow, None).unwrap();
        shown.push_str(&format!("{}\n\n{}\n", pair.own.name, text::lookup(&report, 80)));
    }
    insta::assert_snapshot!("a_packet_is_followed", shown);
}
