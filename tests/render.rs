//! What the renderers make of reports: golden texts, and properties that every text has. Golden texts hold no version and no time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "render/drops.rs"]
mod drops;
#[path = "render/reports.rs"]
mod reports;
#[path = "capture/strings.rs"]
mod strings;
#[path = "render/visible.rs"]
mod visible;

use insta::assert_snapshot;
use proptest::prelude::*;
use reports::*;
use vti_diagnostics::code::Code;
use vti_diagnostics::render::explain::{self, Entry};
use vti_diagnostics::render::{json, text, yaml};
use vti_diagnostics::report::*;
use vti_diagnostics::snapshot::Reason;

/// The three tunnels of the design's sketch.
fn sketch() -> Report {
    let mut notice = interface("vti0", "203.0.113.4", 1_820_000_000);
    notice.counters.since_boot = Some(counters(1_820_000_000, 59, None));
    let mut down = interface("vti7", "198.51.100.44", 0);
    down.admin_state = Some("down");
    down.oper_state = Some("down".to_string());
    report(vec![
        with_findings(notice, vec![past_errors()]),
        with_findings(broken("vti1"), vec![no_sa(), mtu(), past_errors()]),
        down,
    ])
}

fn assert_fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= width, "over {width}: {line:?}");
        assert_eq!(line.trim_end(), line, "blanks at the end: {line:?}");
    }
}

#[test]
fn three_tunnels_at_80_columns() {
    let shown = text::report(&sketch(), 80, text::Shown::Page);
    assert_fits(&shown, 80);
    assert_snapshot!(shown);
}

#[test]
fn a_cause_of_many_tunnels_is_shown_in_full_a_few_times() {
    let tunnels = |many: u8| {
        let found = |n| Finding { is_brief: n >= 3, ..no_sa() };
        let one = |n| with_findings(broken(&format!("vti{n}")), vec![found(n)]);
        report((0..many).map(one).collect())
    };
    let next = |text: &str| text.lines().filter(|line| line.starts_with("  Next")).count();
    let shown = text::report(&tunnels(9), 80, text::Shown::Page);
    assert_fits(&shown, 80);
    assert_eq!((shown.matches("FAULT: ").count(), next(&shown)), (9, 3), "{shown}");
    assert!(shown.contains("\n6 findings are shown without evidence"), "{shown}");
    assert!(!text::report(&tunnels(3), 80, text::Shown::Page).contains("without evidence"));
}

#[test]
fn three_tunnels_at_60_columns() {
    let shown = text::report(&sketch(), 60, text::Shown::Page);
    assert_fits(&shown, 60);
    assert_snapshot!(shown);
}

#[test]
fn three_tunnels_at_200_columns() {
    assert_snapshot!(text::report(&sketch(), 200, text::Shown::Page));
}

#[test]
fn everything_in_detail() {
    let mut report = report(vec![everything(), fallback()]);
    report.sources.push(source("neighbours", Status::Denied, "RTM_GETNEIGH: permission denied"));
    let shown = text::report(&report, 80, text::Shown::Detail);
    assert_fits(&shown, 80);
    assert_snapshot!(shown);
}

#[test]
fn of_many_tunnels_those_that_fail_are_listed() {
    let healthy = |n: u64| interface(&format!("vti{n}"), "198.51.100.7", 1000 * n);
    let mut all: Vec<InterfaceReport> = (0..200).map(healthy).collect();
    all[17] = broken("vti17");
    all[131] = broken("vti131");
    let report = report(all);
    let table = |shown: &str| shown.split("\n\n").next().unwrap().to_owned();
    let page = table(&text::report(&report, 80, text::Shown::Page));
    let rows: Vec<&str> = page.lines().skip(2).map(|row| row.split(' ').next().unwrap()).collect();
    assert_eq!(rows, ["vti17", "vti131", "198"], "{page}");
    assert!(
        page.ends_with(
            "\n198 VTIs are ok and not listed here (show them with --all, or in detail)."
        ),
        "{page}"
    );
    for shown in [text::Shown::All, text::Shown::Detail] {
        assert_eq!(table(&text::report(&report, 80, shown)).lines().count(), 2 + 200);
    }
}

