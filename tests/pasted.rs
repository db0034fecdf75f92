//! What people paste of `/proc/net/dev` and `/proc/net/xfrm_stat`, and what is concluded from it. Golden texts hold no version and no
//! time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use insta::assert_snapshot;
use proptest::prelude::*;
use std::path::Path;
use vti_diagnostics::capture::pasted::{load_text, net_dev, xfrm_stat};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::render::text;
use vti_diagnostics::report::{Confidence, InterfaceReport, Report, Verdict};
use vti_diagnostics::snapshot::{DeviceColumns, Driver, Reason, Snapshot};

const SEED: &str = include_str!("pasted/seed.txt");
const ROW: &str = "  vti1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";

/// What [`ROW`] says.
fn row() -> DeviceColumns {
    DeviceColumns {
        name: "vti1".to_owned(),
        rx_bytes: 1,
        rx_packets: 2,
        rx_errs: 3,
        rx_drop: 4,
        rx_fifo: 5,
        rx_frame: 6,
        tx_bytes: 9,
        tx_packets: 10,
        tx_errs: 11,
        tx_drop: 12,
        tx_fifo: 13,
        tx_colls: 14,
        tx_carrier: 15,
    }
}

fn refused(text: &str) -> String {
    net_dev(text).unwrap_err().to_string()
}

fn names(rows: &[DeviceColumns]) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pasted").join(name)
}

/// The report on rows below a header, of a whole table: with lo.
fn report_of(rows: &str, xfrm: Option<&str>, interface: Option<&str>) -> Report {
    let mut snapshot = load_text(&file("seed.txt"), None).unwrap();
    let lo = "lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0";
    snapshot.proc_net_dev = Ok(net_dev(&format!("{lo}\n{rows}")).unwrap());
    if let Some(text) = xfrm {
        snapshot.xfrm_statistics = Ok(xfrm_stat(text).unwrap());
    }
    diagnosed(&snapshot, interface)
}

fn diagnosed(snapshot: &Snapshot, interface: Option<&str>) -> Report {
    diagnose::run(&Observation { now: snapshot, earlier: None }, interface).unwrap()
}

fn seed() -> Report {
    diagnosed(&load_text(&file("seed.txt"), None).unwrap(), None)
}

/// A row with these transmit columns; receive is 0.
fn transmit(name: &str, packets: u64, errs: u64, drop: u64, colls: u64, carrier: u64) -> String {
    format!("{name}: 0 0 0 0 0 0 0 0 1000 {packets} {errs} {drop} 0 {colls} {carrier} 0\n")
}

