//! One way to say each quantity, held by reading the sources: what `src/units.rs` does, no other file does by itself. Nothing is run here.

#![allow(clippy::expect_used, reason = "a failure here is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Marks of a number that a text formats by itself, and what to use instead.
const HOME_MADE: &[(&str, &str)] = &[
    ("{ \"\" } else { \"s\" }", "a Noun"),
    ("plural}", "a Noun"),
    ("noun}", "a Noun"),
    ("== 1 { \"", "a Noun"),
    (".1e}", "count or Share"),
    (".0} s", "Span"),
    (".1} s", "Span"),
    ("} ms", "Span"),
    ("} s\"", "Span or length"),
    ("} s ", "Span or length"),
    ("} s,", "Span or length"),
    ("} s:", "Span or length"),
    ("} s;", "Span or length"),
    ("} min", "Span or length"),
    ("}/s", "rate"),
    ("}/min", "rate"),
    ("} %", "Share"),
    ("} packets", "PACKET"),
    ("} errors", "ERROR"),
    ("} drops", "DROP"),
    ("} bytes", "BYTE"),
    ("} times", "TIME"),
    ("} seconds", "Span"),
    ("} gaps", "GAP"),
    ("} flows", "FLOW"),
    ("} transmit errors", "TRANSMIT_ERROR"),
    ("} carrier errors", "CARRIER_ERROR"),
    ("} episodes", "EPISODE"),
    ("} records", "RECORD"),
    ("} lines", "MORE_LINE"),
    ("} routes", "ROUTE"),
    ("} rules", "RULE"),
    ("} VTIs", "VTI"),
    ("} CHILD_SAs", "CHILD_SA"),
    ("} IKE_SAs", "IKE_SA"),
];

/// Lines that only look like it.
const FINE: &[&str] = &[
    // Numbers of the wire, for whoever reads a dump.
    "need {need} bytes, have {have}",
    // The message of a test.
    "\"{length} bytes\"",
    // Verbs: what an interface does.
    "} drops every ",
    "} drops packets",
    "} drops the next packet",
    "} drops this host's own packets",
    // A verb with its object: "rp_filter drops packets from 10.9.1.1".
    "{} {} packets {from}",
    // A path of sysfs.
    "/sys/class/net/{interface}/statistics",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_file_formats_a_quantity_by_itself() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&src, &mut paths);
    assert!(paths.len() > 100, "{} files", paths.len());
    let mut wrong = Vec::new();
    for path in paths.iter().filter(|path| !path.ends_with("src/units.rs")) {
        let text = fs::read_to_string(path).expect("a readable source");
        let code = (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in code.filter(|(_, line)| line.contains('"')) {
            let mark = HOME_MADE.iter().find(|(mark, _)| line.contains(mark));
            if let Some((_, instead)) =
                mark.filter(|_| !FINE.iter().any(|fine| line.contains(fine)))
            {
                wrong.push(format!("{}:{number}: use {instead}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "use crate::units:\n{}", wrong.join("\n"));
}
