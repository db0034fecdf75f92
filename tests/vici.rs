//! Reading charon over VICI: what a real one answered (`vici/recorded`) comes out whole, and whatever sits on the socket instead costs at
//! most two seconds and nothing of the kernel's part. Everything is in temporary directories and network namespaces of its own. Packets that are
//! changed at random are the business of tests/fuzz.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it measured"
)]

#[path = "vici/answers.rs"]
mod answers;
#[path = "vici/charon.rs"]
mod charon;
#[path = "vici/decoded.rs"]
mod decoded;
#[path = "vici/flood.rs"]
mod flood;
#[path = "vici/hostile.rs"]
mod hostile;
#[path = "vici/many.rs"]
mod many;
#[path = "vici/owner.rs"]
mod owner;
#[path = "vici/server.rs"]
mod server;
#[path = "vici/unusable.rs"]
mod unusable;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use vti_diagnostics::capture;
use vti_diagnostics::snapshot::ike::Ike;
use vti_diagnostics::snapshot::{Missing, Reason, Snapshot, Source};

/// For a whole process on a busy machine; charon's part of it ends after 1.9 s.
const LIMIT: Duration = Duration::from_secs(4);

fn program() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin("vti-diagnostics"))
}

/// Standard output of the program, which says nothing else and ends well.
fn output(arguments: &[&str], socket: &Path) -> String {
    let output = program().args(arguments).arg("--vici").arg(socket).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `capture` reads with this socket, and how long all of it takes. The kernel's part is there.
fn captured(socket: &Path) -> (Snapshot, Duration) {
    let start = Instant::now();
    let yaml = output(&["capture"], socket);
    let taken = start.elapsed();
    let mut capture = capture::from_yaml(&yaml).unwrap();
    let snapshot = capture.snapshots.pop().unwrap();
    assert!(snapshot.links.as_ref().unwrap().iter().any(|link| link.loopback));
    assert!(snapshot.rules.is_ok() && snapshot.uptime_ms.is_ok());
    (snapshot, taken)
}

fn ike(socket: &Path) -> Ike {
    captured(socket).0.ike.unwrap()
}

/// `capture` and `show` end in time; charon is missing for this reason, in a sentence that ends with these words.
fn assert_missing(what: &str, socket: &Path, reason: Reason, words: &str) {
    let (snapshot, taken) = captured(socket);
    println!("{what}: {taken:?}, {:?}", snapshot.ike);
    assert!(taken < LIMIT, "{what}: {taken:?}");
    let detail = format!("cannot ask charon at {}: {words}", socket.display());
    assert_eq!(snapshot.ike, Err(Missing::new(Source::Charon, reason, &detail)), "{what}");
    let start = Instant::now();
    let report = output(&["show", "--format", "json"], socket);
    assert!(start.elapsed() < LIMIT, "{what}: {:?}", start.elapsed());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let sources = report["sources"].as_array().unwrap();
    let named = |name: &str| sources.iter().find(|source| source["name"] == name).unwrap();
    assert_eq!(named("charon (VICI)")["detail"], detail.as_str(), "{what}");
    assert_eq!(named("links")["status"], "read", "{what}");
}

fn skip(reason: &str) {
    println!("skipped: {reason}");
}
