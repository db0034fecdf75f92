//! What the captures of both ends say of packets that no SA counted, where one sample of each end does not tell whether they are lost: the pairs
//! of the laboratory, edited, judged again.

use super::ends::{PAIRS, Pair, report};
use vti_diagnostics::capture::{self, Capture};
use vti_diagnostics::code::{Code, Severity};
use vti_diagnostics::diagnose::{Extent, Observation, lookup_both_ends, run_both_ends};
use vti_diagnostics::render::text;
use vti_diagnostics::report::ends::Passed;
use vti_diagnostics::report::{Confidence, InterfaceReport};
use vti_diagnostics::snapshot::{PolicyDirection, Sa, Snapshot};
use vti_diagnostics::way::Flow;

fn pair(beginning: &str) -> &'static Pair {
    PAIRS.iter().find(|pair| pair.own.name.starts_with(beginning)).unwrap()
}

/// This end's SA from the peer, and the peer's to this end, of one sample.
fn inward(snapshot: &mut Snapshot) -> &mut Sa {
    snapshot.sas.iter_mut().flatten().find(|sa| sa.spi.0 == 0x102).unwrap()
}

fn send(snapshot: &mut Snapshot, packets: u64) {
    let sa = inward(snapshot);
    sa.current.packets += packets;
    sa.replay.as_mut().unwrap().outbound += packets;
}

/// A pair after a change.
fn edited(name: &str, change: impl Fn(&mut Capture, &mut Capture)) -> InterfaceReport {
    let pair = pair(name);
    let (mut own, mut other) = (pair.own.capture.clone(), pair.other.clone());
    change(&mut own, &mut other);
    let mut report = report(&own, &other);
    report.interfaces.retain(|i| i.name == "t0");
    report.interfaces.remove(0)
}

fn lines(interface: &InterfaceReport) -> String {
    let pair = pair("ok-");
    let mut report = report(&pair.own.capture, &pair.other);
    report.interfaces = vec![interface.clone()];
    text::report(&report, 400, text::Shown::Page)
}

fn is_ruled_out(interface: &InterfaceReport, code: Code) -> bool {
    interface.ruled_out.iter().any(|out| out.code == code)
}

/// Why a cause is undetermined.
fn open(interface: &InterfaceReport, code: Code) -> Option<&str> {
    let open = interface.undetermined.iter().find(|open| open.code == code)?;
    Some(&open.missing.detail)
}

fn passed(interface: &InterfaceReport) -> &Passed {
    &interface.ends.as_ref().unwrap().inward
}

/// The receiver was captured, and then the sender, which had sent more: nothing says whether that arrived.
#[test]
fn an_outage_is_not_ruled_out_where_the_receiver_was_read_first() {
    let later = |own: &mut Capture, other: &mut Capture| {
        own.snapshots.remove(0);
        other.snapshots.remove(0);
        let now = other.snapshots.last_mut().unwrap();
        now.taken_at_ms += 60_000;
        now.uptime_ms = now.uptime_ms.clone().map(|ms| ms + 60_000);
        send(now, 5_000);
    };
    let interface = edited("ok-", later);
    assert!(!is_ruled_out(&interface, Code::LostBetweenTheEnds));
    let why = open(&interface, Code::LostBetweenTheEnds).unwrap();
    assert!(why.contains("5000 packets above the highest that arrived"), "{why}");
    assert_eq!((passed(&interface).lost, passed(&interface).unsettled), (Some(0), 5_000));
    let shown = lines(&interface);
    assert!(shown.contains("1010 decrypted; 5000 sent later, or lost"), "{shown}");
    assert!(shown.contains("Not checked: path MTU, loss between the ends."), "{shown}");
    // What is known to be lost is said all the same.
    let lossy = edited("704-", later);
    assert_eq!((passed(&lossy).lost, passed(&lossy).unsettled), (Some(58), 5_002));
    let shown = lines(&lossy);
    assert!(
        shown.contains("at least 58 lost on the way, 5002 more sent later, or lost"),
        "{shown}"
    );
}

/// A few packets that are on the way leave nothing open, and are said.
#[test]
fn a_few_packets_on_the_way_are_told_apart_from_lost_ones() {
    let interface = edited("ok-", |_, other| send(other.snapshots.last_mut().unwrap(), 10));
    assert!(is_ruled_out(&interface, Code::LostBetweenTheEnds));
    let shown = lines(&interface);
    assert!(shown.contains("1010 decrypted; 10 lost or not here yet"), "{shown}");
}

/// Each end has two samples, of the same ten seconds: the sender sent 2000 packets.
fn at_once(own: &mut Capture, other: &mut Capture, later_ms: u64) {
    for (capture, later_ms) in [(own, 0), (other, later_ms)] {
        let earlier = capture.snapshots.last().unwrap().clone();
        capture.snapshots[0] = earlier;
        let [before, now] = capture.snapshots.as_mut_slice() else { panic!("two samples") };
        before.taken_at_ms += later_ms;
        now.taken_at_ms += later_ms + 10_000;
        for (sample, more) in [(before, later_ms), (now, later_ms + 10_000)] {
            sample.uptime_ms = sample.uptime_ms.clone().map(|ms| ms + more);
        }
    }
}

