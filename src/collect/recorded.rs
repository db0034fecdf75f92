//! This boot's records of the recorder's journal, to explain counters since boot. It never fails: without a recorder the source is absent.

use crate::error::Error;
use crate::journal::{self, Record};
use crate::snapshot::recorded::{Episode, Recorded};
use crate::snapshot::{Missing, Observed, Reason, Source};
use std::path::Path;

/// Most episodes that are kept, and how many of them keep their events and their course.
const MOST: usize = 512;
const MOST_WHOLE: usize = 16;
/// Most remarks that are kept.
const MOST_REMARKS: usize = 16;

/// This boot's records of the package's recorder: older ones do not explain the present counters. Boots are distinguished by their ids, not by
/// times: the clock may be set after the boot, by years.
pub(super) fn recorded(boot_id: &str) -> Observed<Recorded> {
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
    let mut contents = contents.ok_or_else(none)?;
    keep_boot(&mut contents.records, boot_id);
    Ok(shortened(journal::recorded(&contents)))
}

/// Removes all records up to those of the last recorder of another boot.
fn keep_boot(records: &mut Vec<Record>, boot_id: &str) {
    let of_this = |record: &Record| match record {
        Record::Started { boot_id: of, .. } => Some(of == boot_id),
        _ => None,
    };
    let last_other = records.iter().rposition(|record| of_this(record) == Some(false));
    let Some(other) = last_other else { return };
    let first = records.iter().skip(other).position(|record| of_this(record) == Some(true));
    records.drain(..first.map_or(records.len(), |first| other + first));
}

fn shortened(mut recorded: Recorded) -> Recorded {
    fn last<T>(list: &mut Vec<T>, most: usize) {
        list.drain(..list.len().saturating_sub(most));
    }
    last(&mut recorded.episodes, MOST);
    last(&mut recorded.remarks, MOST_REMARKS);
    let short = recorded.episodes.len().saturating_sub(MOST_WHOLE);
    for episode in recorded.episodes.iter_mut().take(short) {
        *episode = Episode { events: Vec::new(), course: Vec::new(), ..std::mem::take(episode) };
    }
    recorded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(at_ms: u64, boot_id: &str) -> Record {
        Record::Started {
            at_ms,
            uptime_ms: 0,
            boot_id: boot_id.into(),
            tool_version: String::new(),
            counters: std::collections::BTreeMap::new(),
        }
    }

    fn kept(records: &[Record], boot_id: &str) -> Vec<Record> {
        let mut records = records.to_vec();
        keep_boot(&mut records, boot_id);
        records
    }

    #[test]
    fn boots_are_told_apart_by_their_ids_whatever_the_clock_says() {
        let stopped = |at_ms| Record::Stopped { at_ms };
        let records = [
            started(900, "old"),
            stopped(901),
            started(5, "new"),
            stopped(6),
            started(700, "new"),
            stopped(701),
        ];
        assert_eq!(kept(&records, "new"), records[2..]);
        assert_eq!(kept(&records, "newest"), [], "no recorder ran in this boot");
        assert_eq!(kept(&records[3..], "new"), records[3..], "its first record is missing");
    }
}
