//! A reader that stops reading: a pipe that stays full, a terminal that Ctrl-S has stopped. What goes on until it is told (`monitor`, `record`)
//! must end by a signal all the same. `drops` needs the kernel's drop monitor: `tests/vm/drops/unread.rs` has the same for it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "monitor/program.rs"]
mod program;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::sys::termios::{FlowArg, tcflow};
use nix::unistd::pipe2;
use program::{ended, program, send};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

/// One look, and the first line.
const STARTED: Duration = Duration::from_secs(2);

/// A pipe that takes no byte more, and its reader.
fn full_pipe() -> (OwnedFd, File) {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
    fcntl(&write, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    File::from(write.try_clone().unwrap()).write_all(&[b'\n'; 4096]).unwrap();
    (write, read.into())
}

/// A terminal that Ctrl-S has stopped, and its other end.
fn stopped_terminal() -> (OwnedFd, OwnedFd) {
    let pty = openpty(None, None).unwrap();
    tcflow(&pty.slave, FlowArg::TCOOFF).unwrap();
    (pty.slave, pty.master)
}

fn start(arguments: &[&str], output: impl Into<Stdio>, errors: impl Into<Stdio>) -> Child {
    let child = program(arguments).stdout(output).stderr(errors).spawn().unwrap();
    thread::sleep(STARTED);
    child
}

#[test]
fn monitor_ends_by_a_signal_while_its_pipe_is_full_and_says_what_is_lost() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (output, _reader) = full_pipe();
        let child = start(&["monitor", "--interval", "3600"], output, Stdio::piped());
        send(&child, signal);
        let output = ended(child);
        assert_eq!(output.status.code(), Some(1), "{signal}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let lost = said.strip_prefix("standard output is not being read: ");
        assert!(lost.is_some_and(|lost| lost.ends_with(" not written\n")), "{signal}: {said}");
    }
}

#[test]
fn monitor_ends_by_a_signal_while_its_terminal_is_stopped() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (terminal, _master) = stopped_terminal();
        // Standard error is the same terminal, and takes nothing either.
        let errors = terminal.try_clone().unwrap();
        let child = start(&["monitor", "--interval", "3600"], terminal, errors);
        send(&child, signal);
        assert_eq!(ended(child).status.code(), Some(1), "{signal}");
    }
}

#[test]
fn monitor_says_all_when_the_pipe_is_read_again() {
    let (output, mut reader) = full_pipe();
    let child = start(&["monitor", "--interval", "3600"], output, Stdio::piped());
    send(&child, Signal::SIGTERM);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(text.trim_start().contains(", times are UTC"), "{text:?}");
    let output = ended(child);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}

#[test]
fn record_goes_on_and_ends_by_a_signal_while_its_pipe_is_full() {
    let directory = tempfile::tempdir().unwrap();
    // It has something to say immediately: what it finds is not a journal.
    fs::write(directory.path().join("journal"), "no journal").unwrap();
    let path = directory.path().to_str().unwrap();
    let (output, _reader) = full_pipe();
    let child = start(&["record", "--directory", path], output, Stdio::piped());
    send(&child, Signal::SIGTERM);
    let output = ended(child);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let written: u64 = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(written > 100, "nothing was recorded: {written} bytes");
}
