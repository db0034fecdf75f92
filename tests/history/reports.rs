//! Journals made by hand: what a recorder would have written of a week, and what was lost in it.

use std::collections::BTreeMap;
use vti_diagnostics::journal::{Counted, Record};
use vti_diagnostics::snapshot::recorded::{Cause, Episode, Event, Loss, PathLoss, Remark, Rise};

/// 2026-11-16T00:00:00Z, a Monday.
pub const MONDAY: u64 = 1_794_787_200_000;
/// Milliseconds.
pub const SECOND: u64 = 1000;
/// Milliseconds.
pub const HOUR: u64 = 3600 * SECOND;
/// Milliseconds.
pub const DAY: u64 = 24 * HOUR;

/// A recorder began.
pub fn started(at_ms: u64, boot_id: &str, interfaces: &[&str]) -> Record {
    let counted = Counted { ifindex: 7, lost: 0, refused: None };
    let counters: BTreeMap<String, Counted> =
        interfaces.iter().map(|name| (name.to_string(), counted)).collect();
    Record::Started {
        at_ms,
        // The boot `a` was a day before.
        uptime_ms: if boot_id == "a" { DAY + at_ms.saturating_sub(MONDAY) } else { 60 * SECOND },
        boot_id: boot_id.to_string(),
        tool_version: "0.1.0".to_string(),
        counters,
    }
}

/// A remark.
pub fn remark(at_ms: u64, interface: Option<&str>, what: &str) -> Record {
    let interface = interface.map(str::to_string);
    Record::Remark(Remark { at_ms, interface, what: what.to_string() })
}

/// A reauthentication: policy and SAs were gone for a tenth of a second.
pub fn reauthentication(interface: &str, at_ms: u64, lost: u64) -> Episode {
    let event = |after_ms, what: &str| Event { at_ms: at_ms + after_ms, what: what.to_string() };
    Episode {
        interface: interface.to_string(),
        ifindex: 7,
        inbound: false,
        began_ms: at_ms,
        ended_ms: at_ms + 104,
        open: false,
        lost,
        sent: lost.saturating_mul(10),
        counters: Rise { tx_errors: lost, tx_carrier_errors: lost, ..Rise::default() },
        causes: vec![Cause {
            code: 911,
            lost,
            summary: "policy and SAs were removed and installed again".to_string(),
            gaps: 1,
            gap_ms: Some(104),
        }],
        events: vec![
            event(0, "policy out 0.0.0.0/0 -> 0.0.0.0/0 deleted"),
            event(1, "SA 0xc1000001 from 192.0.2.1 to 198.51.100.7 deleted"),
            event(102, "SA 0xc2000002 from 192.0.2.1 to 198.51.100.7 installed"),
            event(104, "policy out 0.0.0.0/0 -> 0.0.0.0/0 installed"),
        ],
        omitted: 0,
        course: vec![Loss { at_ms: at_ms + 104, lost }],
    }
}

/// Three reauthentications on Monday morning, and nothing since.
pub fn three_gaps() -> Vec<Record> {
    let at = |hour, lost| {
        Record::Episode(reauthentication("vti7", MONDAY + hour * HOUR + 765_000, lost))
    };
    vec![started(MONDAY, "a", &["vti7"]), at(3, 19), at(4, 21), at(8, 19)]
}

