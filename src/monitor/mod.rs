//! `monitor`: diagnoses every few seconds and says what changed, until a signal ends it or nobody reads any more. It keeps nothing and
//! writes only the lines that it hands on.

mod change_detector;

use crate::collect;
use crate::diagnose::{self, Observation};
use crate::error::{Error, Result};
use crate::render::clock::Clock;
use crate::report::time::Time;
use crate::report::{InterfaceReport, Report};
use crate::signals::{Signals, Woken};
use crate::units::{VTI, length};
use change_detector::{Change, ChangeDetector};
use nix::errno::Errno;
use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How it runs.
pub struct Options<'a> {
    /// Only this interface.
    pub interface: Option<&'a str>,
    /// From one diagnosis to the next.
    pub interval: Duration,
    /// charon's socket.
    pub vici: &'a Path,
    /// For the times of the lines.
    pub clock: Clock,
    /// Where the lines go in the end: when that is closed, it is time to end.
    pub output: BorrowedFd<'a>,
    /// Writes a line at once.
    pub say: &'a mut dyn FnMut(&str) -> io::Result<()>,
}

/// Monitors until SIGTERM or SIGINT, or until nobody reads.
///
/// # Errors
/// The interface that was asked for does not exist; the lines cannot be written.
pub fn run(mut options: Options<'_>) -> Result<()> {
    match watch(&mut options) {
        Err(Error::Write { source, .. }) if source.kind() == ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

fn watch(options: &mut Options<'_>) -> Result<()> {
    let signals = Signals::block().map_err(failed)?;
    let start = Instant::now();
    let mut detector = ChangeDetector::default();
    let mut day = String::new();
    loop {
        let began = Instant::now();
        let at = Time(collect::now_ms());
        let first = day.is_empty();
        let report = look(options, first)?;
        let elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let changes = detector.take(&report, options.interface, elapsed_ms);
        if first || !changes.is_empty() {
            let today = options.clock.date(at);
            if first {
                say(options, &begins(options, at, &changes))?;
            } else if today != day {
                say(options, &today)?;
            }
            day = today;
        }
        let width = changes.iter().map(|change| change.interface.chars().count()).max();
        for Change { interface, what } in &changes {
            let time = options.clock.time(at);
            let width = width.unwrap_or_default();
            say(options, &format!("{time}  {interface:<width$}  {what}"))?;
        }
        let patience = options.interval.saturating_sub(began.elapsed());
        if is_over(&signals, options.output, patience)? {
            return Ok(());
        }
    }
}

/// What the state alone says. Whether errors rise, the board sees; with an earlier snapshot a finding would come and go with the traffic.
fn look(options: &Options<'_>, first: bool) -> Result<Report> {
    let now = collect::snapshot(&[], Some(options.vici));
    let observation = Observation { now: &now, earlier: None };
    if first {
        // One that is gone later is a change.
        diagnose::run(&observation, options.interface)?;
    }
    let mut report = diagnose::run(&observation, None)?;
    report.interfaces = report.interfaces.into_iter().map(InterfaceReport::present).collect();
    Ok(report)
}

/// `2026-11-23, times are UTC. 3 VTIs, every 2 s until Ctrl-C:`
fn begins(options: &Options<'_>, at: Time, changes: &[Change]) -> String {
    let (date, zone) = (options.clock.date(at), options.clock.offset(at));
    let every = length(options.interval.as_secs().saturating_mul(1000));
    let vtis = VTI.of(changes.len());
    format!("{date}, times are {zone}. {vtis}, every {every} until Ctrl-C:")
}

fn say(options: &mut Options<'_>, line: &str) -> Result<()> {
    let path = "standard output".to_string();
    (options.say)(line).map_err(|source| Error::Write { path, source })
}

/// Waits so long. True where a signal came or the reader went.
fn is_over(signals: &Signals, output: BorrowedFd<'_>, patience: Duration) -> Result<bool> {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match signals.wait(&[], Some(output), left).map_err(failed)? {
            Woken::Signal | Woken::Reader => return Ok(true),
            Woken::Ready if left.is_zero() => return Ok(false),
            Woken::Ready => {}
        }
    }
}

fn failed(errno: Errno) -> Error {
    Error::DataUnavailable(format!("cannot wait for the next look: {errno}"))
}
