//! A reader that stops reading: a pipe that stays full, a terminal that Ctrl-S has stopped. The run must end by its time and by a signal,
//! and the monitor must be off by then.

use super::Options;
use super::ends::{Run, program, signal};
use super::safety::build;
use super::state::{clear, guardians, is_loaded, is_off, within_of};
use crate::Fallible;
use crate::case::End;
use crate::lines;
use crate::traffic::{self, Traffic};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::sys::termios::{FlowArg, tcflow};
use nix::unistd::pipe2;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Packets that are dropped, each a line: more than what the pipe or the terminal takes.
const PACKETS: u64 = 300;
/// The smallest pipe.
const PAGE: i32 = 4096;

/// What the output goes to, and nobody reads.
struct Reader {
    /// The end that could be read: of the pipe, or the terminal's other one.
    end: OwnedFd,
    terminal: Option<OwnedFd>,
}

impl Reader {
    fn attach(command: &mut Command, is_terminal: bool) -> Fallible<Self> {
        let failed = |error: Errno| format!("cannot open what nobody reads: {error}");
        let copy = |end: &OwnedFd| end.try_clone().map_err(|error| error.to_string());
        if is_terminal {
            let pty = openpty(None, None).map_err(failed)?;
            command.stdout(copy(&pty.slave)?).stderr(copy(&pty.slave)?);
            return Ok(Self { end: pty.master, terminal: Some(pty.slave) });
        }
        let (end, write) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
        fcntl(&write, FcntlArg::F_SETPIPE_SZ(PAGE)).map_err(failed)?;
        command.stdout(write).stderr(Stdio::null());
        Ok(Self { end, terminal: None })
    }

    /// Ctrl-S; a pipe is stopped by not being read.
    fn stop(&self) -> Fallible<()> {
        let stopped = self.terminal.as_ref().map_or(Ok(()), |slave| tcflow(slave, FlowArg::TCOOFF));
        stopped.map_err(|error| format!("cannot stop the terminal: {error}"))
    }
}

/// Every reader, with every end.
pub fn unread(_: &Options) -> Fallible<Vec<String>> {
    let _peer = build()?;
    lines::script(
        "mountpoint -q /dev/pts || { mkdir -p /dev/pts && mount -t devpts none /dev/pts; }",
    )?;
    lines::script("ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 1")?;
    let mut differences = Vec::new();
    for is_terminal in [false, true] {
        for by in [None, Some(Signal::SIGTERM), Some(Signal::SIGINT)] {
            let reader = if is_terminal { "Ctrl-S" } else { "a full pipe" };
            let end = by.map_or("its time (4 s)", Signal::as_str);
            let duration = if by.is_some() { "300" } else { "4" };
            let mut command = program(&["drops", "--each", "--duration", duration]);
            let output = Reader::attach(&mut command, is_terminal)?;
            let mut run = Run::start(&mut command)?;
            // It holds the ends that the program has.
            drop(command);
            output.stop()?;
            traffic::send(&Traffic::of(End::Router, "10.1.0.9", PACKETS), "t1")?;
            std::thread::sleep(Duration::from_millis(700));
            if let Some(by) = by {
                signal(run.pid(), by)?;
            }
            let off = within_of(Duration::from_secs(8), is_off);
            let ended = run.ended(Duration::from_secs(8))?;
            let status = run.status();
            println!(
                "       {reader}, {end}: off after {off:?}, ended {ended:?} later, status {status}"
            );
            let is_right = off.is_some_and(|off| off <= Duration::from_secs(6)) && ended.is_some();
            if !is_right || is_loaded() || !guardians().is_empty() {
                differences.push(format!(
                    "{reader}, {end}: off after {off:?}, ended {ended:?}, loaded {}",
                    is_loaded()
                ));
            }
            clear()?;
        }
    }
    // A reader that reads again: nothing is lost that fits, whole lines come, and the end has the sums.
    let mut command = program(&["drops", "--each", "--duration", "300"]);
    let output = Reader::attach(&mut command, false)?;
    let mut run = Run::start(&mut command)?;
    drop(command);
    traffic::send(&Traffic::of(End::Router, "10.1.0.9", PACKETS), "t1")?;
    std::thread::sleep(Duration::from_millis(500));
    signal(run.pid(), Signal::SIGINT)?;
    std::thread::sleep(Duration::from_millis(500));
    let said =
        std::io::read_to_string(File::from(output.end)).map_err(|error| error.to_string())?;
    let ended = run.ended(Duration::from_secs(5))?;
    let drops =
        said.lines().filter(|line| line.contains("udp") && line.ends_with("no outbound policy"));
    let (drops, status) = (drops.count(), run.status());
    println!("       read again: {drops} lines of packets, ended {ended:?}, status {status}");
    if drops < 300 || !said.contains(&format!("{PACKETS} tunnel drops")) || status != 0 {
        differences.push(format!("read again, status {status}: {said}"));
    }
    clear()?;
    Ok(differences)
}