/// A bad day: losses of every size, one that goes on, pauses, and words about the recording.
pub fn bad_day() -> Vec<Record> {
    let at = |hour: u64| MONDAY + hour * HOUR;
    let mut route = reauthentication("vti7", at(9), 120_000);
    route.ended_ms = at(11);
    route.causes = vec![
        Cause {
            code: 916,
            lost: 119_000,
            summary: "there was no route to the peer".to_string(),
            gaps: 3,
            gap_ms: Some(6_000_000),
        },
        Cause {
            code: 121,
            lost: 1000,
            summary: "no route to 198.51.100.7 in table 254".to_string(),
            gaps: 0,
            gap_ms: None,
        },
    ];
    route.omitted = 17;
    let mut refused = reauthentication("vti7", at(10), 40);
    refused.inbound = true;
    refused.counters = Rise { rx_errors: 30, rx_dropped: 30, ..Rise::default() };
    refused.causes = vec![
        Cause {
            code: 402,
            lost: 30,
            summary: "30 packets on inbound SA 0xc3000001 failed their integrity check".to_string(),
            gaps: 0,
            gap_ms: None,
        },
        Cause { code: 401, lost: 10, ..refused.causes[0].clone() },
    ];
    route.course = (1..=20).map(|n| Loss { at_ms: at(9) + n * 360_000, lost: 6000 }).collect();
    let losses = |minute: u64, lost| Record::Losses {
        at_ms: at(16) + minute * 60_000,
        of: BTreeMap::from([("vti12".to_string(), lost)]),
        inbound: BTreeMap::new(),
    };
    vec![
        started(MONDAY, "a", &["vti7", "vti12"]),
        Record::Episode(reauthentication("vti7", at(3), 20)),
        remark(at(5), None, "the clock was set forward by 61 s"),
        Record::Episode(route),
        Record::Episode(refused),
        remark(at(9) + 5000, Some("vti7"), "FAULT, VTI-121: no route to 198.51.100.7"),
        Record::Stopped { at_ms: at(12) },
        started(at(12) + 180_000, "b", &["vti7", "vti12"]),
        remark(at(12) + 180_000, Some("vti12"), "4 packets were lost while no recorder ran"),
        remark(
            at(13),
            None,
            "messages of the kernel were lost (the kernel's queue was full): some changes before this are unknown; the state was read again 0.3 s later",
        ),
        losses(0, 4),
        losses(1, 9),
        losses(7, 2),
    ]
}

/// Losses on the way beside local ones: two episodes, less than 1 % around them, a recorder that was killed, and an SA without a window.
pub fn lossy_way() -> Vec<Record> {
    let minute = |minute: u64| MONDAY + minute * 60 * SECOND;
    let path = |at: u64, name: &str, counts: PathLoss| Record::PathLosses {
        at_ms: minute(at),
        of: BTreeMap::from([(name.to_string(), counts)]),
    };
    let span = |numbers, lost, in_episode| PathLoss {
        span_ms: 60_000,
        numbers,
        lost,
        in_episode,
        ..PathLoss::default()
    };
    let calm = |at| path(at, "vti7", span(30_000, 12, false));
    let lossy = |at, lost| path(at, "vti7", span(30_000, lost, true));
    let end = |at| path(at, "vti7", PathLoss::default());
    let mut records = vec![started(MONDAY, "a", &["vti7", "vti9"]), end(0)];
    records.extend((1..60).map(calm));
    records.extend((60..70).map(|at| lossy(at, 900)));
    records.extend([end(70), Record::Episode(reauthentication("vti7", minute(65), 40))]);
    records.extend((71..120).map(calm));
    records.push(path(118, "vti9", PathLoss { unmeasured: 4100, ..PathLoss::default() }));
    records.push(remark(minute(118), Some("vti9"), "packets lost on the way are unknown: the SA has no replay window, and without one the kernel keeps no highest number"));
    records.extend((120..124).map(|at| lossy(at, 15_000)));
    records.extend([started(minute(130), "a", &["vti7", "vti9"]), end(130)]);
    let unknown = PathLoss { unmeasured: 77, unknown_ms: 400, ..span(30_000, 0, false) };
    records.push(path(140, "vti7", unknown));
    records.push(remark(minute(140), Some("vti7"), "SA 0xc1000001 reached its hard limit: packets lost on the way are unknown for its last 0.4 s, in which 77 packets arrived"));
    records.push(path(141, "vti10", PathLoss { span_ms: 9, numbers: 5000, ..PathLoss::default() }));
    records
}

/// Names and sentences that would act on a terminal.
pub fn hostile() -> Vec<Record> {
    let evil = "\x1b[2J\u{202e}x\u{9b}\r\n";
    let mut episode = reauthentication(evil, MONDAY, 3);
    episode.causes.iter_mut().for_each(|cause| cause.summary = evil.to_string());
    episode.events.iter_mut().for_each(|event| event.what = evil.to_string());
    vec![
        started(MONDAY, "a", &[]),
        Record::Episode(episode),
        remark(MONDAY, Some(evil), evil),
        remark(MONDAY, None, evil),
    ]
}
