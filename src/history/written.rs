//! How long nothing was written before a recorder started: by the clock that is never set where the host was not booted since. It reads no counts.

use crate::journal::Record;

/// What was written last.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// When, by the wall clock; none where nothing was.
    pub at_ms: Option<u64>,
    /// The last start: boot, wall clock and time since boot.
    start: Option<(String, u64, u64)>,
}

impl Written {
    /// Takes a record.
    pub fn take(&mut self, record: &Record) {
        if let Record::Started { at_ms, uptime_ms, boot_id, .. } = record {
            self.start = Some((boot_id.clone(), *at_ms, *uptime_ms));
        }
        self.at_ms = record.at().or(self.at_ms);
    }

    /// The time from there to the start of a recorder; 0 for the first, and for what is no start.
    pub fn until(&self, record: &Record) -> u64 {
        let Record::Started { at_ms, uptime_ms, boot_id, .. } = record else { return 0 };
        let Some(last_ms) = self.at_ms else { return 0 };
        let away = at_ms.saturating_sub(last_ms);
        match &self.start {
            Some((boot, ..)) if boot.is_empty() || boot_id.is_empty() => away,
            // The clock may have been set, but the host has been up for so long.
            Some((boot, ..)) if boot != boot_id => away.max(*uptime_ms),
            Some((_, began_ms, began_up_ms)) => {
                let last_up_ms = began_up_ms.saturating_add(last_ms.saturating_sub(*began_ms));
                uptime_ms.saturating_sub(last_up_ms)
            }
            // The start is in a file that was removed since.
            None => away,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(at_ms: u64, uptime_ms: u64, boot_id: &str) -> Record {
        let (tool_version, counters) = Default::default();
        Record::Started { at_ms, uptime_ms, boot_id: boot_id.into(), tool_version, counters }
    }

    fn away(records: &[Record], next: &Record) -> u64 {
        let mut written = Written::default();
        records.iter().for_each(|record| written.take(record));
        written.until(next)
    }

    #[test]
    fn a_clock_that_was_set_changes_no_time_of_one_boot() {
        let before = [started(100_000, 5_000, "a"), Record::Stopped { at_ms: 160_000 }];
        assert_eq!(away(&before, &started(170_000, 75_000, "a")), 10_000);
        assert_eq!(away(&before, &started(90_000, 75_000, "a")), 10_000);
        assert_eq!(away(&before, &started(9_000_000, 75_000, "a")), 10_000);
    }

    #[test]
    fn after_a_boot_the_host_is_up_for_so_long() {
        let before = [started(100_000, 5_000, "a"), Record::Stopped { at_ms: 160_000 }];
        assert_eq!(away(&before, &started(200_000, 20_000, "b")), 40_000);
        assert_eq!(away(&before, &started(90_000, 20_000, "b")), 20_000);
        assert_eq!(away(&before, &started(200_000, 99_000, "")), 40_000);
        assert_eq!(away(&[], &started(200_000, 99_000, "a")), 0);
        let [_, stopped] = before;
        assert_eq!(away(&[stopped], &started(200_000, 20_000, "b")), 40_000);
    }
}
