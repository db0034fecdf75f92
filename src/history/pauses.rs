//! The times without a recorder: between the end of one and the start of the next. Pure.

use super::written::Written;
use crate::journal::Record;
use crate::snapshot::recorded::Remark;
use crate::units::Span;

/// A remark for each recorder except the first.
pub(super) fn pauses(records: &[Record]) -> Vec<Remark> {
    let mut pauses = Vec::new();
    let mut written = Written::default();
    // Whether the record before says that its recorder was stopped; none where there is none.
    let mut last: Option<bool> = None;
    let mut boot = "";
    for record in records {
        if let Record::Started { at_ms, boot_id, .. } = record {
            if let Some(ended) = last {
                let booted = !boot.is_empty() && !boot_id.is_empty() && boot != boot_id;
                let what = words(Span(written.until(record)), ended, booted);
                pauses.push(Remark { at_ms: *at_ms, interface: None, what });
            }
            boot = boot_id;
        }
        written.take(record);
        last = record.at().map(|_| matches!(record, Record::Stopped { .. })).or(last);
    }
    pauses
}

/// A recorder that was killed writes nothing about it, and without events it had written nothing for a while: its last record bounds the pause.
fn words(pause: Span, ended: bool, booted: bool) -> String {
    let why = match (ended, booted) {
        (_, true) => ": the host was rebooted",
        (true, false) => "",
        (false, false) => ": the recorder was killed",
    };
    let bound = if ended { "" } else { "at most " };
    format!("no recorder ran for {bound}{pause} before this{why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(at_ms: u64, boot_id: &str) -> Record {
        Record::Started {
            at_ms,
            uptime_ms: at_ms,
            boot_id: boot_id.into(),
            tool_version: String::new(),
            counters: Default::default(),
        }
    }

    fn said(records: &[Record]) -> Vec<String> {
        pauses(records).into_iter().map(|remark| remark.what).collect()
    }

    #[test]
    fn the_first_recorder_comes_after_nothing() {
        assert!(said(&[started(5, "a"), Record::Stopped { at_ms: 9 }]).is_empty());
    }

    #[test]
    fn a_pause_is_between_the_end_that_was_written_and_the_next_beginning() {
        let records = [started(0, "a"), Record::Stopped { at_ms: 1000 }, started(61_000, "a")];
        assert_eq!(said(&records), ["no recorder ran for 60 s before this"]);
    }

    #[test]
    fn a_recorder_that_was_killed_is_bounded_by_its_last_record() {
        let losses =
            Record::Losses { at_ms: 1000, of: Default::default(), inbound: Default::default() };
        let records = [started(0, "a"), losses, started(61_000, "a")];
        assert_eq!(
            said(&records),
            ["no recorder ran for at most 60 s before this: the recorder was killed"]
        );
    }

    #[test]
    fn a_boot_is_told_from_a_restart() {
        let records = [started(0, "a"), started(61_000, "b"), started(62_000, "")];
        assert_eq!(
            said(&records),
            [
                "no recorder ran for at most 61 s before this: the host was rebooted",
                "no recorder ran for at most 1.0 s before this: the recorder was killed",
            ]
        );
    }
}