#[test]
fn where_both_have_two_samples_their_rates_are_compared() {
    let sender_goes_on = |own: &mut Capture, other: &mut Capture, later_ms| {
        at_once(own, other, later_ms);
        // The newest of the receiver is before anything of the sender that could settle it.
        own.snapshots[0].taken_at_ms -= 8_000;
        own.snapshots[1].taken_at_ms -= 8_000;
        other.snapshots.iter_mut().for_each(|sample| sample.taken_at_ms -= 8_000);
        send(&mut other.snapshots[1], 2_000);
    };
    // Nothing arrives.
    let outage = edited("ok-", |own, other| sender_goes_on(own, other, 0));
    let found = outage.findings.iter().find(|f| f.code == Code::LostBetweenTheEnds).unwrap();
    assert_eq!((found.severity, found.confidence), (Severity::Warning, Confidence::Possible));
    let words = "sent 2000 packets in 10 s, and t0 counted 0 packets in 10 s at the same time";
    assert!(found.summary.contains(words), "{}", found.summary);
    // At another time that proves nothing.
    let other_time = edited("ok-", |own, other| sender_goes_on(own, other, 60_000));
    assert!(other_time.findings.is_empty(), "{:?}", other_time.findings);
    assert!(open(&other_time, Code::LostBetweenTheEnds).is_some());
    // As many arrive as are sent, and what is above the highest was sent in the time between.
    let healthy = edited("ok-", |own, other| {
        sender_goes_on(own, other, 10_000);
        send(&mut other.snapshots[0], 2_000);
        send(&mut other.snapshots[1], 2_000);
        let arrived = inward(&mut own.snapshots[1]);
        arrived.current.packets += 2_000;
        arrived.replay.as_mut().unwrap().inbound += 2_000;
    });
    assert_eq!(passed(&healthy).unsettled, 2_000);
    assert!(is_ruled_out(&healthy, Code::LostBetweenTheEnds), "{:?}", healthy.ends);
}

#[test]
fn sas_that_were_read_without_counters_lost_nothing() {
    for of_other in [false, true] {
        let interface = edited("ok-", |own, other| {
            let capture = if of_other { other } else { own };
            for sa in capture.snapshots.iter_mut().flat_map(|s| s.sas.iter_mut().flatten()) {
                sa.uncounted = true;
                sa.current = Default::default();
            }
        });
        assert!(interface.findings.is_empty(), "{:?}", interface.findings);
        let why = open(&interface, Code::LostBetweenTheEnds).unwrap();
        assert!(why.contains("were read without their counters"), "{why}");
        let shown = lines(&interface);
        let known = if of_other { "1010 arrived > 1010 decrypted" } else { "1010 packets sent" };
        assert!(shown.contains(known) && !shown.contains(" 0 "), "{shown}");
    }
}

/// The sender's clock was set two hours forward after the SA was installed: seen from there, the receiver was read two hours later.
#[test]
fn a_clock_that_was_set_makes_no_loss() {
    let set = |own: &mut Capture, other: &mut Capture, add_time: &dyn Fn(u64) -> u64| {
        own.snapshots.remove(0);
        other.snapshots.remove(0);
        send(other.snapshots.last_mut().unwrap(), 5_000);
        let now = own.snapshots.last_mut().unwrap();
        for sa in now.sas.iter_mut().flatten() {
            sa.current.add_time = add_time(sa.current.add_time);
            sa.replay = None;
        }
    };
    let ways: [&dyn Fn(u64) -> u64; 3] = [&|at| at - 7_200, &|_| 0, &|at| at + 7_200];
    for add_time in ways {
        let interface = edited("ok-", |own, other| set(own, other, add_time));
        assert!(interface.findings.is_empty(), "{:?}", interface.findings);
        let why = open(&interface, Code::LostBetweenTheEnds).unwrap();
        assert!(why.contains("how far the two clocks are apart"), "{why}");
    }
}

/// What one finding explains is not lost on the way.
#[test]
fn packets_that_are_refused_before_an_sa_counts_them_are_not_called_lost() {
    let interface = edited("703-", |own, _| {
        own.snapshots.last_mut().unwrap().taken_at_ms += 60_000;
        let now = own.snapshots.last_mut().unwrap();
        now.uptime_ms = now.uptime_ms.clone().map(|ms| ms + 60_000);
    });
    assert_eq!(passed(&interface).lost, Some(5));
    let shown = lines(&interface);
    assert!(shown.contains("0 decrypted; 5 not counted by an SA here"), "{shown}");
    assert!(!shown.contains("lost on the way"), "{shown}");
    // A cause behind the SA explains no packet that it did not count.
    let filtered = edited("705-filter", |_, _| ());
    assert_eq!(filtered.ends.unwrap().explained_by, None);
}

