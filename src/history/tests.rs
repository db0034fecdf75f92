//! What is kept of a journal, and in which order.

use super::*;
use crate::snapshot::recorded::Remark;

const HOUR: u64 = 3_600_000;

fn ended(interface: &str, began_ms: u64, lost: u64) -> Record {
    Record::Episode(Episode {
        interface: interface.into(),
        began_ms,
        ended_ms: began_ms + 100,
        lost,
        causes: vec![
            Cause { code: 111, lost: 1, summary: "s".into(), gaps: 0, gap_ms: None },
            Cause { code: 998, lost: 1, summary: "t".into(), gaps: 2, gap_ms: Some(7) },
        ],
        ..Episode::default()
    })
}

fn remark(interface: Option<&str>, at_ms: u64) -> Record {
    let interface = interface.map(str::to_string);
    Record::Remark(Remark { at_ms, interface, what: format!("at {at_ms}") })
}

fn journal(running: bool) -> Contents {
    let losses = BTreeMap::from([("vti10".to_string(), 4)]);
    let records = vec![
        remark(None, HOUR),
        ended("vti10", 2 * HOUR, 20),
        ended("vti2", 3 * HOUR, 3),
        remark(Some("vti2"), 4 * HOUR),
        Record::Losses { at_ms: 5 * HOUR, of: losses, inbound: BTreeMap::new() },
    ];
    Contents { records, running, ..Contents::default() }
}

fn ask(running: bool, interface: Option<&str>, from_ms: Option<u64>) -> HistoryReport {
    report(&journal(running), &Question { interface, from_ms, now_ms: 9 * HOUR })
}

fn names_of(report: &HistoryReport) -> Vec<(&str, usize)> {
    report.interfaces.iter().map(|i| (i.name.as_str(), i.episodes.len())).collect()
}

#[test]
fn interfaces_are_in_the_order_of_their_numbers_with_what_they_lost() {
    let all = ask(true, None, None);
    assert_eq!(names_of(&all), [("vti2", 1), ("vti10", 2)]);
    assert_eq!(all.packets_lost, 27);
    assert_eq!((all.interfaces[0].remarks.len(), all.remarks.len()), (1, 1));
}

#[test]
fn one_interface_is_shown_with_what_concerns_all() {
    let one = ask(true, Some("vti2"), None);
    assert_eq!(names_of(&one), [("vti2", 1)]);
    assert_eq!((one.packets_lost, one.remarks.len()), (3, 1));
}

#[test]
fn what_was_over_before_is_left_out() {
    let late = ask(true, None, Some(3 * HOUR));
    assert_eq!(names_of(&late), [("vti2", 1), ("vti10", 1)]);
    assert!(late.remarks.is_empty());
}

#[test]
fn what_goes_on_was_not_over_before_anything() {
    assert_eq!(names_of(&ask(true, None, Some(8 * HOUR))), [("vti10", 1)]);
    assert!(ask(false, None, Some(8 * HOUR)).interfaces.is_empty());
}

#[test]
fn what_a_recorder_before_saw_without_an_end_does_not_go_on() {
    let ends = |contents: &Contents| -> Vec<End> {
        let question = Question { interface: Some("vti10"), from_ms: None, now_ms: 9 * HOUR };
        report(contents, &question).interfaces[0].episodes.iter().map(|e| e.end).collect()
    };
    assert_eq!(ends(&journal(true)), [End::Seen, End::Ongoing]);
    assert_eq!(ends(&journal(false)), [End::Seen, End::Unseen]);
    let mut again = journal(true);
    again.records.push(Record::Started {
        at_ms: 6 * HOUR,
        uptime_ms: 0,
        boot_id: String::new(),
        tool_version: String::new(),
        counters: BTreeMap::new(),
    });
    assert_eq!(ends(&again), [End::Seen, End::Unseen]);
}

#[test]
fn a_running_recorder_covers_the_time_until_now() {
    let until = |report: HistoryReport| (report.recorded_since, report.recorded_until);
    assert_eq!(until(ask(true, None, None)), (Some(Time(HOUR)), Some(Time(9 * HOUR))));
    assert_eq!(until(ask(false, None, None)), (Some(Time(HOUR)), Some(Time(5 * HOUR))));
    let nothing = report(
        &Contents::default(),
        &Question { interface: None, from_ms: None, now_ms: 9 * HOUR },
    );
    assert_eq!(until(nothing), (None, None));
}

#[test]
fn a_cause_has_the_name_of_its_finding_if_there_is_one() {
    let causes = &ask(true, Some("vti2"), None).interfaces[0].episodes[0].causes;
    let named: Vec<_> = causes.iter().map(|cause| (cause.code.as_str(), cause.name)).collect();
    assert_eq!(named, [("VTI-111", Some("no-security-association")), ("VTI-998", None)]);
}

#[test]
fn names_are_those_of_any_record() {
    let contents = journal(true);
    for (name, known) in [("vti10", true), ("vti2", true), ("vti1", false), ("", false)] {
        assert_eq!(names(&contents, name), known, "{name}");
    }
}
