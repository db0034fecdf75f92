//! VTI-410 and VTI-411: captures of the laboratory, edited, diagnosed again.

use super::{RECORDED, diagnosed};
use vti_diagnostics::capture::Capture;
use vti_diagnostics::code::{Code, Severity};
use vti_diagnostics::report::inbound::Arrival;
use vti_diagnostics::report::{Confidence, Finding, InterfaceReport};
use vti_diagnostics::snapshot::{Sa, Snapshot};

fn capture(name: &str) -> Capture {
    RECORDED.iter().find(|recorded| recorded.name == name).unwrap().capture.clone()
}

fn interface(capture: &Capture, name: &str) -> InterfaceReport {
    let report = diagnosed(capture);
    report.interfaces.into_iter().find(|interface| interface.name == name).unwrap()
}

/// The laboratory's inbound SA.
fn inbound(snapshot: &mut Snapshot) -> &mut Sa {
    snapshot.sas.iter_mut().flatten().find(|sa| sa.spi.0 == 0x102).unwrap()
}

fn finding(interface: &InterfaceReport, code: Code) -> Option<&Finding> {
    interface.findings.iter().find(|finding| finding.code == code)
}

/// A capture after a change of the newest sample.
fn edited(name: &str, change: impl Fn(&mut Snapshot)) -> InterfaceReport {
    let mut capture = capture(name);
    change(capture.snapshots.last_mut().unwrap());
    interface(&capture, "t0")
}

const LOST: &str = "410-lost-on-the-way-xfrm";

#[test]
fn what_was_lost_is_told_with_its_number_and_never_proven() {
    let interface = edited(LOST, |_| {});
    let found = finding(&interface, Code::LostOnTheWay).unwrap();
    assert_eq!((found.severity, found.confidence), (Severity::Warning, Confidence::Consistent));
    assert!(found.summary.contains("did not receive 4 % of the packets"), "{}", found.summary);
    assert!(found.remedies.iter().all(|remedy| !remedy.changes));
    let [sa] = interface.inbound_sas.as_slice() else { panic!("{:?}", interface.inbound_sas) };
    let Arrival::Measured(arrived) = &sa.interval else { panic!("{sa:?}") };
    // The laboratory dropped 60: two of them are still in the window.
    assert_eq!((arrived.sequence_numbers, arrived.arrived), (1210, 1150));
    assert_eq!((arrived.lost, arrived.unsettled), (58, 2));
    let Arrival::Undetermined { undetermined } = &sa.over_life else { panic!("{sa:?}") };
    assert!(undetermined.contains("the first number of the peer is unknown"), "{undetermined}");
}

#[test]
fn one_in_a_hundred_is_no_finding() {
    // 12 of 1,210, and 13.
    for (lost, is_found) in [(12, false), (13, true)] {
        let interface = edited(LOST, |now| inbound(now).current.packets = 1210 - 2 - lost);
        assert_eq!(finding(&interface, Code::LostOnTheWay).is_some(), is_found, "{lost}");
        let out = interface.ruled_out.iter().any(|out| out.code == Code::LostOnTheWay);
        assert_eq!(out, !is_found);
    }
}

#[test]
fn packets_that_arrived_and_were_refused_uncounted_may_be_the_lost_ones() {
    let interface = edited(LOST, |now| {
        for counter in now.xfrm_statistics.iter_mut().flatten() {
            counter.value += if counter.name == "XfrmInStateMismatch" { 60 } else { 0 };
        }
    });
    let found = finding(&interface, Code::LostOnTheWay).unwrap();
    assert_eq!(found.confidence, Confidence::Possible);
    assert!(found.evidence.iter().any(|e| e.fact.contains("XfrmInStateMismatch +60")));
}

#[test]
fn late_packets_are_not_lost() {
    let interface = edited(LOST, |now| inbound(now).replay_window_drops += 58);
    assert!(finding(&interface, Code::LostOnTheWay).is_none());
    // They are dropped, though: VTI-403 says so, and the order is its cause.
    assert!(finding(&interface, Code::ReplayDrops).is_some());
    let masked = interface.masked.iter().find(|m| m.code == Code::ArrivesOutOfOrder).unwrap();
    assert_eq!(masked.masked_by, Code::ReplayDrops);
    // Both say how wide the window would have to be, as far as that is known.
    let needed = "a window of more than 32 packets is needed; no counter shows how many";
    assert!(masked.summary.ends_with(needed), "{}", masked.summary);
    let found = finding(&interface, Code::ReplayDrops).unwrap();
    assert!(found.evidence.iter().any(|e| e.fact == needed), "{:?}", found.evidence);
    // Packets that came twice need no other window.
    let twice = edited(LOST, |now| inbound(now).replay_drops += 58);
    let found = finding(&twice, Code::ReplayDrops).unwrap();
    assert!(found.evidence.iter().all(|e| e.fact != needed), "{:?}", found.evidence);
}

