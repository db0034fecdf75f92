//! `history`: what it says of journals made by hand, as goldens, and what the real binary says of journals that are no more.
//! Nothing here depends on what the host has recorded.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "history/bounds.rs"]
mod bounds;
#[path = "history/command.rs"]
mod command;
#[path = "history/path.rs"]
mod path;
#[path = "history/reports.rs"]
mod reports;

use insta::assert_snapshot;
use jiff::tz::TimeZone;
use reports::{DAY, HOUR, MONDAY, SECOND, bad_day, hostile, reauthentication, started, three_gaps};
use vti_diagnostics::history::{self, Question};
use vti_diagnostics::journal::{Contents, Record};
use vti_diagnostics::render::clock::Clock;
use vti_diagnostics::render::escape::is_active;
use vti_diagnostics::render::history::history as text;
use vti_diagnostics::render::{json, yaml};
use vti_diagnostics::report::history::HistoryReport;

/// The report of a recorder that runs, so long after Monday began.
fn report(records: Vec<Record>, now_ms: u64) -> HistoryReport {
    let question = Question { interface: None, from_ms: None, now_ms: MONDAY + now_ms };
    history::report(&Contents { records, running: true, ..Contents::default() }, &question)
}

fn shown(report: &HistoryReport, width: usize, detail: bool) -> String {
    let text = text(report, &Clock::new(TimeZone::UTC), width, detail);
    for line in text.lines() {
        assert!(line.chars().count() <= width, "{line:?} is wider than {width}");
        assert!(!line.ends_with(' '), "{line:?}");
    }
    text
}

#[test]
fn three_gaps_of_a_week_ago_at_80_columns() {
    assert_snapshot!(shown(&report(three_gaps(), 7 * DAY), 80, false));
}

#[test]
fn three_gaps_of_a_week_ago_at_200_columns() {
    assert_snapshot!(shown(&report(three_gaps(), 7 * DAY), 200, false));
}

/// As the man page of the recorder shows it.
#[test]
fn three_gaps_of_a_night_at_80_columns() {
    let from = MONDAY + 6 * DAY + 20 * HOUR;
    let at =
        |hour, lost| Record::Episode(reauthentication("vti7", from + hour * HOUR + 765_000, lost));
    let records = vec![started(MONDAY + DAY, "a", &["vti7"]), at(5, 19), at(6, 21), at(7, 19)];
    let contents = Contents { records, running: true, ..Contents::default() };
    let question = Question { interface: None, from_ms: Some(from), now_ms: from + 11 * HOUR };
    assert_snapshot!(shown(&history::report(&contents, &question), 80, false));
}

#[test]
fn a_bad_day_at_80_columns() {
    assert_snapshot!(shown(&report(bad_day(), 17 * HOUR), 80, false));
}

#[test]
fn a_bad_day_in_detail_at_60_columns() {
    assert_snapshot!(shown(&report(bad_day(), 17 * HOUR), 60, true));
}

#[test]
fn the_zone_moves_all_times_and_is_said_once() {
    let zone = Clock::new(TimeZone::fixed(jiff::tz::offset(1)));
    let text = text(&report(three_gaps(), 7 * DAY), &zone, 80, false);
    assert!(
        text.starts_with("Recorded since 2026-11-16 01:00:00; the recorder is running."),
        "{text}"
    );
    assert_eq!(text.matches("UTC").count(), 1, "{text}");
    assert!(text.contains("a  2026-11-16 04:12:45  19"), "{text}");
    assert!(text.contains("a  04:12:45.000  policy out"), "{text}");
}

#[test]
fn json_has_the_keys_of_the_contract() {
    let report = HistoryReport { tool_version: "0.0.0", ..report(bad_day(), 17 * HOUR) };
    assert_snapshot!(json::write(&report).unwrap());
}

#[test]
fn yaml_says_the_same_as_json() {
    let report = report(bad_day(), 17 * HOUR);
    let yaml: serde_json::Value = serde_yaml::from_str(&yaml::write(&report).unwrap()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json::write(&report).unwrap()).unwrap();
    assert_eq!(yaml, json);
}