#[test]
fn healthy_tunnels_take_one_line_each_and_one_for_all() {
    let many = (0..12).map(|n| interface(&format!("vti{n}"), "198.51.100.7", 1000 * n)).collect();
    let shown = text::report(&report(many), 80, text::Shown::Page);
    assert_eq!(shown.lines().count(), 2 + 12 + 3);
    assert!(
        shown.contains("\n\nNo fault found in 12 VTIs. Checked: interfaces. Not checked: "),
        "{shown}"
    );
}

#[test]
fn a_note_about_the_whole_report_stands_at_its_end() {
    let mut noted = report(vec![interface("vti0", "198.51.100.7", 42)]);
    let plain = text::report(&noted, 80, text::Shown::Page);
    noted.notes = vec!["Linux 5.4 is outside.".to_owned()];
    assert_eq!(
        text::report(&noted, 80, text::Shown::Page),
        format!("{plain}Linux 5.4 is outside.\n")
    );
    assert!(json::write(&noted).unwrap().contains("Linux 5.4 is outside."));
    assert!(yaml::write(&noted).unwrap().contains("Linux 5.4 is outside."));
}

#[test]
fn one_healthy_tunnel_is_named() {
    assert_snapshot!(text::report(
        &report(vec![interface("vti0", "2001:db8::7", 42)]),
        80,
        text::Shown::Page
    ));
}

#[test]
fn no_tunnel_is_said() {
    assert_eq!(
        text::report(&report(vec![]), 80, text::Shown::Page),
        "No VTI or xfrm interface exists on this system.\n"
    );
}

#[test]
fn interfaces_that_could_not_be_read_are_not_none() {
    let mut report = report(vec![]);
    report.verdict = Verdict::Unknown;
    report.sources = vec![source("links", Status::Failed, "no buffer space available")];
    assert_eq!(
        text::report(&report, 80, text::Shown::Page),
        "The interfaces could not be read (links: no buffer space available).\n"
    );
}

#[test]
fn a_fallback_device_is_listed_and_judged_by_nobody() {
    assert_snapshot!(text::report(
        &report(vec![fallback(), interface("vti0", "198.51.100.7", 1)]),
        80,
        text::Shown::Page
    ));
}

#[test]
fn what_only_root_may_read_is_said_once_for_all_tunnels() {
    let shown = text::report(&report(vec![hidden("vti0"), hidden("vti1")]), 80, text::Shown::Page);
    assert_fits(&shown, 80);
    assert_snapshot!(shown);
}

#[test]
fn root_is_not_asked_for_where_it_would_not_help() {
    let mut interface = hidden("vti0");
    for open in &mut interface.undetermined {
        open.missing.reason = Reason::TimedOut;
    }
    let shown = text::report(&report(vec![interface]), 80, text::Shown::Page);
    assert!(shown.contains("(no answer in time)"), "{shown}");
    assert!(!shown.contains("sudo"), "{shown}");
}

#[test]
fn a_finding_of_the_host_keeps_the_all_clear_back() {
    let mut report = report(vec![interface("vti0", "198.51.100.7", 1)]);
    report.findings = vec![Finding { title: "IKE daemon is not running", ..no_sa() }];
    let shown = text::report(&report, 80, text::Shown::Page);
    assert!(shown.contains("\nhost  FAULT: IKE daemon is not running "), "{shown}");
    assert!(!shown.contains("No fault found"), "{shown}");
}

#[test]
fn a_counter_that_is_not_exported_is_not_zero() {
    let mut old = interface("vti0", "198.51.100.7", 1);
    old.counters.since_boot = Some(Counters { tx_carrier_errors: None, ..counters(1, 0, None) });
    let unexported =
        Finding { code: Code::CountersNotExported, name: "counters-not-exported", ..past_errors() };
    let shown =
        text::report(&report(vec![with_findings(old, vec![unexported])]), 80, text::Shown::Page);
    assert!(shown.contains("  not exported  "), "{shown}");
}

