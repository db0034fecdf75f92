//! `check` as a plugin: the exit statuses and the performance data of the Plugin Development Guidelines (monitoring-plugins.org), on every capture
//! and on everything that can go wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use regex::Regex;
use std::process::{Command, Stdio};
use vti_diagnostics::capture::{self, Capture, to_yaml};
use vti_diagnostics::check::{Answer, Thresholds, answer};
use vti_diagnostics::diagnose::{self, Extent, Observation};
use vti_diagnostics::report::{Report, Verdict};
use vti_diagnostics::snapshot::{Missing, Reason, Source};

/// Status and standard output; standard error is empty.
fn check(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vti-diagnostics"));
    let output = command.arg("check").args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn file(name: &str) -> String {
    format!("{}/tests/captures/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

fn of(name: &str, more: &[&str]) -> (i32, String) {
    check(&[&["--capture", &file(name)], more].concat())
}

/// The answer for a report, without thresholds.
fn answered(report: &Report) -> (i32, String) {
    let zero = || "0".parse().unwrap();
    let thresholds = Thresholds { warning: zero(), critical: zero() };
    let Answer { status, text } = answer(report, None, &thresholds);
    (status as i32, text)
}

/// The grammar: a status and a text, performance data behind the only `|`, long output behind the first line, without another one.
fn assert_form(status: i32, text: &str) {
    let name = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::try_from(status).unwrap()];
    let item = r"'[a-z_]+'=-?[0-9.]+(?:s|%|c)?;[0-9.:~@-]*;[0-9.:~@-]*;[0-9.]*;?[0-9.]*";
    let line = format!(r"^VTI {name} - [^|\n]+(?: \| {item}(?: {item})*)?$");
    let (first, long) = text.split_once('\n').unwrap();
    assert!(Regex::new(&line).unwrap().is_match(first), "{first}");
    assert!(!long.contains('|') && (long.is_empty() || long.ends_with('\n')), "{long}");
    assert!(text.len() < 8192, "{} bytes", text.len());
}

#[test]
fn each_verdict_has_its_status_and_every_answer_the_form() {
    let mut seen = [false; 4];
    for entry in
        std::fs::read_dir(format!("{}/tests/captures", env!("CARGO_MANIFEST_DIR"))).unwrap()
    {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let capture = capture::load(&path).unwrap();
        let now = capture.snapshots.last().unwrap();
        let earlier = capture.snapshots.iter().rev().nth(1);
        let observation = Observation { now, earlier };
        let report = diagnose::run_to(Extent::Findings, &observation, None).unwrap();
        let (status, text) = answered(&report);
        assert_form(status, &text);
        let expected = match report.verdict {
            _ if report.interfaces.iter().all(|vti| vti.fallback_device) => 3,
            Verdict::Ok | Verdict::Notice => 0,
            Verdict::Warning => 1,
            Verdict::Fault => 2,
            Verdict::Unknown => 3,
        };
        assert_eq!(status, expected, "{}: {text}", path.display());
        seen[usize::try_from(status).unwrap()] = true;
    }
    assert_eq!(seen[..3], [true; 3]);
}

#[test]
fn one_fault_and_one_tunnel_that_is_well() {
    insta::assert_snapshot!("fault", of("301-charon-admin-down-vti", &[]).1);
    insta::assert_snapshot!("ok", of("ok-site", &[]).1);
    insta::assert_snapshot!("interface", of("ok-site", &["--interface", "vti1"]).1);
}

#[test]
fn thresholds_are_numbers_of_vtis() {
    let name = "301-charon-admin-down-vti";
    for (arguments, status) in [
        (&["-c", "0"][..], 2),
        (&["-c", "1"], 1),
        (&["-c", "1", "-w", "1"], 0),
        (&["--critical", "1:", "--warning", "~:5"], 0),
        (&["-c", "@1:3"], 2),
    ] {
        let (got, text) = of(name, arguments);
        assert_form(got, &text);
        assert_eq!(got, status, "{arguments:?}: {text}");
    }
    let (_, text) = of(name, &["-w", "2:5", "-c", "@1:3"]);
    assert!(text.contains("'vtis_at_fault'=1;;@1:3;0;1 'vtis_impaired'=1;2:5;;0;1"), "{text}");
}

#[test]
fn a_source_that_could_not_be_read_is_unknown_and_a_proven_fault_stays_critical() {
    let directory = tempfile::tempdir().unwrap();
    let without_sas = |name: &str| {
        let mut capture: Capture = capture::load(file(name).as_ref()).unwrap();
        for now in &mut capture.snapshots {
            let why = "operation not permitted";
            now.sas = Err(Missing::new(Source::SecurityAssociations, Reason::Denied, why));
        }
        let path = directory.path().join(name);
        std::fs::write(&path, to_yaml(&capture).unwrap()).unwrap();
        check(&["--capture", path.to_str().unwrap()])
    };
    let (status, text) = without_sas("ok-healthy-vti");
    assert_form(status, &text);
    assert_eq!(status, 3, "{text}");
    assert!(text.contains("SAs") && text.contains("permission denied"), "{text}");
    let (status, text) = without_sas("101-no-policy-vti");
    assert_eq!(status, 2, "{text}");
}

#[test]
fn what_is_wrong_is_unknown_and_on_standard_output() {
    let capture = file("ok-site");
    for (arguments, said) in [
        (&["--capture", "/nonexistent"][..], "cannot read /nonexistent"),
        (&["--capture", &capture, "--interface", "vti99"], "interface vti99 does not exist"),
        (&["--capture", &capture, "-w", "x"], "x is no range"),
        (&["--capture", &capture, "-c", "9:1"], "9:1 is no range"),
        (&["--nonsense"], "unexpected argument '--nonsense'"),
        (&["--interface", "a|b/c"], "an interface name"),
    ] {
        let (status, text) = check(arguments);
        assert_form(status, &text);
        assert_eq!(status, 3, "{arguments:?}: {text}");
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn without_a_vti_nothing_is_checked() {
    let mut now = capture::load(file("ok-healthy-vti").as_ref()).unwrap().snapshots.pop().unwrap();
    now.links.as_mut().unwrap().retain(|link| link.driver().is_none());
    let report = diagnose::run(&Observation { now: &now, earlier: None }, None).unwrap();
    assert_eq!(report.verdict, Verdict::Ok);
    let (status, text) = answered(&report);
    assert_form(status, &text);
    assert_eq!(status, 3);
    assert!(text.starts_with("VTI UNKNOWN - nothing was checked: there is no VTI |"), "{text}");
}

#[test]
fn a_hostile_name_is_no_performance_data() {
    let mut capture = capture::load(file("101-no-policy-vti").as_ref()).unwrap();
    let name = "v|'x'=1\x1b\u{202e}";
    let mut renamed = false;
    for link in capture.snapshots.iter_mut().flat_map(|now| now.links.iter_mut().flatten()) {
        if link.driver().is_some() && !link.is_fallback_device() {
            link.name = name.to_owned();
            renamed = true;
        }
    }
    assert!(renamed);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hostile.yaml");
    std::fs::write(&path, to_yaml(&capture).unwrap()).unwrap();
    let (status, text) = check(&["--capture", path.to_str().unwrap()]);
    assert_form(status, &text);
    assert_eq!(status, 2, "{text}");
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");
}

/// A thousand tunnels at fault: the first line has the sums, and the rest is bounded.
#[test]
fn the_text_is_bounded() {
    let mut now =
        capture::load(file("101-no-policy-vti").as_ref()).unwrap().snapshots.pop().unwrap();
    let links = now.links.as_mut().unwrap();
    let link = links.iter().find(|link| link.driver().is_some() && !link.is_fallback_device());
    let link = link.unwrap().clone();
    links.extend((0..1000).map(|number| {
        let mut link = link.clone();
        (link.name, link.ifindex) = (format!("vti{number}"), 10_000 + number);
        link
    }));
    let report = diagnose::run(&Observation { now: &now, earlier: None }, None).unwrap();
    let (status, text) = answered(&report);
    assert_form(status, &text);
    assert!(text.ends_with("more interfaces\n"), "{text}");
}
