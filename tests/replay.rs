//! Captures of real kernels, diagnosed again without one: the first finding, the text and the JSON of each; and, by them, the
//! registry of diagnoses. Nothing here runs a kernel: `tests/vm/run --write-captures` writes the captures of the scenarios.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "replay/account.rs"]
mod account;
#[path = "replay/commands.rs"]
mod commands;
#[path = "replay/compact.rs"]
mod compact;
#[path = "replay/ends.rs"]
mod ends;
#[path = "replay/failing.rs"]
mod failing;
#[path = "replay/log.rs"]
mod log;
#[path = "replay/lookup.rs"]
mod lookup;
#[path = "replay/loss.rs"]
mod loss;
#[path = "replay/receive.rs"]
mod receive;
#[path = "replay/recorded.rs"]
mod recorded;
#[path = "replay/registry.rs"]
mod registry;
#[path = "replay/site.rs"]
mod site;
#[path = "replay/unsettled.rs"]
mod unsettled;
#[path = "replay/validation.rs"]
mod validation;
#[path = "replay/vyos.rs"]
mod vyos;
#[path = "replay/way.rs"]
mod way;

use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use vti_diagnostics::capture::{self, Capture};
use vti_diagnostics::diagnose::{self, Extent, Observation};
use vti_diagnostics::render::{json, text};
use vti_diagnostics::report::{InterfaceReport, Report, Verdict};
use vti_diagnostics::snapshot::Link;

/// A capture and what its head says of it: `# expect INTERFACE: CODE`, or a verdict where there is no finding.
struct Recorded {
    name: String,
    capture: Capture,
    expected: BTreeMap<String, String>,
}

/// The capture whose report is held whole, too: each key that a program may read, with what a kernel made of it.
const WHOLE: &str = "112-association-of-another-key-xfrm";

/// All captures that say what they expect, by name. `full.yaml` does not: it is invented, for the form of the file.
static RECORDED: LazyLock<Vec<Recorded>> = LazyLock::new(|| recorded_in("tests/captures"));

fn recorded_in(folder: &str) -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    let recorded = files.iter().map(|path| recorded(path));
    recorded.filter(|recorded| !recorded.expected.is_empty()).collect()
}

fn recorded(path: &Path) -> Recorded {
    let text = std::fs::read_to_string(path).unwrap();
    let expected = text
        .lines()
        .filter_map(|line| line.strip_prefix("# expect ")?.split_once(": "))
        .map(|(interface, code)| (interface.to_owned(), code.to_owned()))
        .collect();
    Recorded {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        capture: capture::load(path).unwrap(),
        expected,
    }
}

/// What is asked for: everything, or the IP tunnel where the capture is of one. Such a device is shown only where it is named.
fn asked(capture: &Capture) -> Option<&str> {
    let links = capture.snapshots.iter().flat_map(|snapshot| snapshot.links.iter().flatten());
    let mut names = links.filter(|l| l.ip_tunnel().is_some() && !l.is_fallback_device());
    names.next().map(|link| link.name.as_str())
}

/// The report without what differs from one version to the next.
fn diagnosed(capture: &Capture) -> Report {
    let [.., now] = capture.snapshots.as_slice() else { panic!("an empty capture") };
    let earlier = capture.snapshots.iter().rev().nth(1);
    let mut report = diagnose::run(&Observation { now, earlier }, asked(capture)).unwrap();
    report.tool_version = "VERSION";
    report.taken_at = None;
    report
}

/// The code of the first finding, or the verdict where there is none.
fn first(interface: &InterfaceReport) -> String {
    match (interface.findings.first(), interface.verdict) {
        (Some(finding), _) => finding.code.to_string(),
        (None, Verdict::Ok) => "ok".to_owned(),
        (None, verdict) => format!("{verdict:?}"),
    }
}

/// What must outlive redaction and a round trip: the codes of each interface, in every class, in their order.
fn codes(report: &Report) -> Vec<String> {
    let codes = report.interfaces.iter().map(|i| {
        let found: Vec<String> = i
            .findings
            .iter()
            .map(|f| format!("{} {:?} {:?}", f.code, f.severity, f.confidence))
            .collect();
        let open: Vec<String> = i.undetermined.iter().map(|u| u.code.to_string()).collect();
        let masked: Vec<String> = i.masked.iter().map(|m| m.code.to_string()).collect();
        format!("{:?} found {found:?}, undetermined {open:?}, masked {masked:?}", i.verdict)
    });
    // Redaction may change the order of the names.
    let mut codes: Vec<String> = codes.collect();
    codes.sort();
    codes
}

/// Where the first findings are not those expected.
fn wrong(all: &[Recorded]) -> Vec<String> {
    let mut wrong = Vec::new();
    for recorded in all {
        let report = diagnosed(&recorded.capture);
        for (name, expected) in &recorded.expected {
            let interface = report.interfaces.iter().find(|i| i.name == *name);
            let found = interface.map_or("no such interface".to_owned(), first);
            if found != *expected {
                wrong.push(format!("{} {name}: expected {expected}, found {found}", recorded.name));
            }
        }
    }
    wrong
}

