//! The recorder: follows the kernel, looks at the counters of the VTIs once a second, and writes to the journal what was lost and why.
//! It changes nothing of the system; it writes the journal and the lines that it hands to `Output`, no more.

mod background_diagnosis;
mod clock;
mod rate_limited_log;
mod recorder;
mod watched_interfaces;

use crate::collect::watch::Changes;
use crate::error::{Error, Result};
use crate::journal::{self, Accounts, Writer};
use crate::signals::{Signals, Woken};
use clock::Clock;
use recorder::Recorder;
use std::path::{Path, PathBuf};

/// How the recorder runs.
pub struct Options<'a> {
    /// Where the journal is.
    pub directory: &'a Path,
    /// Bytes that it may have.
    pub limit: u64,
    /// charon's socket.
    pub vici: PathBuf,
    /// Takes the lines for the system's journal: a few words on what begins, ends and changes.
    pub say: &'a mut dyn FnMut(&str),
}

/// Records until SIGTERM or SIGINT.
///
/// # Errors
/// The journal cannot be written, or the kernel lets nobody listen; never because of what is seen.
pub fn run(options: Options<'_>) -> Result<()> {
    let mut writer = Writer::open(options.directory, options.limit)?;
    writer.said().iter().for_each(|sentence| (options.say)(sentence));
    let mut accounts = Accounts::default();
    if let Err(error) = journal::visit(options.directory, |record| accounts.take(record)) {
        // Without what was recorded, no more is lost than what happened while nobody recorded.
        (options.say)(&format!("the recording goes on without what it was before: {error}"));
        accounts = Accounts::default();
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
    let mut recorder = Recorder::new(writer, clock, changes, options.vici, options.say)?;
    recorder.start(&accounts)?;
    drop(accounts);
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
    Error::DataUnavailable(format!("cannot wait for the kernel: {errno}"))
}
