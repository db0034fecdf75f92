//! Runs of `drops` as the README and the man page show them: goldens, for the real ones need a kernel that drops packets.

use insta::assert_snapshot;
use jiff::tz::TimeZone;
use vti_diagnostics::code::Code;
use vti_diagnostics::render::clock::Clock;
use vti_diagnostics::render::drops::{end, line, stopped};
use vti_diagnostics::report::drops::*;
use vti_diagnostics::report::time::ExactTime;

/// So many seconds after 2026-11-23T03:12:40Z.
fn at(seconds: u64) -> ExactTime {
    ExactTime((1_795_403_560 + seconds) * 1_000_000_000)
}

fn cause(code: Code) -> Cause {
    Cause {
        interfaces: vec!["vti1".into()],
        codes: vec![code],
        names: vec![code.name()],
        site: None,
        why: None,
        rule: None,
    }
}

/// A run of vti1 with these flows: cause, the first packet, all of them, how many, the second of the first and of the last.
fn run(seconds: u64, flows: &[(Code, &str, &str, u64, u64, u64)], unrelated: u64) -> String {
    let clock = Clock::new(TimeZone::UTC);
    let start = Start { time: at(0), interfaces: vec!["vti1".into()], seconds };
    let drops = flows.iter().map(|(code, flow, _, _, first, _)| {
        What::Drop(Dropped {
            cause: cause(*code),
            time: at(*first),
            packet: None,
            flow: (*flow).into(),
        })
    });
    let lines = [What::Start(start)].into_iter().chain(drops);
    let lines: Vec<String> = lines.map(|what| line(&what.into(), &clock) + "\n").collect();
    let rows: Vec<Row> = flows
        .iter()
        .map(|(code, _, flow, packets, first, last)| Row {
            cause: cause(*code),
            flow: (*flow).into(),
            packets: *packets,
            first: at(*first),
            last: at(*last),
        })
        .collect();
    let seen = rows.iter().map(|row| row.packets).sum();
    let counter = Counter { interface: "vti1".into(), tx_errors: seen, drops: seen, agree: true };
    let summary = Summary {
        seconds,
        milliseconds: seconds * 1000,
        ended: Ended::Time,
        rate: None,
        seen,
        attributed: seen,
        not_attributed: 0,
        lost: Some(0),
        unrelated,
        other_interfaces: 0,
        not_listed: 0,
        malformed: 0,
        not_written: 0,
        counters: if seen == 0 { Vec::new() } else { vec![counter] },
    };
    lines.concat() + &end(&DropsReport { rows, summary }, &clock, 80)
}

#[test]
fn a_run_of_drops_at_80_columns() {
    let flows = [
        (
            Code::TrafficOutsideSelectors,
            "10.255.0.1 -> 10.21.4.9, udp 37195 -> 514",
            "10.255.0.1 -> 10.21.4.9, udp 514",
            20,
            0,
            20,
        ),
        (
            Code::Ipv6OutsideSelectors,
            "fe80::e71a:3996:7da3:621a -> ff02::2, icmpv6 type 133",
            "fe80::e71a:3996:7da3:621a -> ff02::2, icmpv6 type 133",
            2,
            2,
            10,
        ),
    ];
    assert_snapshot!(run(20, &flows, 104));
}

#[test]
fn a_run_without_drops_at_80_columns() {
    assert_snapshot!(run(10, &[], 2));
}

#[test]
fn a_monitor_that_was_left_on_at_80_columns() {
    let receivers = Ok(Receivers::default());
    assert_snapshot!(stopped(
        &Stopped { was_on: true, is_on: false, was_ours: true, receivers },
        80
    ));
}
