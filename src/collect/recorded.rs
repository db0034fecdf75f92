//! What the recorder's journal says of this boot, so that counters since boot find their causes. It never fails: without a recorder the
//! source is absent.

use crate::error::Error;
use crate::journal;
use crate::snapshot::recorded::{Episode, Recorded};
use crate::snapshot::{Missing, Observed, Reason, Source};
use std::path::Path;

/// Episodes that are kept, and those of them that keep their events and their course.
const MOST: usize = 512;
const MOST_WHOLE: usize = 16;
/// Remarks that are kept.
const MOST_REMARKS: usize = 16;

/// The journal of the package's recorder. `booted_ms` is when this boot began: what is older explains no counter of today.
pub(super) fn recorded(booted_ms: u64) -> Observed<Recorded> {
    let missing = |reason, detail: String| Missing::new(Source::Journal, reason, detail);
    let contents = journal::read(Path::new(journal::DIRECTORY)).map_err(|error| {
        let reason = match &error {
            Error::PermissionDenied(_) => Reason::Denied,
            Error::IncorrectValue(_) => Reason::Malformed,
            _ => Reason::Failed,
        };
        missing(reason, error.to_string())
    })?;
    let none = || missing(Reason::Absent, "no recorder has run on this system".into());
    Ok(shortened(journal::recorded(&contents.ok_or_else(none)?), booted_ms))
}

fn shortened(mut recorded: Recorded, booted_ms: u64) -> Recorded {
    fn last<T>(list: &mut Vec<T>, most: usize) {
        list.drain(..list.len().saturating_sub(most));
    }
    recorded.episodes.retain(|episode| episode.ended_ms >= booted_ms);
    last(&mut recorded.episodes, MOST);
    last(&mut recorded.remarks, MOST_REMARKS);
    let short = recorded.episodes.len().saturating_sub(MOST_WHOLE);
    for episode in recorded.episodes.iter_mut().take(short) {
        *episode = Episode { events: Vec::new(), course: Vec::new(), ..std::mem::take(episode) };
    }
    recorded
}
