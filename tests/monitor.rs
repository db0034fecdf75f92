//! `monitor`: the real binary, its first lines, and how it ends. Nothing here depends on what the kernel of the host shows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "monitor/program.rs"]
mod program;

use nix::sys::signal::Signal;
use program::{ended, program, send};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout};

/// A monitor that has said its first line.
fn started(interval: &str) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = program(&["monitor", "--interval", interval]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    (child, stdout, first)
}

#[test]
fn a_signal_ends_it_at_once_with_whole_lines() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // It waits for an hour: only the signal can end it.
        let (child, mut stdout, first) = started("3600");
        assert!(first.contains(", times are UTC") && first.ends_with(":\n"), "{first:?}");
        send(&child, signal);
        let output = ended(child);
        assert_eq!(output.status.code(), Some(0), "{signal}: {output:?}");
        assert!(output.stderr.is_empty(), "{signal}: {output:?}");
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert!(rest.is_empty() || rest.ends_with('\n'), "{rest:?}");
    }
}

#[test]
fn it_ends_when_nobody_reads() {
    let (child, stdout, _) = started("3600");
    drop(stdout);
    let output = ended(child);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = ended(program(&["monitor"]).stdout(full).spawn().unwrap());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("cannot write standard output: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn an_interface_that_does_not_exist_is_one_sentence() {
    let output = ended(program(&["monitor", "--interface", "vti900000000001"]).spawn().unwrap());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "interface vti900000000001 does not exist\n");
}
