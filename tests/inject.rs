//! System calls of the real program that fail, one after the other, by strace's injection: it says so, ends well, and never calls a host "ok" whose
//! interfaces it could not read. It expects nothing of the machine but links; tests/vm/inject.rs does the same with tunnels.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

use serde_json::Value;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use vti_diagnostics::journal::{self, Record};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vti-diagnostics");

/// Runs `show` under strace with these options.
fn show(options: &[&str]) -> Output {
    Command::new("strace")
        .args(["-qq", "-o/dev/null"])
        .args(options)
        .args([PROGRAM, "show", "--format", "json"])
        .output()
        .expect("strace")
}

/// What it reports where a call fails: it must end well, and say of which source it knows nothing.
fn report(options: &[&str]) -> Value {
    let output = show(options);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{options:?}: {said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    if status(&report, "links") != "read" {
        assert_eq!(report["verdict"], "unknown", "{options:?}");
        assert!(report["notes"][0].as_str().unwrap().contains("links not read"), "{options:?}");
    }
    report
}

fn status<'a>(report: &'a Value, source: &str) -> &'a str {
    let sources = report["sources"].as_array().unwrap();
    sources.iter().find(|s| s["name"] == source).unwrap()["status"].as_str().unwrap()
}

fn statuses(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sources = report["sources"].as_array().unwrap();
    sources.iter().map(|source| (text(&source["name"]), text(&source["status"]))).collect()
}

/// How often it makes a call when nothing fails.
fn calls(name: &str) -> usize {
    let log = tempfile::NamedTempFile::new().unwrap();
    let only = format!("-e{name}");
    let path = log.path().to_str().unwrap();
    let output = Command::new("strace").args(["-qq", "-o", path, &only, PROGRAM, "show"]).output();
    assert!(output.unwrap().status.success());
    std::fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn an_interrupted_receive_changes_nothing() {
    let (all, expected) = (calls("recvmsg"), statuses(&report(&["-erecvmsg"])));
    assert!(all > 5, "{all}");
    for call in 1..=all {
        let injection = format!("-einject=recvmsg:error=EINTR:when={call}");
        assert_eq!(statuses(&report(&["-erecvmsg", &injection])), expected, "receive {call}");
    }
}

#[test]
fn a_dump_that_lost_messages_once_is_read_again() {
    let expected = statuses(&report(&["-erecvmsg"]));
    let now = report(&["-erecvmsg", "-einject=recvmsg:error=ENOBUFS:when=1"]);
    assert_eq!(statuses(&now), expected);
}

#[test]
fn receives_that_fail_from_one_on_leave_nothing_well() {
    for call in 1..=calls("recvmsg") {
        let errno = if call % 2 == 0 { "ENOMEM" } else { "ENOBUFS" };
        report(&["-erecvmsg", &format!("-einject=recvmsg:error={errno}:when={call}+")]);
    }
    let all = report(&["-erecvmsg", "-einject=recvmsg:error=ENOBUFS"]);
    assert_eq!((status(&all, "links"), status(&all, "addresses")), ("failed", "failed"));
}

#[test]
fn sockets_that_cannot_be_opened_leave_nothing_well() {
    for errno in ["EMFILE", "ENOMEM", "EACCES"] {
        let all = report(&["-esocket", &format!("-einject=socket:error={errno}")]);
        assert_ne!(status(&all, "links"), "read");
    }
    for call in 1..=calls("socket") {
        report(&["-esocket", &format!("-einject=socket:error=EMFILE:when={call}+")]);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    for (path, source) in [
        ("/proc/uptime", "/proc/uptime"),
        ("/proc/sys/net/ipv4/conf/all/rp_filter", "net.ipv4.conf.all.rp_filter"),
        ("/proc/sys/net/ipv4/conf/all/disable_xfrm", "net.ipv4.conf.all.disable_xfrm"),
    ] {
        for (call, errno) in [("openat", "EMFILE"), ("read", "EIO")] {
            let injection = format!("-einject={call}:error={errno}");
            let now = report(&["-P", path, &format!("-e{call}"), &injection]);
            assert_eq!(status(&now, source), "failed", "{path}: {call} {errno}");
        }
        let now = report(&["-P", path, "-eread", "-einject=read:error=EINTR:when=1"]);
        assert_eq!(status(&now, source), "read", "{path}");
    }
}

/// The first reads of a recorder fail: it says so once, reads again, says that, and goes on from there.
#[test]
fn a_recorder_whose_first_reads_fail_reads_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Command::new("strace")
        // Three attempts each at links, addresses, SAs and policies.
        .args(["-f", "-qq", "-o/dev/null", "-erecvmsg"])
        .arg("-einject=recvmsg:error=ENOBUFS:when=1..12")
        .args([PROGRAM, "record", "--directory"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("strace");
    let records = || journal::read(directory.path()).ok().flatten().map(|c| c.records);
    let remarks = || -> Vec<String> {
        let remark = |record| match record {
            Record::Remark(remark) => Some(remark.what),
            _ => None,
        };
        records().into_iter().flatten().filter_map(remark).collect()
    };
    let again = "the VTIs are watched again";
    let in_time = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        remarks().iter().any(|what| what == again)
    });
    // strace hands the signal on to nobody: it is for the recorder, its child.
    let children = format!("/proc/{0}/task/{0}/children", recorder.id());
    let child = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
    let pid = nix::unistd::Pid::from_raw(child);
    nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM).unwrap();
    assert!(recorder.wait().unwrap().success());
    let said = remarks();
    assert!(in_time, "{said:?}");
    let unread = said.iter().filter(|what| what.starts_with("VTIs cannot be watched: "));
    assert_eq!(unread.count(), 1, "{said:?}");
    let counters = |record: &Record| matches!(record, Record::Counters { .. });
    assert_eq!(records().unwrap().iter().filter(|record| counters(record)).count(), 1);
}