fn facts(interface: &InterfaceReport) -> String {
    let evidence = interface.findings.iter().flat_map(|finding| &finding.evidence);
    evidence.map(|e| e.fact.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_whole_file_keeps_its_order() {
    let rows = net_dev(SEED).unwrap();
    assert_eq!(names(&rows), ["vti0", "vti1", "eth0", "eth1", "lo", "ip_vti0"]);
    assert_eq!(rows[1].rx_bytes, 20_343_428_031_771);
    assert_eq!((rows[1].tx_packets, rows[1].tx_errs), (15_293_395_309, 280));
    assert_eq!((rows[1].tx_drop, rows[1].tx_carrier), (0, 280));
}

#[test]
fn what_surrounds_the_rows_does_not_matter() {
    let header = SEED.lines().take(2).collect::<Vec<_>>().join("\n");
    let second = SEED.lines().nth(1).unwrap();
    for text in [
        ROW.to_owned(),
        format!("{header}\n{ROW}\n"),
        format!("{second}\n{ROW}\n"),
        format!("vyos@gw1:~$ cat /proc/net/dev\n{header}\n{ROW}\nvyos@gw1:~$ \n"),
        format!("$ cat /proc/net/dev\n{header}\n{ROW}\n$"),
        format!("root@gw1:/home/vyos# cat /proc/net/dev | grep vti\n{ROW}\n"),
        format!("[12:34:56] admin@gw1 > show\n{ROW}\n"),
        format!("\u{feff}\n\n{header}\n\n{ROW}\n\n\n"),
        format!("{header}\n{ROW}\n").replace('\n', "\r\n"),
        format!("> {header}\n> {ROW}\n"),
        format!(">> > {ROW}\n> On Monday somebody wrote: it is broken\n"),
        format!("\t    {ROW}   \t\n"),
        format!("```\n{ROW}\n```\n"),
    ] {
        assert_eq!(net_dev(&text).unwrap(), [row()], "{text:?}");
    }
}

#[test]
fn what_separates_the_columns_does_not_matter() {
    for text in [
        ROW.replace(": ", ":"),
        ROW.replace(' ', "\t"),
        ROW.replace(' ', "\u{a0}"),
        format!("{ROW} 17 18"),
        format!("{ROW} <- this one"),
        ROW.replace(": ", ":                     "),
    ] {
        assert_eq!(net_dev(&text).unwrap(), [row()], "{text:?}");
    }
    let glued = net_dev("vti1:123456 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16").unwrap();
    assert_eq!(glued[0].rx_bytes, 123_456);
}

#[test]
fn the_greatest_values_are_kept() {
    let most = u64::MAX;
    let rows = net_dev(&ROW.replace("15", &most.to_string())).unwrap();
    assert_eq!(rows[0].tx_carrier, most);
}

#[test]
fn a_row_that_is_not_whole_is_an_error_that_names_its_line() {
    assert_eq!(
        refused(&format!("$ cat\n{ROW}\n vti2: 1 2 3\n")),
        "line 3: vti2 has 3 of 16 numbers: is the line cut or wrapped?"
    );
    assert_eq!(refused(&ROW.replace("10", "1o")), "line 1: vti1: 1o is not a number of 64 bits");
    assert_eq!(
        refused(&ROW.replace(" 1 2", " x1 2")),
        "line 1: vti1: x1 is not a number of 64 bits"
    );
    assert_eq!(refused(&ROW.replace("15", "-1")), "line 1: vti1: -1 is not a number of 64 bits");
    assert_eq!(refused(&ROW.replace("15", "+1")), "line 1: vti1: +1 is not a number of 64 bits");
    assert_eq!(
        refused(&ROW.replace("15", "18446744073709551616")),
        "line 1: vti1: 18446744073709551616 is not a number of 64 bits"
    );
    assert_eq!(
        refused("1 2 3 4 5 6 7 8 9"),
        "line 1: 9 numbers without the name of an interface: is the line above wrapped?"
    );
    assert_eq!(
        refused(&format!("{ROW} {ROW}")),
        "line 1: vti1 is followed by vti1:: give each row its own line"
    );
}

#[test]
fn an_error_stays_one_line_of_bounded_length() {
    let sentence = refused(&ROW.replace("15", &"9".repeat(100_000)));
    assert!(sentence.len() < 100, "{sentence}");
}

#[test]
fn a_text_without_rows_is_an_error() {
    for text in ["", "\n\n", "vyos@gw1:~$ cat /proc/net/dev\n", "Inter-| Receive\n face |bytes\n"] {
        assert_eq!(refused(text), "it has no row of /proc/net/dev");
    }
}

#[test]
fn two_tables_in_one_text_are_an_error() {
    let sentence = refused(&format!("{SEED}\n{SEED}"));
    assert_eq!(sentence, "line 12: vti0 comes twice: give the table of one moment only");
}

#[test]
fn the_counters_of_xfrm_stat_are_read_as_leniently() {
    let text = "> $ cat /proc/net/xfrm_stat\r\n> XfrmInError             \t0\r\n\r\nXfrmOutNoStates 42 0.0\n$";
    let counters: Vec<_> =
        xfrm_stat(text).unwrap().into_iter().map(|c| (c.name, c.value)).collect();
    assert_eq!(counters, [("XfrmInError".to_owned(), 0), ("XfrmOutNoStates".to_owned(), 42)]);
    let refused = |text| xfrm_stat(text).unwrap_err().to_string();
    assert_eq!(
        refused("\nXfrmInError\n"),
        "line 2: XfrmInError is not followed by a number of 64 bits"
    );
    assert_eq!(
        refused("XfrmInError x"),
        "line 1: XfrmInError is not followed by a number of 64 bits"
    );
    assert_eq!(refused(SEED), "it has no counter of /proc/net/xfrm_stat");
    assert_eq!(
        refused("XfrmInError 1\nXfrmInError 1"),
        "line 2: XfrmInError comes twice: give the table of one moment only"
    );
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let refused = |path: &Path| load_text(path, None).unwrap_err().to_string();
    assert_eq!(refused(Path::new("/no/such/file")), "cannot read /no/such/file: no such file");
    let directory = file("");
    assert_eq!(refused(&directory), format!("cannot read {}: is a directory", directory.display()));
    assert_eq!(refused(Path::new("/dev/zero")), "cannot read /dev/zero: it is larger than 1 MiB");
    let binary = file("not-utf-8.bin");
    assert_eq!(refused(&binary), format!("cannot read {}: it is not UTF-8 text", binary.display()));
    let seed = file("seed.txt");
    let wrong = load_text(&seed, Some(&seed)).unwrap_err().to_string();
    assert!(wrong.ends_with("seed.txt: it has no counter of /proc/net/xfrm_stat"), "{wrong}");
    let both = load_text(Path::new("-"), Some(Path::new("-"))).unwrap_err().to_string();
    assert!(both.contains("both"), "{both}");
}

#[test]
fn what_the_text_does_not_hold_is_missing() {
    let snapshot = load_text(&file("seed.txt"), None).unwrap();
    assert_eq!(snapshot.proc_net_dev.as_ref().unwrap().len(), 6);
    let missing = snapshot.links.unwrap_err();
    assert_eq!(missing.reason, Reason::Skipped);
    assert_eq!(missing.detail, "only the text of /proc/net/dev was given");
    assert!(snapshot.xfrm_statistics.is_err());
}

#[test]
fn the_seed_text_in_short() {
    let shown = text::report(&seed(), 80, text::Shown::Page);
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert_snapshot!(shown);
}

#[test]
fn the_seed_text_in_detail() {
    assert_snapshot!(text::report(&seed(), 80, text::Shown::Detail));
}

#[test]
fn the_program_says_the_same_of_the_file_and_of_standard_input() {
    let program = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("vti-diagnostics").unwrap();
        let done = command.args(["show", "--proc-net-dev"]).args(arguments).write_stdin(SEED);
        String::from_utf8(done.assert().success().get_output().stdout.clone()).unwrap()
    };
    let from_file = program(&[file("seed.txt").to_str().unwrap()]);
    assert_eq!(from_file, program(&["-"]));
    assert_eq!(from_file, text::report(&seed(), 80, text::Shown::Page));
    let json = program(&["-", "--format", "json"]);
    assert!(json.contains("\"driver\": \"vti\""), "{json}");
    assert!(json.contains("\"tx_carrier_errors\": null"), "{json}");
    assert!(json.contains("\"tx_carrier_column\": 280"), "{json}");
}

#[test]
fn few_errors_of_ip_vti_are_a_notice_that_claims_no_cause() {
    let report = seed();
    assert_eq!(report.verdict, Verdict::Notice);
    let names: Vec<&str> = report.interfaces.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["ip_vti0", "vti0", "vti1"]);
    for (interface, errors, share) in [
        (&report.interfaces[1], 59, " 59 of 1.8e9 "),
        (&report.interfaces[2], 280, " 280 of 1.5e10 "),
    ] {
        assert_eq!(interface.driver, Some(Driver::Vti));
        let why = interface.driver_inferred.as_ref().unwrap();
        assert!(why.contains("ip_vti0 in the same table shows that ip_vti is loaded"), "{why}");
        assert!(why.contains(&format!("unless all {errors} were aborted")), "{why}");
        let counters = interface.counters.since_boot.unwrap();
        assert_eq!((counters.tx_carrier_errors, counters.tx_aborted_errors), (None, None));
        assert_eq!((counters.tx_carrier_column, counters.tx_too_big_or_other), (errors, 0));
        let [finding] = interface.findings.as_slice() else { panic!("one finding") };
        assert_eq!((finding.code.number(), finding.confidence), (901, Confidence::Possible));
        assert!(finding.summary.contains(share), "{}", finding.summary);
        assert!(finding.summary.contains("their cause"), "{}", finding.summary);
        let facts = facts(interface);
        for fact in [
            "excluded: a loop",
            "excluded: packets too big",
            "cannot be determined from this input",
            "possible, among others",
        ] {
            assert!(facts.contains(fact), "{fact} is not in {facts}");
        }
        assert!(finding.evidence.iter().all(|evidence| evidence.see.is_empty()));
        let commands: Vec<&str> =
            finding.remedies.iter().filter_map(|r| r.command.as_deref()).collect();
        let link = format!("ip -s -s link show dev {}", interface.name);
        assert!(commands.contains(&link.as_str()), "{commands:?}");
    }
}

