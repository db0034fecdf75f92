//! The recorder: follows the kernel, samples the counters of the VTIs and of their SAs once a second, and writes to the journal what was
//! lost here and why, and what was lost on the way.
//! It changes nothing on the system; it writes only the journal, and hands over lines and, where they are asked for, metrics.

mod background_diagnosis;
mod clock;
mod diagnoses;
mod host_refusals;
mod rate_limited_log;
mod recorder;
mod watched_interfaces;

use crate::collect::watch::Changes;
use crate::error::{Error, Result};
use crate::journal::{self, Accounts, Totals, Writer};
use crate::signals::{Signals, Woken};
use clock::Clock;
use diagnoses::Diagnoses;
use recorder::Recorder;
use std::path::{Path, PathBuf};

pub use background_diagnosis::WriteMetrics;

/// How the recorder runs.
pub struct Options<'a> {
    /// The journal's directory.
    pub directory: &'a Path,
    /// Its limit in bytes.
    pub limit: u64,
    /// charon's socket.
    pub vici: PathBuf,
    /// Takes the metrics, every 15 s; none where nobody asked for them.
    pub metrics: Option<WriteMetrics>,
    /// Takes the lines for the system's journal: short lines about beginnings, ends and changes.
    pub say: &'a mut dyn FnMut(&str),
}

/// Records until SIGTERM or SIGINT.
///
/// # Errors
/// The journal cannot be written, or the kernel denies listening; never because of what is recorded.
pub fn run(options: Options<'_>) -> Result<()> {
    let mut writer = Writer::open(options.directory, options.limit)?;
    writer.said().iter().for_each(|sentence| (options.say)(sentence));
    let (mut accounts, mut totals) = (Accounts::default(), Totals::default());
    let take = |record| {
        totals.take(&record);
        accounts.take(record);
    };
    if let Err(error) = journal::visit(options.directory, take) {
        // Without the old records only the losses while no recorder ran remain unknown.
        (options.say)(&format!(
            "cannot read the earlier records, recording continues without them: {error}"
        ));
        (accounts, totals) = (Accounts::default(), Totals::default());
    }
    let signals = Signals::block().map_err(failed)?;
    let changes = Changes::subscribe().map_err(|missing| {
        let sentence = format!("cannot record: {missing}");
        match missing.reason {
            crate::snapshot::Reason::Denied => Error::PermissionDenied(sentence),
            _ => Error::DataUnavailable(sentence),
        }
    })?;
    let clock = Clock::new();
    let now = clock.now();
    let diagnoses = Diagnoses::start(options.vici, now, options.metrics)
        .map_err(|error| Error::DataUnavailable(format!("cannot start a thread: {error}")))?;
    let mut recorder = Recorder::new(writer, clock, changes, diagnoses, options.say);
    recorder.start(accounts, totals)?;
    loop {
        let (changes, patience) = (recorder.changes().descriptors(), recorder.patience());
        match signals.wait(&changes, &[], patience).map_err(failed)? {
            Woken::Signal => break,
            Woken::Ready | Woken::Reader => recorder.turn()?,
        }
    }
    recorder.stop()
}

fn failed(errno: nix::errno::Errno) -> Error {
    Error::DataUnavailable(format!("cannot wait for messages of the kernel: {errno}"))
}
