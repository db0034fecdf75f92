//! `monitor`: diagnoses every few seconds and reports what changed, until a signal arrives or the output is no longer read. It stores and
//! writes nothing itself: it passes the lines on.

mod change_detector;

use crate::collect;
use crate::diagnose::{self, Extent, Observation};
use crate::error::{Error, Result};
use crate::report::monitor::{First, Turn};
use crate::report::time::Time;
use crate::report::{InterfaceReport, Report};
use crate::signals::{Signals, Woken};
use crate::snapshot::Snapshot;
use change_detector::ChangeDetector;
use nix::errno::Errno;
use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How it runs.
pub struct Options<'a> {
    /// Only this interface.
    pub interface: Option<&'a str>,
    /// The time from one diagnosis to the next.
    pub interval: Duration,
    /// charon's socket.
    pub vici: &'a Path,
    /// The descriptors to which the lines are finally written: when one of them hangs up, the run ends.
    pub outputs: &'a [BorrowedFd<'a>],
    /// Takes the changes, to be written soon; it never waits for the reader.
    pub say: &'a mut dyn FnMut(&Turn) -> io::Result<()>,
}

/// Monitors until SIGTERM or SIGINT, or until the output is no longer read.
///
/// # Errors
/// The requested interface does not exist; the lines cannot be written.
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
    let mut is_first = true;
    loop {
        let began = Instant::now();
        let at = Time(collect::now_ms());
        let report = look(options, is_first)?;
        let elapsed_ms = milliseconds(start.elapsed());
        let changes = detector.take(&report, options.interface, elapsed_ms);
        let first = is_first
            .then(|| First { vtis: changes.len(), interval_ms: milliseconds(options.interval) });
        if is_first || !changes.is_empty() {
            say(options, &Turn { at, first, changes })?;
        }
        is_first = false;
        let patience = options.interval.saturating_sub(began.elapsed());
        if is_over(&signals, options.outputs, patience)? {
            return Ok(());
        }
    }
}

/// The report from the state alone. The change detector sees rising errors; with an earlier snapshot a finding would come and go with traffic.
fn look(options: &Options<'_>, first: bool) -> Result<Report> {
    let mut now = collect::snapshot_for_report(Some(options.vici));
    if lacks_child_sa(&now) {
        now = collect::with_log(now);
    }
    let observation = Observation { now: &now, earlier: None };
    if first {
        // If it is deleted later, that is a change.
        diagnose::run_to(Extent::Findings, &observation, options.interface)?;
    }
    let mut report = diagnose::run_to(Extent::Findings, &observation, None)?;
    report.interfaces = report.interfaces.into_iter().map(InterfaceReport::present).collect();
    Ok(report)
}

/// Whether a connection has no CHILD_SA: only then the log is read for the reason, which starts a process.
fn lacks_child_sa(now: &Snapshot) -> bool {
    let Ok(ike) = &now.ike else { return false };
    let installed = |name: &str| {
        ike.sas
            .iter()
            .any(|sa| sa.connection == name && sa.children.iter().any(|c| c.is_installed()))
    };
    ike.connections.iter().any(|connection| !installed(&connection.name))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn say(options: &mut Options<'_>, turn: &Turn) -> Result<()> {
    let path = "standard output".to_string();
    (options.say)(turn).map_err(|source| Error::Write { path, source })
}

/// Waits this long. True if a signal arrived or the reader is gone.
fn is_over(signals: &Signals, outputs: &[BorrowedFd<'_>], patience: Duration) -> Result<bool> {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match signals.wait(&[], outputs, left).map_err(failed)? {
            Woken::Signal | Woken::Reader => return Ok(true),
            Woken::Ready if left.is_zero() => return Ok(false),
            Woken::Ready => {}
        }
    }
}

fn failed(errno: Errno) -> Error {
    Error::DataUnavailable(format!("cannot wait for the next sample: {errno}"))
}
