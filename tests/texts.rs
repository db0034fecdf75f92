//! What the real commands printed in the laboratory, beside the program's capture of the same moment: the same facts are read from both,
//! and the same first finding follows. `tests/vm/run --write-texts` writes these files; another folder of them is named in TEXTS.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[path = "texts/cut.rs"]
mod cut;
#[path = "texts/formats.rs"]
mod daemons;
#[path = "texts/forum.rs"]
mod forum;
#[path = "texts/kind.rs"]
mod kind;
#[path = "texts/nft.rs"]
mod nft;
#[path = "texts/picked.rs"]
mod picked;
#[path = "texts/pieces.rs"]
mod pieces;
#[path = "texts/whose.rs"]
mod whose;

use kind::of_kind;
use std::path::{Path, PathBuf};
use vti_diagnostics::capture;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{Confidence, Report};
use vti_diagnostics::snapshot::{LinkKind, Snapshot};
use vti_diagnostics::text::{self, Text};

/// Where the files are.
fn folder() -> PathBuf {
    std::env::var_os("TEXTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts"), PathBuf::from)
}

/// What programs printed that no laboratory runs at each test: see `formats/README`.
fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts/formats")
}

/// One case: its name, its interface, the capture's samples, and the texts of the same moments.
struct Case {
    name: String,
    interface: String,
    captured: Vec<Snapshot>,
    texts: Vec<String>,
}

fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    let case = |path: &PathBuf| {
        let yaml = read(path.clone()).unwrap();
        let interface = yaml.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
        let before = path.with_extension("before.txt");
        let texts: Vec<String> =
            [before, path.with_extension("txt")].into_iter().filter_map(read).collect();
        let mut captured = capture::from_yaml(&yaml).unwrap().snapshots;
        captured.drain(..captured.len().saturating_sub(texts.len()));
        Case {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            interface,
            captured,
            texts,
        }
    };
    files.iter().map(case).collect()
}

fn read(texts: &[String]) -> Vec<Snapshot> {
    let text = |text: &String| Text { name: "text".into(), text: text.clone(), is_whole: false };
    let texts: Vec<Text> = texts.iter().map(text).collect();
    text::read(&texts).unwrap().snapshots
}

fn report(snapshots: &[Snapshot], interface: &str) -> Option<Report> {
    let (now, earlier) =
        (snapshots.last().unwrap(), snapshots.len().checked_sub(2).map(|at| &snapshots[at]));
    diagnose::run(&Observation { now, earlier }, Some(interface)).ok()
}

fn first(report: &Option<Report>) -> (String, Option<Confidence>) {
    let Some(report) = report else { return ("none".to_owned(), None) };
    let interface = report.interfaces.first().unwrap();
    match interface.findings.first() {
        Some(finding) => (finding.code.to_string(), Some(finding.confidence)),
        None => (interface.verdict.to_string(), None),
    }
}

/// The findings from the texts and from the captures.
#[test]
fn the_texts_lead_to_the_finding_of_the_capture() {
    let (mut same, mut all, mut wrong) = (0, 0, Vec::new());
    for case in cases() {
        let expected = first(&report(&case.captured, &case.interface));
        for json in [false, true] {
            let texts: Vec<String> = case.texts.iter().map(|text| of_kind(text, json)).collect();
            let found = first(&report(&read(&texts), &case.interface));
            all += 1;
            if found.0 == expected.0 {
                same += 1;
                continue;
            }
            println!("{} json {json}: capture {expected:?}, texts {found:?}", case.name);
            if found.1 == Some(Confidence::Proven) {
                wrong.push(case.name.clone());
            }
        }
    }
    println!("{same} of {all} the same");
    assert!(all > 0 && same * 100 >= all * 95, "{same} of {all}");
    assert!(wrong.is_empty(), "contradicted, proven: {wrong:?}");
}

/// What differs between two values as JSON, one line each.
fn differences(path: &str, a: &serde_json::Value, b: &serde_json::Value, found: &mut Vec<String>) {
    use serde_json::Value::{Array, Object};
    match (a, b) {
        (Object(a), Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let none = serde_json::Value::Null;
            for key in keys {
                let (a, b) = (a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none));
                differences(&format!("{path}.{key}"), a, b, found);
            }
        }
        (Array(a), Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| differences(&format!("{path}[]"), a, b, found));
        }
        _ if a == b => {}
        _ => found.push(format!("{path}: {a:.300} / {b:.300}")),
    }
}

/// What a text cannot have, or has in another form: these fields of a snapshot may differ.
const MAY_DIFFER: &[&str] = &[
    ".taken_at_ms",
    ".uptime_ms",
    ".recorded",
    ".charon_log",
    ".source_validation",
    ".filter",
    ".hook_state",
    ".configuration",
    ".ike",
    ".assumed",
    ".neighbours",
    ".host.vyos_version",
    ".runs_vpp",
    ".unsettled",
    // Of none of these is a text read.
    ".queues",
    ".associations.seen[].replay.unseen",
    ".associations.seen[].replay.oldest_unseen",
    // `ip route get` is not among the commands: answers are worked out from the routes, without the kernel's choice of a source.
    ".route_lookups.seen[].answer.source",
    // Between the capture and the commands, lo and wan carry some packets.
    ".proc_net_dev.seen[].rx",
    ".proc_net_dev.seen[].tx",
    // `ip` prints the name of the namespace where it has one.
    ".links.seen[].link_netnsid",
];

/// The links of a text as the captures have them, which were taken when only the kind of an IP tunnel was kept.
fn with_kinds_of(captured: &Snapshot, read: &Snapshot) -> Snapshot {
    let mut read = read.clone();
    for link in read.links.iter_mut().flatten() {
        let Some(device) = link.ip_tunnel() else { continue };
        let kept = LinkKind::Other { info_kind: device.info_kind.name().to_owned() };
        if captured.links.iter().flatten().any(|l| l.name == link.name && l.kind == kept) {
            (link.kind, link.statistics) = (kept, None);
        }
    }
    read
}

#[test]
fn the_texts_say_what_the_capture_says() {
    let mut all = std::collections::BTreeMap::new();
    for case in cases() {
        for json in [false, true] {
            let texts: Vec<String> = case.texts.iter().map(|text| of_kind(text, json)).collect();
            let snapshots = read(&texts);
            for (captured, read) in case.captured.iter().rev().zip(snapshots.iter().rev()) {
                let read = with_kinds_of(captured, read);
                let (a, b) =
                    (serde_json::to_value(captured).unwrap(), serde_json::to_value(&read).unwrap());
                let mut found = Vec::new();
                differences("", &a, &b, &mut found);
                found.retain(|line| !MAY_DIFFER.iter().any(|field| line.starts_with(field)));
                for line in found {
                    let path = line.split(": ").next().unwrap().to_owned();
                    all.entry(path)
                        .or_insert_with(Vec::new)
                        .push(format!("{} json {json} {line}", case.name));
                }
            }
        }
    }
    for (path, lines) in &all {
        println!("{path}: {} times, first: {}", lines.len(), lines[0]);
    }
    assert!(all.is_empty());
}
