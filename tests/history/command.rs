//! The real binary on journals in a temporary directory: what it shows of those that are damaged, and its one sentence where it cannot.

use crate::reports::{HOUR, MONDAY, bad_day, reauthentication, remark, three_gaps};
use assert_cmd::Command;
use nix::unistd::{Uid, geteuid};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;
use vti_diagnostics::journal::{LIMIT, Record, Writer};

/// A journal of these records, and nobody who writes it.
fn journal(records: &[Record]) -> TempDir {
    let directory = TempDir::new().unwrap();
    append(directory.path(), records);
    directory
}

fn append(directory: &Path, records: &[Record]) {
    let mut writer = Writer::open(directory, LIMIT).unwrap();
    records.iter().for_each(|record| writer.append(record));
    assert_eq!(writer.flush(), None);
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut program = Command::cargo_bin("vti-diagnostics").unwrap();
    program.arg("history").arg("--directory").arg(directory).args(arguments).output().unwrap()
}

fn stdout(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn sentence(directory: &Path, arguments: &[&str]) -> String {
    one_sentence(&run(directory, arguments))
}

fn one_sentence(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let said = said.strip_suffix('\n').unwrap_or_else(|| panic!("{said:?}"));
    assert!(!said.is_empty() && !said.contains('\n'), "{said:?}");
    said.to_string()
}

/// The words of a text, wherever its lines end.
fn shown(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_journal_is_shown_in_every_form() {
    let directory = journal(&three_gaps());
    let text = stdout(directory.path(), &[]);
    assert!(text.contains("\nvti7  59 packets lost in 3 episodes: 59 VTI-911\n"), "{text}");
    assert!(
        shown(&text).contains("; the recorder is not running: it was killed after that."),
        "{text}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&stdout(directory.path(), &["--raw"])).unwrap();
    assert_eq!(json["packets_lost"], 59);
    assert_eq!(json["interfaces"][0]["episodes"][0]["began"], "2026-11-16T03:12:45Z");
    let yaml = stdout(directory.path(), &["--format", "yaml"]);
    assert!(yaml.contains("packets_lost: 59\n"), "{yaml}");
}

#[test]
fn whoever_writes_it_is_seen() {
    let directory = journal(&three_gaps());
    let _writer = Writer::open(directory.path(), LIMIT).unwrap();
    let text = stdout(directory.path(), &[]);
    assert!(text.contains("; the recorder is running."), "{text}");
}

#[test]
fn one_interface_and_a_time_are_asked_for() {
    let directory = journal(&bad_day());
    let text = stdout(directory.path(), &["--interface", "vti12", "--since", "2026-11-16"]);
    assert!(text.contains("\nvti12  15 packets lost") && !text.contains("\nvti7 "), "{text}");
    let text = stdout(directory.path(), &["--interface", "vti7", "--since", "2026-11-16T12:00Z"]);
    assert!(text.contains("\nNo losses were recorded on vti7 from "), "{text}");
    let text = stdout(directory.path(), &["--since", "2026-11-17T12:00Z"]);
    assert!(text.contains("\nNothing is recorded since "), "{text}");
    let said = sentence(directory.path(), &["--since", "soon"]);
    assert!(said.starts_with("--since soon: expected 45m, 2h, 3d, 1w, "), "{said}");
    let said = sentence(directory.path(), &["--interface", "vti900000000001"]);
    assert_eq!(said, "there is no VTI vti900000000001, and nothing is recorded of one");
}

#[test]
fn where_no_recorder_has_run_it_is_said_how_to_begin() {
    let directory = TempDir::new().unwrap();
    for path in [directory.path().to_path_buf(), directory.path().join("none")] {
        let expected = format!(
            "nothing is recorded in {}: no recorder has run; to begin: sudo systemctl enable --now vti-diagnostics-recorder",
            path.display()
        );
        assert_eq!(sentence(&path, &[]), expected);
    }
}

#[test]
fn where_a_recorder_runs_nobody_is_told_to_enable_it() {
    let directory = TempDir::new().unwrap();
    let _writer = Writer::open(directory.path(), LIMIT).unwrap();
    let running = "The recorder is running, but nothing is recorded yet.\n";
    assert_eq!(stdout(directory.path(), &[]), running);
    fs::remove_file(directory.path().join("journal")).unwrap();
    assert_eq!(stdout(directory.path(), &[]), running, "its journal is begun again in a moment");
    fs::write(directory.path().join("journal"), "something else\n").unwrap();
    let said = sentence(directory.path(), &[]);
    assert!(said.ends_with("/journal is not a journal; the recorder runs"), "{said}");
}

#[test]
fn a_recorder_that_ran_and_left_nothing_is_to_be_started_not_enabled() {
    let directory = journal(&three_gaps());
    fs::remove_file(directory.path().join("journal")).unwrap();
    let expected = format!(
        "nothing is recorded in {}: the journal was removed, and no recorder runs now; \
         to start it: sudo systemctl start vti-diagnostics-recorder",
        directory.path().display()
    );
    assert_eq!(sentence(directory.path(), &[]), expected);
}

#[test]
fn since_when_no_recorder_runs_is_said() {
    let mut records = three_gaps();
    records.push(Record::Stopped { at_ms: MONDAY + 20 * HOUR });
    let directory = journal(&records);
    let text = stdout(directory.path(), &[]);
    assert!(shown(&text).contains("; the recorder is not running: it was stopped then."), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&stdout(directory.path(), &["--raw"])).unwrap();
    assert_eq!(json["recorder_stopped"], "2026-11-16T20:00:00Z");
}

#[test]
fn a_file_that_was_set_aside_is_told() {
    let directory = journal(&three_gaps());
    let path = directory.path().join("journal");
    let text = fs::read_to_string(&path).unwrap().replacen("journal", "jourmal", 1);
    fs::write(&path, text).unwrap();
    let text = stdout(directory.path(), &[]);
    assert!(text.contains("59 packets lost"), "its records are read: {text}");
    assert!(text.contains("1 damaged line of the journal was"), "{text}");
    let writer = Writer::open(directory.path(), LIMIT).unwrap();
    let told = "a damaged file of the journal was set aside as journal.damaged-2";
    let text = shown(&stdout(directory.path(), &[]));
    assert!(text.starts_with("The recorder is running, ") && text.contains(told), "{text}");
    drop(writer);
    append(directory.path(), &three_gaps());
    let text = shown(&stdout(directory.path(), &[]));
    assert!(text.contains(told) && text.contains("59 packets lost"), "{text}");
    fs::remove_file(&path).unwrap();
    let text = shown(&stdout(directory.path(), &[]));
    assert!(text.starts_with("Nothing is recorded, ") && text.contains(told), "{text}");
}

#[test]
fn a_journal_without_a_record_is_no_error() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("journal"), "vti-diagnostics journal 1\n").unwrap();
    let expected = "Nothing is recorded, and the recorder is not running. To start it:\n  \
                    sudo systemctl start vti-diagnostics-recorder\n";
    assert_eq!(stdout(directory.path(), &[]), expected);
}

#[test]
fn damaged_lines_cost_themselves_alone() {
    let directory = journal(&three_gaps());
    let path = directory.path().join("journal");
    let text = fs::read_to_string(&path).unwrap().replacen("\"lost\":21", "\"lost\":99", 1);
    fs::write(&path, text).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"\xff\x00 no record\n01234567 {\"torn").unwrap();
    let text = stdout(directory.path(), &[]);
    assert!(text.contains("\nvti7  38 packets lost in 2 episodes: "), "{text}");
    assert!(text.contains("3 damaged lines of the journal were"), "{text}");
}

