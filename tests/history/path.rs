//! What `history` says of packets lost on the way: under the local losses, and never as their cause.

use super::reports::{DAY, HOUR, MONDAY, lossy_way, remark, started};
use super::{report, shown};
use insta::assert_snapshot;
use std::collections::BTreeMap;
use vti_diagnostics::history::{self, Question};
use vti_diagnostics::journal::{Contents, Record};
use vti_diagnostics::render::json;
use vti_diagnostics::report::history::{HistoryReport, PathHistory};
use vti_diagnostics::snapshot::recorded::PathLoss;

#[test]
fn losses_on_the_way_are_under_local_ones_at_80_columns() {
    assert_snapshot!(shown(&report(lossy_way(), 3 * HOUR), 80, false));
}

#[test]
fn losses_on_the_way_in_json() {
    let report = HistoryReport { tool_version: "0.0.0", ..report(lossy_way(), 3 * HOUR) };
    let mut report = HistoryReport { interfaces: report.interfaces.clone(), ..report };
    // The course is long.
    for path in report.interfaces.iter_mut().filter_map(|i| i.lost_on_the_way.as_mut()) {
        path.course.truncate(2);
    }
    assert_snapshot!(json::write(&report).unwrap());
}

/// A site of healthy tunnels.
fn healthy() -> Vec<Record> {
    let counts = PathLoss { span_ms: 300_000, numbers: 40_000, ..PathLoss::default() };
    let of: BTreeMap<_, _> = (0..50).map(|n| (format!("vti{n}"), counts)).collect();
    vec![started(MONDAY, "a", &["vti7"]), Record::PathLosses { at_ms: MONDAY + HOUR, of }]
}

#[test]
fn tunnels_that_lost_nothing_are_one_sentence() {
    let text = shown(&report(healthy(), 2 * HOUR), 80, false);
    assert!(text.ends_with(".\nNo packets were lost since 2026-11-16 00:00:00.\n"), "{text}");
}

#[test]
fn one_that_is_asked_for_says_how_many_packets_that_is_of() {
    let question = Question { interface: Some("vti7"), from_ms: None, now_ms: MONDAY + 2 * HOUR };
    let contents = Contents { records: healthy(), running: true, ..Contents::default() };
    let text = shown(&history::report(&contents, &question), 80, false);
    assert!(text.contains("Lost on the way from the peer: none of 40000 packets.\n"), "{text}");
    assert!(!text.contains("When"), "{text}");
}

#[test]
fn what_was_before_the_time_that_is_asked_for_is_left_out() {
    let from_ms = Some(MONDAY + 125 * 60_000);
    let question = Question { interface: Some("vti7"), from_ms, now_ms: MONDAY + 3 * HOUR };
    let contents = Contents { records: lossy_way(), running: true, ..Contents::default() };
    let report = history::report(&contents, &question);
    let path = report.interfaces[0].lost_on_the_way.clone().unwrap();
    assert_eq!(
        (path.packets_lost, path.sequence_numbers, path.packets_unmeasured),
        (0, 30_000, 77)
    );
    assert!(path.episodes.is_empty() && path.unknown_milliseconds > 400, "{path:?}");
}

/// What was lost on the way to an interface, of these records.
fn of(records: Vec<Record>, name: &str) -> PathHistory {
    let report = report(records, DAY);
    let interface = report.interfaces.iter().find(|interface| interface.name == name).unwrap();
    interface.lost_on_the_way.clone().unwrap()
}

fn span(at_ms: u64, name: &str, counts: PathLoss) -> Record {
    Record::PathLosses { at_ms, of: BTreeMap::from([(name.to_owned(), counts)]) }
}

const COUNTED: PathLoss = PathLoss {
    span_ms: 60_000,
    numbers: 5_000,
    lost: 0,
    unmeasured: 0,
    unknown_ms: 0,
    in_episode: false,
};

/// A recorder that is killed leaves what it had counted of each interface since that one's own last span.
#[test]
fn what_is_unknown_of_an_interface_begins_with_its_own_last_span() {
    let minute = |minute: u64| MONDAY + minute * 60_000;
    let before = |end: Vec<Record>| {
        let mut records = vec![
            started(MONDAY, "a", &["vti7", "vti8"]),
            span(minute(1), "vti7", COUNTED),
            span(minute(4), "vti8", COUNTED),
            remark(minute(5), None, "charon was restarted"),
        ];
        records.extend(end);
        records.push(started(minute(6), "a", &["vti7", "vti8"]));
        records
    };
    let unknown = |records: &[Record], name| of(records.to_vec(), name).unknown_milliseconds;
    let killed = before(Vec::new());
    assert_eq!((unknown(&killed, "vti7"), unknown(&killed, "vti8")), (300_000, 120_000));
    // One that ends writes what it has.
    let stopped = before(vec![Record::Stopped { at_ms: minute(5) }]);
    assert_eq!((unknown(&stopped, "vti7"), unknown(&stopped, "vti8")), (60_000, 60_000));
    // Where nothing is counted, nothing is written: what waits is never older than five minutes.
    let idle = vec![
        started(MONDAY, "a", &["vti7"]),
        span(minute(1), "vti7", COUNTED),
        remark(minute(1_000), None, "charon was restarted"),
        started(minute(1_001), "a", &["vti7"]),
    ];
    assert_eq!(unknown(&idle, "vti7"), 360_000);
}

#[test]
fn a_clock_that_is_set_back_hides_no_unknown_time() {
    let restarted = Record::Started {
        at_ms: MONDAY - HOUR,
        uptime_ms: DAY + 180_000,
        boot_id: "a".to_owned(),
        tool_version: String::new(),
        counters: match started(MONDAY, "a", &["vti7"]) {
            Record::Started { counters, .. } => counters,
            _ => BTreeMap::new(),
        },
    };
    let records =
        vec![started(MONDAY, "a", &["vti7"]), span(MONDAY + 60_000, "vti7", COUNTED), restarted];
    assert_eq!(of(records.clone(), "vti7").unknown_milliseconds, 120_000);
    let said: Vec<String> = report(records, DAY).remarks.into_iter().map(|r| r.what).collect();
    let words = "no recorder ran for at most 2 min before this: the recorder was killed";
    assert!(said.iter().any(|what| what == words), "{said:?}");
}

#[test]
fn an_episode_in_which_the_clock_was_set_back_has_its_length() {
    let lossy = PathLoss { lost: 500, in_episode: true, ..COUNTED };
    let records = vec![
        started(MONDAY, "a", &["vti7"]),
        span(MONDAY + 2 * HOUR, "vti7", lossy),
        span(MONDAY + HOUR, "vti7", lossy),
        span(MONDAY + HOUR + 60_000, "vti7", PathLoss::default()),
    ];
    let [episode] = of(records, "vti7").episodes.try_into().unwrap();
    assert_eq!((episode.began.0, episode.ended.0), (MONDAY + HOUR - 120_000, MONDAY + HOUR));
    assert_eq!(episode.milliseconds, 120_000);
}