/// GRE counts a packet without a route as ip_vti counts one without an SA.
#[test]
fn a_row_with_another_name_may_be_an_ip_tunnel() {
    let of = |name: &str, others: &str| {
        let rows = transmit(name, 1000, 5, 0, 0, 5) + others;
        let report = report_of(&rows, None, Some(name));
        let [interface] = report.interfaces.as_slice() else { panic!("one interface") };
        (interface.driver, facts(interface))
    };
    let ip_vti0 = transmit("ip_vti0", 0, 0, 0, 0, 0);
    let gre0 = transmit("gre0", 0, 0, 0, 0, 0);
    let (driver, facts) = of("tun0", &gre0);
    assert_eq!(driver, None);
    assert!(facts.contains("driver an IP tunnel (gre, ipip, …), inferred"), "{facts}");
    assert!(facts.contains("VTI-124"), "{facts}");
    let (driver, facts) = of("tun0", &(gre0 + &ip_vti0));
    assert_eq!(driver, None);
    assert!(facts.contains("driver ip_vti or an IP tunnel (gre, ipip, …), inferred"), "{facts}");
    let (driver, facts) = of("tun0", &ip_vti0);
    assert_eq!(driver, Some(Driver::Vti));
    assert!(!facts.contains("VTI-124"), "{facts}");
    let (driver, facts) = of("vti7", &ip_vti0);
    assert_eq!(driver, Some(Driver::Vti));
    assert!(!facts.contains("IP tunnel"), "{facts}");
}