#[test]
fn long_names_are_wrapped_within_their_cells() {
    let peer = "2001:db8:1111:2222:3333:4444:5555:6666";
    let mut long = everything();
    long.name = "fifteen-bytes-x".to_string();
    long.peers = vec![peer.to_string()];
    for width in [60, 80, 200] {
        let shown = text::report(&report(vec![long.clone()]), width, text::Shown::Detail);
        assert_fits(&shown, width);
        assert!(shown.contains("fifteen-bytes-x  FAULT: no SA"), "{shown}");
    }
    assert_snapshot!(text::report(
        &report(vec![interface("fifteen-bytes-x", peer, 1)]),
        60,
        text::Shown::Page
    ));
}

#[test]
fn a_lookup_shows_each_step_and_the_fate() {
    let shown = text::lookup(&lookup(lost_flow()), 80);
    assert_fits(&shown, 80);
    assert_snapshot!(shown);
}

#[test]
fn a_lookup_at_60_columns() {
    let shown = text::lookup(&lookup(lost_flow()), 60);
    assert_fits(&shown, 60);
    assert_snapshot!(shown);
}

#[test]
fn a_packet_that_is_sent_moves_no_counter() {
    assert_snapshot!(text::lookup(&lookup(sent_flow()), 80));
}

#[test]
fn an_explanation_keeps_its_commands() {
    let explain = "A policy requires an SA, but there is none; every packet is dropped until \
                   the negotiation is through.\n\nLook at the daemon first:\n\n    show vpn ike sa\n    show log vpn ipsec\n";
    let entry = Entry { code: Code::NoSecurityAssociation, explain };
    assert_snapshot!(explain::entry(&entry, 80));
    assert_snapshot!(explain::list([entry, entry].into_iter(), 80));
}

#[test]
fn control_characters_are_seen_in_text_and_exact_in_json() {
    let hostile = "\x1b[2J\u{202e}peer\r\nFAKE ok\u{9b}0m";
    let mut report = report(vec![everything()]);
    let interface = &mut report.interfaces[0];
    interface.peers = vec![hostile.to_string()];
    interface.findings[0].summary = hostile.to_string();
    interface.findings[0].evidence[0].see = hostile.to_string();
    interface.flows[0].trail[3].notes[0] = hostile.to_string();
    let shown = text::report(&report, 200, text::Shown::Detail);
    assert!(shown.contains("\\x1b[2J\\u{202e}peer\\r\\nFAKE ok\\u{9b}0m"), "{shown}");
    assert!(!shown.contains(['\x1b', '\r', '\u{9b}', '\u{202e}']), "{shown}");

    let json = json::write(&report).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["interfaces"][0]["peers"][0], hostile);
}

#[test]
fn json_has_the_keys_of_the_contract() {
    assert_snapshot!(json::write(&report(vec![broken("vti1")])).unwrap());
}

#[test]
fn yaml_says_the_same_as_json() {
    let report = report(vec![everything(), fallback()]);
    let json: serde_json::Value = serde_json::from_str(&json::write(&report).unwrap()).unwrap();
    let yaml: serde_json::Value = serde_yaml::from_str(&yaml::write(&report).unwrap()).unwrap();
    assert_eq!(json, yaml);
    let lookup = lookup(lost_flow());
    let json: serde_json::Value = serde_json::from_str(&json::write(&lookup).unwrap()).unwrap();
    let yaml: serde_json::Value = serde_yaml::from_str(&yaml::write(&lookup).unwrap()).unwrap();
    assert_eq!(json, yaml);
}

proptest! {
    #[test]
    fn no_text_breaks_the_page(hostile in any::<String>(), width in 0usize..250) {
        let mut report = report(vec![everything()]);
        report.interfaces[0].name = hostile.clone();
        report.interfaces[0].findings[0].summary = hostile.clone();
        report.interfaces[0].findings[0].evidence[0].fact = hostile.clone();
        report.interfaces[0].flows[0].trail[0].looked_at = hostile.clone();
        report.interfaces[0].flows[0].trail[0].result = hostile.clone();
        report.interfaces[0].peers = vec![hostile.clone()];
        let shown = text::report(&report, width, text::Shown::Detail);
        prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
        prop_assert!(text::lookup(&lookup(report.interfaces[0].flows[0].clone()), width).ends_with('\n'));
    }
}