#[test]
fn where_packets_come_too_late_the_missing_ones_may_come_as_well() {
    let interface = edited(LOST, |now| inbound(now).replay_window_drops += 10);
    let found = finding(&interface, Code::LostOnTheWay).unwrap();
    assert!(found.summary.contains("48 packets"), "{}", found.summary);
    assert_eq!(found.confidence, Confidence::Possible);
    assert!(found.evidence.iter().any(|e| e.fact.contains("some of the missing may still come")));
}

#[test]
fn under_esn_what_fails_is_late_or_damaged_and_never_lost() {
    let interface = edited(LOST, |now| {
        let sa = inbound(now);
        sa.flags |= 128;
        sa.integrity_failures += 30;
    });
    let found = finding(&interface, Code::LostOnTheWay).unwrap();
    assert!(found.summary.contains("28 packets"), "{}", found.summary);
    assert_eq!(found.confidence, Confidence::Possible);
    let said = "with ESN, packets that arrive too late count as failed, not as late";
    assert!(found.evidence.iter().any(|e| e.fact.contains(said)), "{:?}", found.evidence);
}

#[test]
fn what_cannot_be_measured_is_said_with_its_reason_and_costs_no_verdict() {
    type Change = fn(&mut Sa);
    let cases: [(&str, Change); 5] = [
        ("read without its counters", |sa| {
            sa.uncounted = true;
            sa.current.packets = 0;
        }),
        ("no replay window", |sa| sa.replay = None),
        ("one CPU of several", |sa| sa.cpu = Some(1)),
        ("in the device", |sa| {
            sa.offload = Some(vti_diagnostics::snapshot::Offload { ifindex: 2, flags: 4 });
        }),
        ("nothing arrived", |sa| {
            let replay = sa.replay.unwrap_or_default();
            sa.replay = Some(vti_diagnostics::snapshot::ReplayState { inbound: 0, ..replay });
        }),
    ];
    for (reason, change) in cases {
        let interface = edited(LOST, |now| change(inbound(now)));
        assert!(finding(&interface, Code::LostOnTheWay).is_none(), "{reason}");
        let open = interface.undetermined.iter().find(|u| u.code == Code::LostOnTheWay).unwrap();
        assert!(open.missing.detail.contains(reason), "{}", open.missing.detail);
        assert_eq!(format!("{:?}", interface.verdict), "Ok", "{reason}");
    }
}

/// The site's SAs are of charon: each begins with number 1, and one sample shows its whole life.
#[test]
fn of_an_sa_that_charon_made_the_whole_life_is_known() {
    let mut capture = capture("ok-site");
    let now = capture.snapshots.last_mut().unwrap();
    let of_vti0 = |sa: &&mut Sa| sa.if_id.0 == 1 && sa.replay.is_some_and(|r| r.inbound > 0);
    let sa = now.sas.iter_mut().flatten().find(of_vti0).unwrap();
    let replay = sa.replay.unwrap();
    sa.replay = Some(vti_diagnostics::snapshot::ReplayState { inbound: 5000, ..replay });
    sa.current.packets = 4000;
    sa.current.add_time = now.taken_at_ms / 1000 - 600;
    let interface = interface(&capture, "vti0");
    let found = finding(&interface, Code::LostOnTheWay).unwrap();
    // It may be over: what happens now takes two samples.
    assert_eq!(found.severity, Severity::Notice);
    assert_eq!(found.title, "packets were lost on the way");
    assert!(found.summary.contains("since the SA was installed 10 min ago"), "{}", found.summary);
}

const OUT_OF_ORDER: &str = "411-arrives-out-of-order-xfrm";

#[test]
fn a_number_far_behind_is_late_only_where_none_was_lost() {
    let interface = edited(OUT_OF_ORDER, |_| {});
    let found = finding(&interface, Code::ArrivesOutOfOrder).unwrap();
    assert_eq!((found.severity, found.confidence), (Severity::Notice, Confidence::Consistent));
    let words = "up to 104 packets late; the replay window of 128 was enough so far";
    assert!(found.summary.contains(words), "{}", found.summary);
    let lossy = edited(OUT_OF_ORDER, |now| inbound(now).current.packets -= 5);
    assert!(finding(&lossy, Code::ArrivesOutOfOrder).is_none());
    let open = lossy.undetermined.iter().find(|u| u.code == Code::ArrivesOutOfOrder).unwrap();
    assert!(open.missing.detail.contains("may be lost, not late"), "{}", open.missing.detail);
}

#[test]
fn a_little_out_of_order_is_no_finding() {
    let interface = edited(OUT_OF_ORDER, |now| {
        let sa = inbound(now);
        let replay = sa.replay.unwrap();
        sa.replay =
            Some(vti_diagnostics::snapshot::ReplayState { oldest_unseen: Some(63), ..replay });
    });
    assert!(finding(&interface, Code::ArrivesOutOfOrder).is_none());
    assert!(interface.ruled_out.iter().any(|out| out.code == Code::ArrivesOutOfOrder));
}