#[test]
fn a_fallback_device_is_named_as_one_unless_it_carried_something() {
    let report = seed();
    let fallback = &report.interfaces[0];
    assert!(fallback.fallback_device && fallback.findings.is_empty());
    assert_eq!(fallback.driver, Some(Driver::Vti));
    let used = report_of(&transmit("ip_vti0", 1000, 1, 0, 0, 1), None, None);
    assert!(!used.interfaces[0].fallback_device);
    assert_eq!(used.interfaces[0].findings.len(), 1);
}

#[test]
fn drops_split_the_carrier_column_of_an_xfrm_interface() {
    let split = |errs, drop, colls, carrier| {
        let rows = transmit("vti1", 1_000_000, errs, drop, colls, carrier);
        let report = report_of(&rows, None, None);
        let counters = report.interfaces[0].counters.since_boot.unwrap();
        let codes: Vec<u16> =
            report.interfaces[0].findings.iter().map(|f| f.code.number()).collect();
        assert_eq!(codes, [901]);
        assert_eq!(report.interfaces[0].driver, Some(Driver::Xfrm));
        (counters.tx_carrier_errors, counters.tx_aborted_errors, facts(&report.interfaces[0]))
    };
    let (carrier, aborted, _) = split(7, 7, 0, 7);
    assert_eq!((carrier, aborted), (Some(7), Some(0)));
    let (carrier, aborted, facts) = split(9, 7, 0, 9);
    assert_eq!((carrier, aborted), (Some(7), Some(2)));
    assert!(facts.contains("if the network stack dropped none"), "{facts}");
    let (carrier, aborted, facts) = split(90, 90, 20, 60);
    assert_eq!((carrier, aborted), (Some(60), Some(0)));
    assert!(facts.contains("20 packets looped through the tunnel itself (VTI-201)"), "{facts}");
    assert!(facts.contains("10 packets were too big (VTI-202) or not IP (VTI-203)"), "{facts}");
    assert!(!facts.contains("excluded: a loop"), "{facts}");
}

#[test]
fn a_row_of_ip6_vti_is_not_told_from_one_of_xfrm() {
    let fallback = transmit("ip6_vti0", 0, 0, 0, 0, 0);
    let rows = format!("{fallback}{}", transmit("vti6", 1_000_000, 7, 7, 0, 7));
    let report = report_of(&rows, None, Some("vti6"));
    assert_eq!(report.interfaces[0].driver, None);
    assert!(facts(&report.interfaces[0]).contains("driver xfrm or ip6_vti, inferred"));
}

