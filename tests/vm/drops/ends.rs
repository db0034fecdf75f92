//! Ends that no process of the run can see to: both are killed, one or both are stopped, another process switches the monitor off.
//! After each the monitor is off, by itself or by `drops --stop`, and its module can be taken out.

use super::Options;
use super::safety::build;
use super::session::Session;
use super::state::{clear, guardians, is_loaded, is_off, is_on, unload, within, within_of};
use crate::Fallible;
use crate::lines;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A cgroup that is killed as a whole.
const CGROUPS: &str = "/run/cgroups";
const CGROUP: &str = "/run/cgroups/run";

/// `drops` in a process group of its own, as a shell starts it.
pub struct Run {
    child: Child,
    pub guardian: Pid,
}

impl Run {
    /// Starts it, and waits until the monitor is on.
    pub fn start(command: &mut Command) -> Fallible<Self> {
        let spawned = command.process_group(0).stdin(Stdio::null()).spawn();
        let child = spawned.map_err(|error| format!("cannot run vti-diagnostics: {error}"))?;
        within(is_on).ok_or("the monitor is not on after 5 s")?;
        let guardian = *guardians().first().ok_or("there is no guardian")?;
        Ok(Self { child, guardian })
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Waits until it ends, and kills it where it does not: how long that took, and what its output held.
    pub fn ended(&mut self, most: Duration) -> Fallible<Option<Duration>> {
        let mut is_over = false;
        let took = within_of(most, || {
            is_over = !matches!(self.child.try_wait(), Ok(None));
            is_over
        });
        if took.is_none() {
            signal(self.pid(), Signal::SIGKILL)?;
            self.child.wait().map_err(|error| format!("cannot wait: {error}"))?;
        }
        Ok(took)
    }

    /// Its exit status; 999 where a signal ended it.
    pub fn status(&mut self) -> i32 {
        self.child.wait().ok().and_then(|status| status.code()).unwrap_or(999)
    }

    /// What it wrote to a pipe that nobody has read before.
    pub fn said(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(output) = &mut self.child.stdout {
            let _ = output.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new("./vti-diagnostics");
    command.args(arguments);
    command
}

pub fn signal(to: Pid, by: Signal) -> Fallible<()> {
    kill(to, by).map_err(|error| format!("cannot send {by} to {to}: {error}"))
}

fn output(arguments: &[&str]) -> Fallible<Output> {
    program(arguments).output().map_err(|error| format!("cannot run vti-diagnostics: {error}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What is wrong with `drops --stop` and the module after it, where the monitor is on or off now.
pub fn stop(name: &str) -> Fallible<Vec<String>> {
    let (mut differences, was_on) = (Vec::new(), !is_off());
    if was_on {
        let next = output(&["drops", "--duration", "1"])?;
        let said = text(&next.stderr);
        if next.status.code() != Some(1) || !said.contains("`sudo vti-diagnostics drops --stop`") {
            differences.push(format!("{name}: the next run says: {said}"));
        }
    }
    for expected in [if was_on { "is off now" } else { "is off already" }, "is off already"] {
        let stop = output(&["drops", "--stop"])?;
        let said = text(&stop.stdout) + &text(&stop.stderr);
        println!("       {name}: {}", said.trim_end().replace('\n', "\n         "));
        if stop.status.code() != Some(0) || !said.contains(expected) {
            differences.push(format!("{name}: drops --stop: {said}"));
        }
    }
    if !is_off() {
        differences.push(format!("{name}: the monitor is on"));
    }
    if let Err(error) = unload() {
        differences.push(format!("{name}: {}", error.trim_end()));
    }
    clear()?;
    Ok(differences)
}

/// Both are killed, in every order.
pub fn killed(_: &Options) -> Fallible<Vec<String>> {
    let _peer = build()?;
    let mut differences = Vec::new();
    let watch = ["drops", "--duration", "300"];
    let quiet = || {
        let mut command = program(&watch);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    type Order = fn(Pid, Pid) -> Fallible<()>;
    let orders: [(&str, Order); 4] = [
        ("watcher, guardian", |watcher, guardian| {
            signal(watcher, Signal::SIGKILL)?;
            signal(guardian, Signal::SIGKILL).or(Ok(()))
        }),
        ("guardian, watcher", |watcher, guardian| {
            signal(guardian, Signal::SIGKILL)?;
            signal(watcher, Signal::SIGKILL)
        }),
        ("guardian is stopped, watcher, guardian", |watcher, guardian| {
            signal(guardian, Signal::SIGSTOP)?;
            signal(watcher, Signal::SIGKILL)?;
            signal(guardian, Signal::SIGKILL)
        }),
        ("watcher is stopped, guardian, watcher", |watcher, guardian| {
            signal(watcher, Signal::SIGSTOP)?;
            signal(guardian, Signal::SIGKILL)?;
            signal(watcher, Signal::SIGKILL)
        }),
    ];
    for (name, order) in orders {
        let mut run = Run::start(&mut quiet())?;
        order(run.pid(), run.guardian)?;
        run.ended(Duration::from_secs(2))?;
        within(|| guardians().is_empty()).ok_or("a guardian is left")?;
        differences.extend(stop(name)?);
    }
    lines::script(&format!(
        "mkdir -p {CGROUPS} && mount -t cgroup2 none {CGROUPS} && mkdir {CGROUP}"
    ))?;
    let line =
        format!("echo $$ >{CGROUP}/cgroup.procs; exec ./vti-diagnostics {}", watch.join(" "));
    let mut bash = Command::new("bash");
    let mut run = Run::start(bash.args(["-c", &line]).stdout(Stdio::null()))?;
    fs::write(format!("{CGROUP}/cgroup.kill"), "1")
        .map_err(|error| format!("cgroup.kill: {error}"))?;
    run.ended(Duration::from_secs(2))?;
    within(|| guardians().is_empty()).ok_or("a guardian is left in the cgroup")?;
    differences.extend(stop("cgroup.kill")?);
    lines::script(&format!("rmdir {CGROUP}; umount {CGROUPS}"))?;
    // The guardian alone: the run does not go on without it.
    let mut run =
        Run::start(program(&[&watch[..], &["--format", "json"]].concat()).stdout(Stdio::piped()))?;
    signal(run.guardian, Signal::SIGKILL)?;
    let ended = run.ended(Duration::from_secs(3))?;
    let by = ended_by(&run.said());
    println!(
        "       guardian alone: the run ended after {ended:?} by {by}, monitor off {}",
        is_off()
    );
    if ended.is_none() || !is_off() || is_loaded() || by != "unguarded" {
        differences.push(format!(
            "guardian alone: {ended:?} by {by}, off {}, loaded {}",
            is_off(),
            is_loaded()
        ));
    }
    clear()?;
    Ok(differences)
}

/// Why a run ended, as its last line says.
pub fn ended_by(said: &str) -> String {
    let summary = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ended = summary.filter_map(|line| line.get("ended")?.as_str().map(str::to_owned));
    ended.next_back().unwrap_or_else(|| "nothing".to_string())
}

/// Stopped processes, with a duration of 2 s; the module is not loaded before.
pub fn stopped(_: &Options) -> Fallible<Vec<String>> {
    let _peer = build()?;
    let mut differences = Vec::new();
    for name in ["the watcher", "its process group", "the guardian", "both"] {
        let began = Instant::now();
        let arguments = ["drops", "--format", "json", "--duration", "2"];
        let mut run = Run::start(program(&arguments).stdout(Stdio::piped()))?;
        let on = began.elapsed();
        let group = Pid::from_raw(-run.pid().as_raw());
        // The monitor is on before the watcher has heard so. One that is stopped in between ends with an error, not with its sums.
        thread::sleep(Duration::from_millis(300));
        match name {
            "the watcher" => signal(run.pid(), Signal::SIGSTOP)?,
            "its process group" => signal(group, Signal::SIGSTOP)?,
            "the guardian" => signal(run.guardian, Signal::SIGSTOP)?,
            _ => {
                signal(run.guardian, Signal::SIGSTOP)?;
                signal(group, Signal::SIGSTOP)?;
            }
        }
        let off = within_of(Duration::from_secs(9), is_off);
        let (expected, is_right) = match name {
            // Nobody is left who could.
            "both" => ("overdue", off.is_none()),
            "the guardian" => ("time", off.is_some_and(|off| off <= Duration::from_secs(4))),
            _ => ("overdue", off.is_some_and(|off| off <= Duration::from_secs(7))),
        };
        if name == "both" {
            signal(run.guardian, Signal::SIGCONT)?;
            let after = within(is_off);
            println!("       {name}: off {after:?} after the guardian goes on");
            if after.is_none() {
                differences.push(format!("{name}: the monitor is on after SIGCONT"));
            }
        }
        if name != "the guardian" {
            signal(group, Signal::SIGCONT)?;
        }
        let ended = run.ended(Duration::from_secs(8))?;
        let by = ended_by(&run.said());
        let left = guardians().len();
        println!(
            "       {name}: on after {on:?}, off {off:?} later; ended {ended:?} after that by {by}; guardians left {left}"
        );
        if !is_right || ended.is_none() || by != expected || left > 0 || is_loaded() {
            differences.push(format!("{name}: off after {off:?}, ended {ended:?} by {by}, guardians left {left}, loaded {}", is_loaded()));
        }
        for guardian in guardians() {
            signal(guardian, Signal::SIGKILL)?;
        }
        clear()?;
    }
    Ok(differences)
}

/// `drops --stop` meets a run: the run says so and ends.
pub fn switched_off(_: &Options) -> Fallible<Vec<String>> {
    let _peer = build()?;
    let mut differences = Vec::new();
    let session = Session::start(&[])?;
    let pid = session.pid();
    let stop = output(&["drops", "--stop"])?;
    let said = text(&stop.stdout);
    println!("       {}", said.trim_end().replace('\n', "\n       "));
    if stop.status.code() != Some(0) || !said.contains(&format!("{pid} (vti-diagnostics)")) {
        differences.push(format!("drops --stop: {said}{}", text(&stop.stderr)));
        signal(pid, Signal::SIGTERM)?;
    }
    let began = Instant::now();
    let seen = session.end()?;
    let by = seen.summary.get("ended").and_then(Value::as_str).unwrap_or_default();
    println!("       the run ended {:?} later by {by}", began.elapsed());
    if by != "off" || !is_off() || is_loaded() {
        differences.push(format!("ended by {by}, off {}, loaded {}", is_off(), is_loaded()));
    }
    clear()?;
    Ok(differences)
}

/// A monitor that is part of the kernel has no directory below /sys/module (kernel/params.c: only parameters or a version give one).
pub fn built_in(_: &Options) -> Fallible<Vec<String>> {
    let _peer = build()?;
    lines::script("modprobe drop_monitor && mount -t tmpfs none /sys/module")?;
    let run = output(&["drops", "--duration", "1"]);
    let stop = output(&["drops", "--stop"]);
    lines::script("umount /sys/module")?;
    let (run, stop) = (run?, stop?);
    let mut differences = Vec::new();
    for (name, output) in [("drops", run), ("drops --stop", stop)] {
        let said = text(&output.stdout) + &text(&output.stderr);
        if !output.status.success() || said.contains("module") {
            differences.push(format!("{name}: {said}"));
        }
    }
    if !is_loaded() {
        differences.push("what was there before was taken out of the kernel".into());
    }
    clear()?;
    Ok(differences)
}