#[test]
fn what_the_recorder_appends_after_a_torn_line_is_shown() {
    let directory = journal(&three_gaps());
    let path = directory.path().join("journal");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    append(
        directory.path(),
        &[
            remark(MONDAY + 20 * HOUR, None, "noted later"),
            Record::Episode(reauthentication("vti7", MONDAY + 21 * HOUR, 5)),
        ],
    );
    let text = stdout(directory.path(), &[]);
    assert!(text.contains("\nvti7  45 packets lost in 3 episodes: 45 VTI-911\n"), "{text}");
    assert!(
        text.contains("  noted later\n") && text.contains("1 damaged line of the journal was"),
        "{text}"
    );
}

#[test]
fn a_journal_of_a_newer_version_is_refused_in_one_sentence() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("journal");
    fs::write(&path, "vti-diagnostics journal 2\nwhat it will be\n").unwrap();
    let expected = format!(
        "{} has journal version 2, but this program reads version 1; no recorder runs now",
        path.display()
    );
    assert_eq!(sentence(directory.path(), &[]), expected);
    fs::write(&path, "something else\n").unwrap();
    let expected = format!("{} is not a journal; no recorder runs now", path.display());
    assert_eq!(sentence(directory.path(), &[]), expected);
}

#[test]
fn a_journal_that_may_not_be_read_is_named() {
    let directory = journal(&three_gaps());
    let path = directory.path().join("journal");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The binary, where everybody may run it: root reads every file, so it is run as nobody. Another process copies it: a descriptor of
    // ours for writing could be in a child of another test, and the system runs no file that is open so.
    let program = directory.path().join("vti-diagnostics");
    let binary = assert_cmd::cargo::cargo_bin("vti-diagnostics");
    let copied = std::process::Command::new("cp").arg(binary).arg(&program).status().unwrap();
    assert!(copied.success());
    let mut command = std::process::Command::new(&program);
    command.args(["history", "--directory"]).arg(directory.path());
    if geteuid() == Uid::from_raw(0) {
        command.uid(65_534);
    }
    let said = one_sentence(&command.output().unwrap());
    let expected = format!("cannot read {}: Permission denied (os error 13)", path.display());
    // Whoever may read the lock is told of the recorder too.
    assert_eq!(said.trim_end_matches("; no recorder runs now"), expected);
}

#[test]
fn the_environment_does_not_count() {
    let directory = journal(&three_gaps());
    let mut program = Command::cargo_bin("vti-diagnostics").unwrap();
    let output = program
        .args(["history", "--directory"])
        .arg(directory.path())
        .envs([("TZ", "/etc/passwd"), ("COLUMNS", "200"), ("LANG", "de_DE.UTF-8")])
        .output()
        .unwrap();
    assert_eq!(output.stdout, stdout(directory.path(), &[]).as_bytes());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let directory = journal(&bad_day());
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("vti-diagnostics"))
        .args(["history", "--detail", "--directory"])
        .arg(directory.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
