//! The file of `metrics --output`: written beside its place and renamed. Whatever goes wrong, there is one sentence, and the old file stays whole.

use super::PROGRAM;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const CAPTURE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/912-recorded-sa-gap-vti.yaml");
/// A user without any right.
const NOBODY: u32 = 65534;

fn command(file: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["metrics", "--capture", CAPTURE, "--output"]).arg(file);
    command
}

fn written(file: &Path) -> Output {
    command(file).output().unwrap()
}

/// The one sentence of a run that failed.
fn sentence(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().to_owned()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_user_may_read_it_and_nothing_is_left_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("vti.prom");
    for _ in 0..2 {
        let mut command = Command::new("sh");
        let line = format!("umask 077; exec {PROGRAM} metrics --capture {CAPTURE} --output");
        command.args(["-c", &format!("{line} {}", file.display())]);
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o644);
        assert_eq!(names(directory.path()), ["vti.prom"]);
    }
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.ends_with('\n') && text.contains("vti_lost_packets_total"), "{text}");
}

#[test]
fn a_directory_that_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("none/vti.prom");
    let said = sentence(&written(&file));
    assert_eq!(
        said,
        format!("cannot write {}: No such file or directory (os error 2)", file.display())
    );
    assert!(names(directory.path()).is_empty(), "no directory is made");
}

/// A file system with one page left.
#[test]
fn a_full_disk_leaves_the_old_file_whole() {
    let directory = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=16k none {0} && printf old >{0}/vti.prom && {{ dd if=/dev/zero of={0}/fill bs=4k 2>/dev/null; \
         {PROGRAM} metrics --capture {CAPTURE} --output {0}/vti.prom; echo \"status $?\"; ls -A {0}; cat {0}/vti.prom; }}",
        directory.path().display()
    );
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", &script])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "status 1\nfill\nvti.prom\nold", "{output:?}");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("No space left on device"), "{error}");
}

/// Killed at any moment, the file is the old one or the new one, and the next run removes what was left.
#[test]
fn a_run_that_is_killed_leaves_a_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("vti.prom");
    assert!(written(&file).status.success());
    let whole = fs::read_to_string(&file).unwrap();
    for step in 0..60 {
        let mut child = command(&file).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(400 * step));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), whole, "killed after {step} steps");
    }
    assert!(written(&file).status.success());
    assert_eq!(names(directory.path()), ["vti.prom"]);
}

#[test]
fn a_file_of_another_user_stays_where_it_may_not_be_replaced() {
    assert!(nix::unistd::geteuid().is_root(), "the tests run as root");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("vti.prom");
    fs::write(&file, "old").unwrap();
    // As /tmp: everyone may write, and nobody may remove what belongs to another.
    fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).unwrap();
    let program = directory.path().join("program");
    fs::copy(PROGRAM, &program).unwrap();
    let capture = directory.path().join("capture.yaml");
    fs::copy(CAPTURE, &capture).unwrap();
    let run = || {
        let mut command = Command::new(&program);
        command.args(["metrics", "--capture"]).arg(&capture).arg("--output").arg(&file);
        command.uid(NOBODY).gid(NOBODY).output().unwrap()
    };
    let said = sentence(&run());
    assert!(said.ends_with("Operation not permitted (os error 1)"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(names(directory.path()), ["capture.yaml", "program", "vti.prom"]);
    // Its own it replaces.
    chown(&file, Some(NOBODY), Some(NOBODY)).unwrap();
    assert!(run().status.success());
    assert_ne!(fs::read_to_string(&file).unwrap(), "old");
}

/// The recorder for so long that it writes its first metrics; what it said. Without a VTI: the laboratory's kernels have some.
fn recorded(file: &Path) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["record", "--directory"])
        .arg(directory.path())
        .arg("--metrics")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let began = std::time::Instant::now();
    while !file.exists() && began.elapsed() < Duration::from_secs(6) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
    std::io::read_to_string(child.stdout.take().unwrap()).unwrap()
}

#[test]
fn the_recorder_writes_it_and_says_once_that_it_cannot() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("vti.prom");
    assert_eq!(recorded(&file), "");
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("\nvti_build_info{version=") && text.contains("vti_last_success"),
        "{text}"
    );
    assert!(text.contains("vti_source_readable{source=\"the recorder's journal\"} 1\n"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o644);
    let missing = directory.path().join("none/vti.prom");
    let said = recorded(&missing);
    assert_eq!(said.matches("cannot write").count(), 1, "{said}");
    assert!(said.contains(&missing.display().to_string()), "{said}");
}
