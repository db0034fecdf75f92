//! `diff` of the laboratory's healthy tunnel and of each state that is broken: the first line must name what was broken. And `show` of a
//! folder.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[path = "diff/unread.rs"]
mod unread;

use std::path::{Path, PathBuf};
use vti_diagnostics::capture;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::diff;
use vti_diagnostics::report::diff::DiffReport;
use vti_diagnostics::report::{Report, Verdict};
use vti_diagnostics::snapshot::Snapshot;

/// The captures whose fault no state shows: it is in the packets, or was there before.
const NOT_IN_THE_STATE: &[(&str, &str)] = &[
    ("141-packets-without-a-route", "packets are sent to the device without a route"),
    ("202-packet-too-big", "the packets are too big"),
    ("204-inner-source-is-the-peer", "the packets have the source"),
    ("306-one-way", "the peer does not answer"),
    ("499-encapsulation-differs", "the peer sends another encapsulation"),
    ("602-packets-too-big-in-the-past", "it is past"),
    ("603-counters-not-exported", "the kernel hides its counters"),
    ("901-errors-of-the-past", "it is past"),
    ("999-association-comes-and-goes", "it came back"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

fn state(path: &Path) -> (Snapshot, Report) {
    let now = capture::load(path).unwrap().snapshots.pop().unwrap();
    let report = diagnose::run(&Observation { now: &now, earlier: None }, None).unwrap();
    (now, report)
}

/// What differs between the healthy tunnel of the same driver and this state.
fn from_healthy(name: &str) -> DiffReport {
    let driver = name.rsplit('-').next().unwrap();
    let a = state(&folder().join(format!("ok-healthy-{driver}.yaml")));
    let b = state(&folder().join(format!("{name}.yaml")));
    diff::report((&a.0, &a.1), (&b.0, &b.1))
}

/// The broken states of the tunnel t0, by name.
fn broken() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| {
            name.starts_with(|c: char| c.is_ascii_digit())
                && !name.contains("charon")
                && !name.contains("recorded")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn the_first_line_names_what_was_broken() {
    let (mut good, mut all, mut wrong) = (0, 0, Vec::new());
    for name in broken() {
        if NOT_IN_THE_STATE.iter().any(|(known, _)| name.starts_with(known)) {
            continue;
        }
        let report = state(&folder().join(format!("{name}.yaml"))).1;
        let interface = report.interfaces.iter().find(|interface| interface.name == "t0");
        let Some(finding) = interface.and_then(|interface| interface.findings.first()) else {
            continue;
        };
        let changes = from_healthy(&name).changes;
        all += 1;
        let names_it = changes.first().is_some_and(|change| {
            finding.evidence.iter().any(|evidence| evidence.source == change.source)
        });
        match names_it {
            true => good += 1,
            false => wrong.push(format!("{name}: {:?}", changes.first())),
        }
    }
    wrong.iter().for_each(|line| println!("{line}"));
    println!("{good} of {all} first lines name what was broken");
    assert!(all >= 30 && good * 100 >= all * 90, "{good} of {all}: {wrong:#?}");
}

#[test]
fn a_change_is_said_with_what_it_was() {
    for (name, expected) in [
        ("101-no-policy-vti", "out policy 0.0.0.0/0 -> 0.0.0.0/0 is gone"),
        ("106-xfrm-disabled-on-the-interface-vti", "t0: disable_xfrm 1, was 0"),
        (
            "107-policy-needs-a-packet-mark-xfrm",
            "out policy 0.0.0.0/0 -> 0.0.0.0/0: mark 0x5/0xffffffff, was 0x0/0x0",
        ),
        ("111-policy-without-association-xfrm", "SA 192.0.2.1 -> 192.0.2.2 is gone"),
        ("112-association-of-another-key-xfrm", "SA 192.0.2.1 -> 192.0.2.2: if_id 8, was 7"),
        ("121-no-route-to-the-peer-xfrm", "route to 192.0.2.2: none (error 101), was dev wan"),
        ("201-tunnel-loops-into-itself-xfrm", "route to 192.0.2.2: dev t0, was dev wan"),
        (
            "304-outer-neighbour-dead-xfrm",
            "neighbour 192.0.2.2 on wan does not answer, was resolved",
        ),
        ("308-nothing-routed-in-vti", "route 10.9.2.0/24 dev t0 table 254 is gone"),
        ("402-integrity-failures-xfrm", "SA 192.0.2.2 -> 192.0.2.1: integrity failures 5, was 0"),
    ] {
        assert_eq!(from_healthy(name).changes[0].text, expected, "{name}");
    }
}

/// A state differs from itself in nothing, and from a later moment of itself in counters of errors at most.
#[test]
fn what_always_changes_is_no_change() {
    for name in broken().iter().map(String::as_str).chain(["ok-site", "ok-healthy-vti"]) {
        let path = folder().join(format!("{name}.yaml"));
        let b = state(&path);
        assert_eq!(diff::report((&b.0, &b.1), (&b.0, &b.1)).changes, [], "{name}");
    }
    // A rekeying: other SPIs, other times, nothing carried yet.
    let (now, report) = state(&folder().join("ok-healthy-xfrm.yaml"));
    let mut rekeyed = now.clone();
    for sa in rekeyed.sas.as_mut().unwrap() {
        sa.spi.0 += 1000;
        sa.current = Default::default();
        sa.last_used = None;
    }
    rekeyed.taken_at_ms += 3_600_000;
    assert_eq!(diff::report((&now, &report), (&rekeyed, &report)).changes, []);
}

#[test]
fn a_folder_of_captures_is_a_list_with_the_worst_first() {
    let program = || assert_cmd::Command::cargo_bin("vti-diagnostics").unwrap();
    let output =
        program().args(["show", "--format", "json", "--capture"]).arg(folder()).output().unwrap();
    let overview: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = overview["captures"].as_array().unwrap();
    assert!(rows.len() > 50);
    let rank = |row: &serde_json::Value| match row["verdict"].as_str().unwrap() {
        "fault" => Verdict::Fault,
        "warning" => Verdict::Warning,
        "unknown" => Verdict::Unknown,
        "notice" => Verdict::Notice,
        _ => Verdict::Ok,
    };
    assert!(rows.windows(2).all(|pair| rank(&pair[0]) >= rank(&pair[1])));
    let of = |file: &str| rows.iter().find(|row| row["file"] == file).unwrap().clone();
    assert_eq!(
        of("112-association-of-another-key-xfrm.yaml")["worst"],
        "t0: SA does not match the policy (VTI-112)"
    );
    // A file that is no capture is a line, and the others are there.
    let copy = tempfile::tempdir().unwrap();
    std::fs::write(copy.path().join("broken.yaml"), "schema: [").unwrap();
    std::fs::copy(folder().join("ok-healthy-vti.yaml"), copy.path().join("good.yaml")).unwrap();
    let output = program().args(["show", "--capture"]).arg(copy.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].starts_with("broken.yaml") && lines[2].contains("unknown"), "{text}");
    assert!(text.contains("good.yaml"), "{text}");
}
