//! What a run looks at: this system, now and after an interval, or the samples that it was given.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use vti_diagnostics::collect;
use vti_diagnostics::diagnose::Observation;
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::snapshot::Snapshot;

/// The last sample, and the one before it.
pub fn observation(snapshots: &[Snapshot]) -> Result<Observation<'_>> {
    match snapshots {
        [.., earlier, now] => Ok(Observation { now, earlier: Some(earlier) }),
        [now] => Ok(Observation { now, earlier: None }),
        [] => Err(empty()),
    }
}

/// This system, which was just read; with an interval also after it.
pub fn live(first: Snapshot, interval: Option<u16>, vici: &Path) -> Vec<Snapshot> {
    let last = |snapshot| collect::with_log(collect::with_journal(snapshot));
    let Some(seconds) = interval else { return vec![last(first)] };
    thread::sleep(Duration::from_secs(seconds.into()));
    let second = last(collect::snapshot_after(&first, vici));
    vec![first, second]
}

/// Where charon listens: as asked for, or the usual place.
pub fn vici(asked: &Option<PathBuf>) -> &Path {
    asked.as_deref().unwrap_or(collect::VICI_SOCKET.as_ref())
}

/// A capture without a sample.
pub fn empty() -> Error {
    Error::IncorrectValue("the capture holds no snapshot".to_string())
}