#[test]
fn each_capture_has_the_first_finding_of_its_scenario() {
    let wrong = wrong(&RECORDED);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Captures as the first versions wrote them, which no version may refuse: the first from a kernel, one without the rules of source
/// validation, and the first with charon.
#[test]
fn captures_of_the_first_versions_have_the_same_first_finding() {
    let old = recorded_in("tests/captures/old");
    assert_eq!(old.len(), 3);
    let wrong = wrong(&old);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_an_operator_sees_of_each_capture() {
    for recorded in RECORDED.iter() {
        golden(
            &format!("{}.txt", recorded.name),
            &text::report(&diagnosed(&recorded.capture), 80, text::Shown::Page),
        );
    }
}

/// `show` without `--detail` makes a report of the findings alone; a person must not see a difference.
#[test]
fn a_report_of_findings_alone_reads_as_the_whole_one() {
    for recorded in RECORDED.iter() {
        let [.., now] = recorded.capture.snapshots.as_slice() else { panic!("an empty capture") };
        let earlier = recorded.capture.snapshots.iter().rev().nth(1);
        let asked = asked(&recorded.capture);
        let of = |extent| diagnose::run_to(extent, &Observation { now, earlier }, asked).unwrap();
        let (short, whole) = (of(Extent::Findings), of(Extent::Everything));
        let text = |report| text::report(report, 80, text::Shown::Page);
        assert_eq!(text(&short), text(&whole), "{}", recorded.name);
        for (short, whole) in short.interfaces.iter().zip(&whole.interfaces) {
            assert_eq!((short.verdict, &short.findings), (whole.verdict, &whole.findings));
            assert!(short.flows.is_empty() && short.ruled_out.is_empty());
        }
    }
}

/// `show` on a terminal: a cause of many interfaces is told in full of the first three.
#[test]
fn a_page_leaves_out_what_it_has_shown_three_times() {
    let recorded = RECORDED.iter().find(|r| r.name.starts_with("901-errors-of-the-past")).unwrap();
    let mut now = recorded.capture.snapshots.last().unwrap().clone();
    let links = now.links.as_mut().unwrap();
    let broken = links.iter().find(|link| link.name == "t0").unwrap().clone();
    let again =
        |n: u32| Link { ifindex: 1000 - n, name: format!("{}{n}", broken.name), ..broken.clone() };
    links.extend((10..18).map(again));
    links.sort_by_key(|link| link.ifindex);
    let of =
        |extent| diagnose::run_to(extent, &Observation { now: &now, earlier: None }, None).unwrap();
    let (page, findings) = (of(Extent::Page), of(Extent::Findings));
    let mut told = std::collections::BTreeMap::new();
    let mut brief = 0;
    for (page, whole) in page.interfaces.iter().zip(&findings.interfaces) {
        assert_eq!((&page.name, page.verdict), (&whole.name, whole.verdict));
        let said = |report: &InterfaceReport| {
            report
                .findings
                .iter()
                .map(|f| (f.code, f.severity, f.summary.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(said(page), said(whole));
        let Some(first) = page.findings.first() else { continue };
        let times = told.entry(first.code).or_insert(0);
        *times += 1;
        assert_eq!(first.is_brief, *times > 3, "{}: {:?}", page.name, first.code);
        if first.is_brief {
            assert!(first.remedies.is_empty());
            brief += 1;
        } else {
            assert_eq!(page.findings, whole.findings);
        }
    }
    assert!(brief >= 5, "{told:?}");
    let text = text::report(&page, 80, text::Shown::Page);
    assert!(text.contains(&format!("{brief} findings are shown without evidence")), "{text}");
}

#[test]
fn what_a_program_reads_of_each_capture() {
    for recorded in RECORDED.iter() {
        let report = diagnosed(&recorded.capture);
        golden(&format!("{}.json", recorded.name), &compact::write(&report));
        if recorded.name == WHOLE {
            golden(&format!("{WHOLE}.whole.json"), &json::write(&report).unwrap());
        }
    }
}

fn golden(name: &str, rendered: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("replay");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, rendered));
}

#[test]
fn a_healthy_tunnel_of_each_driver_is_ok() {
    let healthy = |r: &&Recorded| r.expected.values().all(|code| code == "ok");
    for driver in ["vti", "vti6", "xfrm"] {
        let name = format!("-{driver}");
        assert!(RECORDED.iter().filter(healthy).any(|r| r.name.ends_with(&name)), "{driver}");
    }
}

#[test]
fn redaction_keeps_every_finding() {
    let key = BuildHasherDefault::<DefaultHasher>::default();
    for recorded in RECORDED.iter() {
        let redacted = capture::redact_with(recorded.capture.clone(), &key).unwrap();
        let again = capture::redact_with(redacted.clone(), &key).unwrap();
        let expected = codes(&diagnosed(&recorded.capture));
        assert_eq!(codes(&diagnosed(&redacted)), expected, "{}", recorded.name);
        assert_eq!(codes(&diagnosed(&again)), expected, "{}, redacted twice", recorded.name);
    }
}

#[test]
fn writing_and_reading_keeps_the_capture() {
    for recorded in RECORDED.iter() {
        let text = capture::to_yaml(&recorded.capture).unwrap();
        let read = capture::from_yaml(&text).unwrap();
        assert!(read == recorded.capture, "{}", recorded.name);
    }
}