#[test]
fn nothing_that_a_terminal_acts_on_is_shown() {
    let report = report(hostile(), DAY);
    for width in [40, 80, 200] {
        let text = text(&report, &Clock::new(TimeZone::UTC), width, true);
        assert!(text.chars().all(|c| c == '\n' || !is_active(c)), "{text:?}");
        assert!(text.contains("\\x1b[2J\\u{202e}x"), "{text}");
    }
    let json = json::write(&report).unwrap();
    assert!(json.chars().all(|c| c == '\n' || !is_active(c)), "{json:?}");
}

#[test]
fn a_journal_without_losses_says_so_with_what_was_noted() {
    let records = vec![
        started(MONDAY, "a", &["vti7"]),
        reports::remark(MONDAY + HOUR, None, "the clock was set back by 2 s"),
    ];
    assert_snapshot!(shown(&report(records, DAY), 80, false));
}

#[test]
fn a_journal_without_losses_and_remarks_says_it_in_one_sentence() {
    let text = shown(&report(vec![started(MONDAY, "a", &["vti7"])], DAY), 80, false);
    assert!(text.ends_with(".\nNo packets were lost since 2026-11-16 00:00:00.\n"), "{text}");
}

#[test]
fn losses_before_and_after_a_clock_that_was_set_back_are_all_in_the_plot() {
    let records = vec![
        started(MONDAY + 10 * HOUR, "a", &["vti7"]),
        Record::Episode(reauthentication("vti7", MONDAY + 11 * HOUR, 7)),
        reports::remark(MONDAY + 8 * HOUR, None, "the clock was set back by 10800 s"),
        Record::Episode(reauthentication("vti7", MONDAY + 9 * HOUR, 7)),
    ];
    let text = shown(&report(records, 9 * HOUR + SECOND), 80, false);
    let top = text.lines().find(|line| line.starts_with("      7 |")).unwrap();
    assert_eq!(top.matches('#').count(), 2, "{text}");
}

#[test]
fn an_empty_journal_has_nothing_to_tell() {
    assert_eq!(
        shown(&report(Vec::new(), DAY), 80, false),
        "The recorder is running, but nothing is recorded yet.\n"
    );
}

#[test]
fn a_journal_of_a_recorder_that_ended_says_until_when() {
    let mut records = three_gaps();
    records.push(Record::Stopped { at_ms: MONDAY + 2 * DAY });
    let question =
        Question { interface: Some("vti7"), from_ms: Some(MONDAY + DAY), now_ms: MONDAY + 7 * DAY };
    let contents = Contents { records, damaged: 2, ..Contents::default() };
    assert_snapshot!(shown(&history::report(&contents, &question), 80, false));
}

#[test]
fn of_many_episodes_the_last_are_shown_and_all_in_detail() {
    let episode = |n| Record::Episode(reauthentication("vti7", MONDAY + n * HOUR, 10 + n));
    let records = [started(MONDAY, "a", &["vti7"])].into_iter().chain((0..100).map(episode));
    let report = report(records.collect(), 5 * DAY);
    let (short, detail) = (shown(&report, 80, false), shown(&report, 80, true));
    assert!(short.contains("\nThe last 20 of 100:\n"), "{short}");
    assert_eq!(short.matches("  VTI-911 ").count(), 20, "{short}");
    assert!(short.contains("\nt  2026-11-20 03:00:00  109 "), "{short}");
    assert!(detail.contains("\nZ  2026-11-20 03:00:00  109 "), "{detail}");
    assert_eq!(detail.matches("  VTI-911 ").count(), 100, "{detail}");
    assert_eq!(detail.matches("0xc1000001").count(), 100, "{detail}");
}

#[test]
fn any_journal_is_shown() {
    let mut records = bad_day();
    records.extend(hostile());
    for at in [0, u64::MAX, MONDAY - DAY] {
        let mut episode = reauthentication("vti7", MONDAY, u64::MAX);
        (episode.began_ms, episode.ended_ms) = (at, MONDAY);
        records.push(Record::Episode(episode.clone()));
        (episode.began_ms, episode.ended_ms) = (MONDAY, at);
        records.push(Record::Episode(episode));
    }
    for now_ms in [0, HOUR, 1000 * DAY] {
        for width in [0, 40, 200] {
            let report = report(records.clone(), now_ms);
            let text = text(&report, &Clock::new(TimeZone::UTC), width, true);
            assert!(text.contains("vti12  15 packets lost in 1 "), "{text}");
        }
    }
}