#[test]
fn a_text_without_errors_leaves_the_state_unknown() {
    let report = report_of(&transmit("vti1", 0, 0, 0, 0, 0), None, None);
    assert_eq!(report.verdict, Verdict::Unknown);
    let shown = text::report(&report, 80, text::Shown::Page);
    assert!(shown.contains("vti1  unknown: the counters show no transmit errors;"), "{shown}");
    let report = report_of(&transmit("vti1", 10, 0, 7, 0, 0), None, None);
    let shown = text::report(&report, 80, text::Shown::Page);
    assert!(shown.contains("errs is 0 and drop is 7"), "{shown}");
}

#[test]
fn any_row_can_be_asked_for_by_name() {
    for name in ["on", "tun9"] {
        let rows = transmit(name, 1_000_000, 7, 0, 0, 7);
        let report = report_of(&rows, None, Some(name));
        assert_eq!(report.interfaces.len(), 1);
        assert_eq!(report.interfaces[0].name, name);
        assert_eq!(report_of(&rows, None, None).interfaces, []);
        let shown = text::report(&report_of(&rows, None, None), 80, text::Shown::Page);
        assert!(shown.contains("No interface in this text has the name of a VTI"), "{shown}");
    }
    let snapshot = load_text(&file("seed.txt"), None).unwrap();
    let observation = Observation { now: &snapshot, earlier: None };
    let error = diagnose::run(&observation, Some("vti9")).unwrap_err();
    assert_eq!(error.to_string(), "interface vti9 has no row in /proc/net/dev");
}

#[test]
fn xfrm_stat_narrows_what_fits() {
    let rows = transmit("vti0", 1_000_000, 59, 0, 0, 59);
    let names = "OutNoStates OutBundleGenError OutPolBlock OutPolError OutStateExpired OutStateSeqError OutStateInvalid \
                 OutStateProtoError OutStateModeError OutError";
    let zero: String = names.split(' ').map(|name| format!("Xfrm{name} 0\n")).collect();
    let quiet = report_of(&rows, Some(&zero), None);
    let facts_of = |report: &Report| facts(&report.interfaces[0]);
    let facts = facts_of(&quiet);
    assert!(facts.contains("none is of the encryption stage"), "{facts}");
    assert!(facts.contains("short gaps without SA and policy"), "{facts}");
    let some = zero.replace("OutNoStates 0", "OutNoStates 41");
    let facts = facts_of(&report_of(&rows, Some(&some), None));
    assert!(facts.contains("XfrmOutNoStates 41 (all IPsec of this host)"), "{facts}");
    assert!(facts.contains("short gaps without an SA"), "{facts}");
    // A counter that was cut off the paste is not one that is 0.
    let facts = facts_of(&report_of(&rows, Some("XfrmOutNoStates 0"), None));
    assert!(!facts.contains("a missing SA"), "{facts}");
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        let _ = (net_dev(&text), xfrm_stat(&text));
    }

    #[test]
    fn no_text_like_a_table_is_too_strange(text in "([a-z0-9_>:| \t\r\n.-]|vti1: |1 2 3 4 5 6 7 8 |Xfrm){0,60}") {
        let _ = (net_dev(&text), xfrm_stat(&text));
    }

    #[test]
    fn any_columns_can_be_diagnosed(columns in prop::array::uniform16(prop_oneof![0u64..5, any::<u64>()]), whole: bool) {
        let columns: Vec<String> = columns.iter().map(u64::to_string).collect();
        let mut snapshot = load_text(&file("seed.txt"), None).unwrap();
        let lo = if whole { SEED } else { "" };
        let rows = net_dev(&format!("{lo}vti7: {}\n", columns.join(" "))).unwrap();
        prop_assert_eq!(rows.last().map(|row| row.tx_errs.to_string()), columns.get(10).cloned());
        snapshot.proc_net_dev = Ok(rows);
        let report = diagnosed(&snapshot, Some("vti7"));
        prop_assert!(!text::report(&report, 80, text::Shown::Detail).is_empty());
    }
}
