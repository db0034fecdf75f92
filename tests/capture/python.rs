//! The second opinion on YAML: PyYAML, which reads YAML 1.1, and which VyOS and most operators' scripts use.

use super::{full, with_text_everywhere};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use vti_diagnostics::capture::to_yaml;

/// Strings that one of the two versions takes for something else, or that break a line, a quote or a reader.
const ADVERSARIAL: &[&str] = &[
    "",
    " ",
    "on",
    "On",
    "OFF",
    "no",
    "NO",
    "yes",
    "y",
    "Y",
    "n",
    "N",
    "true",
    "True",
    "FALSE",
    "null",
    "Null",
    "~",
    "-",
    "--",
    "---",
    "...",
    "=",
    "<<",
    "?",
    "? a",
    "!",
    "!tag",
    "!!str 1",
    "&a",
    "*a",
    "@a",
    "`a`",
    "%a",
    "|",
    "|-",
    ">",
    ">+",
    "[",
    "]",
    "{}",
    "[]",
    "{a: b}",
    ",",
    "#",
    "# a",
    "a #b",
    "a#b",
    ":",
    "a:",
    "a: b",
    "a:b",
    ": a",
    "- a",
    "'",
    "''",
    "'a'",
    "\"",
    "\"a\"",
    "a'b\"c",
    "\\",
    "\\n",
    "1",
    "-1",
    "+1",
    "0",
    "-0",
    "010",
    "0o7",
    "0x10",
    "0X1F",
    "0b1",
    "1_000",
    "_1",
    "1_",
    "1e3",
    "1E3",
    "1e+3",
    "1.e+3",
    "1.0",
    "1.",
    ".5",
    "-.5",
    ".",
    ".inf",
    "-.INF",
    ".nan",
    ".NaN",
    "inf",
    "nan",
    "infinity",
    "1:02",
    "1:02:03",
    "-1:30",
    "190:20:30.15",
    "2001:1:2:3:4:5:6:7",
    "2001:db8::1",
    "::",
    "::1",
    "fe80::",
    "fe80::1",
    "fe80::1%eth0",
    "1.2.3.4",
    "1.2.3.4/24",
    "1.2.3",
    "2026-01-01",
    "2026-1-1",
    "2026-01-01T00:00:00Z",
    "2026-01-01 00:00:00.5 +1",
    "18446744073709551616",
    "0x1/0xff",
    "e1",
    "eth0",
    "eth0.100",
    "a b",
    " a",
    "a ",
    "a  b",
    "\ta",
    "a\t",
    "a\tb",
    "\n",
    "a\n",
    "a\nb",
    "a\n\nb\n\n",
    "\n a",
    "  a\nb",
    "a\r\nb",
    "\r",
    "a\u{0}b",
    "\u{7}\u{1b}[2J",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "a\u{85}b",
    "\u{a0}",
    "\u{ad}",
    "\u{2028}",
    "a\u{2029}b",
    "\u{feff}",
    "\u{feff}a",
    "\u{fffe}",
    "\u{ffff}",
    "\u{202e}abc",
    "grün",
    "日本",
    "\u{1f600}",
    "\u{10ffff}",
    "key: |\n  text",
    "a: [1, 2]",
    "<%= x %>",
    "cannot read /proc/net/dev: no such file",
];

/// An interpreter with PyYAML: the system's, or one of a new environment under target/.
fn python() -> Option<PathBuf> {
    let has_yaml = |python: &PathBuf| {
        let tried = Command::new(python).args(["-c", "import yaml"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let system = PathBuf::from("python3");
    if has_yaml(&system) {
        return Some(system);
    }
    let environment = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pyyaml");
    let python = environment.join("bin/python3");
    if !has_yaml(&python) {
        let quiet = |command: &mut Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
        };
        let _ = quiet(Command::new("python3").args(["-m", "venv"]).arg(&environment))
            && quiet(Command::new(&python).args(["-m", "pip", "install", "pyyaml"]));
    }
    has_yaml(&python).then_some(python)
}

/// Each text as PyYAML reads it.
fn read_by_pyyaml(python: &PathBuf, texts: &[String]) -> Vec<Value> {
    const READ: &str = "import json, sys, yaml
json.dump([yaml.safe_load(text) for text in json.load(sys.stdin)], sys.stdout)";
    let mut child = Command::new(python)
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(texts).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "PyYAML refuses a text");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn pyyaml_reads_what_was_written() {
    let Some(python) = python() else {
        println!("skipped: no python3 with PyYAML, and none could be installed");
        return;
    };
    let mut captures: Vec<_> = ADVERSARIAL.iter().map(|text| with_text_everywhere(text)).collect();
    captures.push(full());
    let texts: Vec<String> = captures.iter().map(|c| to_yaml(c).unwrap()).collect();
    let read = read_by_pyyaml(&python, &texts);
    assert_eq!(read.len(), captures.len());
    for (n, (capture, read)) in captures.iter().zip(read).enumerate() {
        let expected = serde_json::to_value(capture).unwrap();
        assert!(read == expected, "{:?}:\n{}", ADVERSARIAL.get(n), texts[n]);
    }
    println!("{} captures read alike", texts.len());
}