#[test]
fn two_captures_of_one_host_are_no_two_ends() {
    let refused = |own: &Capture, other: &Capture| {
        let of = |capture: &'_ Capture| capture.snapshots.last().unwrap().clone();
        let (now, there) = (of(own), of(other));
        let [own, other] = [&now, &there].map(|now| Observation { now, earlier: None });
        let flow = Flow::probe("10.9.1.1".parse().unwrap(), "10.9.2.1".parse().unwrap());
        let both = lookup_both_ends(&now, &there, "t0", &flow, None).err().map(|e| e.to_string());
        let report = run_both_ends(Extent::Findings, &own, &other, None).err();
        let report = report.map(|error| error.to_string());
        assert_eq!(report, both.filter(|_| report.is_some()));
        report
    };
    for pair in PAIRS.iter() {
        let (own, other) = (&pair.own.capture, &pair.other);
        assert_eq!(refused(own, other), None, "{}", pair.own.name);
        let same = refused(own, own).unwrap();
        assert!(same.contains("of one host, not of the two ends of a tunnel"), "{same}");
        let earlier = Capture { snapshots: vec![own.snapshots[0].clone()], ..own.clone() };
        let same = refused(own, &earlier).unwrap();
        assert!(same.contains(", an end of SA 0x0000010"), "{same}");
        assert!(!same.ends_with('.') && !same.contains('\n'), "{same}");
        // Both may have an address of the other one's in a network of their own.
        let mut overlapping = other.clone();
        for snapshot in &mut overlapping.snapshots {
            let addresses = snapshot.addresses.as_mut().unwrap();
            let mut again = addresses[0].clone();
            again.prefix = "192.0.2.1/24".parse().unwrap();
            addresses.push(again);
        }
        assert_eq!(refused(own, &overlapping), None, "{}", pair.own.name);
    }
}

#[test]
fn a_capture_that_belongs_to_no_tunnel_is_told_of() {
    let interface = edited("ok-", |_, other| {
        for snapshot in &mut other.snapshots {
            snapshot.addresses.as_mut().unwrap().clear();
            snapshot.sas.as_mut().unwrap().clear();
        }
    });
    let shown = lines(&interface);
    let said =
        "t0: the other end's capture has no tunnel to this host (redacted apart, or another host).";
    assert!(shown.contains(said), "{shown}");
    assert_eq!(shown.matches(said).count(), 1);
    // Without such a capture, nothing is said of it.
    let joined = edited("ok-", |_, _| ());
    assert_eq!(joined.no_other_end, None);
}

#[test]
fn a_redacted_capture_cannot_be_redacted_beside_another() {
    let pair = pair("ok-");
    let (own, other) = (&pair.own.capture, &pair.other);
    let redacted = capture::redact(other.clone()).unwrap();
    for (one, two, why) in [
        (own, own, "is the same one"),
        (own, &redacted, "the other end's capture is redacted already"),
        (&redacted, own, "this capture is redacted already"),
    ] {
        let said = capture::redact_beside(one.clone(), two).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
    }
}

/// What the peer lets in, in the way of 10.9.2.0/24, which is routed into the tunnel.
fn let_in(source: &str, destination: &str) -> InterfaceReport {
    edited("ok-", |_, other| {
        for snapshot in &mut other.snapshots {
            let policies = snapshot.policies.iter_mut().flatten();
            for policy in policies.filter(|policy| policy.direction == PolicyDirection::In) {
                policy.selector.source = source.parse().unwrap();
                policy.selector.destination = destination.parse().unwrap();
            }
        }
    })
}

#[test]
fn what_is_routed_into_the_tunnel_must_be_let_in_as_a_whole() {
    let found = |interface: &InterfaceReport| {
        let found = interface.findings.iter().find(|f| f.code == Code::EndsDisagreeOnSelectors)?;
        Some((found.severity, found.summary.clone()))
    };
    for whole in ["0.0.0.0/0", "10.9.0.0/16", "10.9.2.0/24"] {
        let interface = let_in("0.0.0.0/0", whole);
        assert!(is_ruled_out(&interface, Code::EndsDisagreeOnSelectors), "{whole}");
    }
    let (severity, summary) = found(&let_in("0.0.0.0/0", "10.9.2.0/25")).unwrap();
    assert_eq!(severity, Severity::Warning);
    let words = "10.9.2.0/24 is routed into the tunnel by t0, and of that t0 of the other end lets in 10.9.2.0/25 alone";
    assert!(summary.contains(words), "{summary}");
    let (severity, summary) = found(&let_in("0.0.0.0/0", "10.77.0.0/16")).unwrap();
    assert_eq!(severity, Severity::Fault);
    assert!(summary.contains("-> 10.9.2.0/24, and no inbound policy"), "{summary}");
    // Which sources send is known by what is routed back.
    let interface = let_in("10.9.1.0/24", "0.0.0.0/0");
    assert!(is_ruled_out(&interface, Code::EndsDisagreeOnSelectors));
    let interface = let_in("10.9.1.128/25", "0.0.0.0/0");
    assert_eq!(found(&interface), None);
    let why = open(&interface, Code::EndsDisagreeOnSelectors).unwrap();
    assert!(why.contains("which part is sent is unknown"), "{why}");
}
