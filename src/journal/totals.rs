//! Packets lost by interface and cause, summed over all records that a journal ever had: the counter that monitoring systems draw. It rises and
//! does not fall when the oldest records are removed, for a new file begins with the sums of those before it.

use super::reader::visit;
use super::record::{Record, Total};
use super::story::{Direction, losses};
use crate::code::Code;
use crate::error::Result;
use crate::snapshot::recorded::{Episode, Recorded};
use std::collections::BTreeMap;
use std::path::Path;

/// The sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// By interface and code: losses of episodes that have ended. Only then are their causes final.
    ended: BTreeMap<(String, u16), u64>,
    /// By interface and direction: losses of episodes that have not.
    open: BTreeMap<Direction, u64>,
}

impl Totals {
    /// The sums of the journal of `directory`; none where there is none.
    ///
    /// # Errors
    /// As those of [`super::read`].
    pub fn read(directory: &Path) -> Result<Option<Self>> {
        let mut totals = Self::default();
        let condition = visit(directory, |record| totals.take(&record))?;
        Ok(condition.map(|_| totals))
    }

    /// The sums of a capture, which has the records of one boot.
    pub fn of_capture(recorded: &Recorded) -> Self {
        let mut totals = Self::default();
        for episode in &recorded.episodes {
            match episode.open && recorded.running {
                true => totals.add_open((episode.interface.clone(), episode.inbound), episode.lost),
                false => totals.add(episode),
            }
        }
        totals
    }

    /// Takes the next record.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Totals { ended, open, inbound } => {
                let each = ended.iter().map(|t| ((t.interface.clone(), t.code), t.lost));
                (self.ended, self.open) = (each.collect(), losses(open, inbound).collect());
            }
            Record::Started { .. } => self.begin(),
            Record::Losses { of, inbound, .. } => {
                losses(of, inbound).for_each(|(direction, lost)| self.add_open(direction, lost));
            }
            Record::Episode(episode) => {
                self.open.remove(&(episode.interface.clone(), episode.inbound));
                self.add(episode);
            }
            // They are no losses of this host, which the sums are for.
            Record::PathLosses { .. } => {}
            Record::Counters { .. }
            | Record::Stopped { .. }
            | Record::Remark(_)
            | Record::Unknown => {}
        }
    }

    /// A recorder starts. If the one before was killed, nothing will explain what it had begun to count.
    pub fn begin(&mut self) {
        for ((interface, inbound), lost) in std::mem::take(&mut self.open) {
            self.add_ended(interface, Code::of_unexplained_losses(inbound).number(), lost);
        }
    }

    /// The losses of one interface by the number of the cause, of episodes that have ended.
    pub fn ended<'a>(&'a self, interface: &'a str) -> impl Iterator<Item = (u16, u64)> + 'a {
        let of = (interface.to_owned(), 0)..=(interface.to_owned(), u16::MAX);
        self.ended.range(of).map(|((_, code), lost)| (*code, *lost))
    }

    /// The losses of one interface in an episode that has not ended; none where there is no such episode.
    pub fn open(&self, interface: &str) -> Option<u64> {
        let both = [false, true].map(|inbound| self.open.get(&(interface.to_owned(), inbound)));
        both.into_iter().flatten().copied().reduce(u64::saturating_add)
    }

    /// The record from which the sums go on; none where there is nothing to go on from.
    pub(super) fn record(&self) -> Option<Record> {
        let total = |((interface, code), lost): (&(String, u16), &u64)| Total {
            interface: interface.clone(),
            code: *code,
            lost: *lost,
        };
        let is_empty = self.ended.is_empty() && self.open.is_empty();
        let ended = self.ended.iter().map(total).collect();
        let open = |of: bool| {
            let open = self.open.iter().filter(|((_, inbound), _)| *inbound == of);
            open.map(|((interface, _), lost)| (interface.clone(), *lost)).collect()
        };
        (!is_empty).then(|| Record::Totals { ended, open: open(false), inbound: open(true) })
    }

    fn add(&mut self, episode: &Episode) {
        for cause in &episode.causes {
            self.add_ended(episode.interface.clone(), cause.code, cause.lost);
        }
    }

    fn add_ended(&mut self, interface: String, code: u16, lost: u64) {
        let sum = self.ended.entry((interface, code)).or_default();
        *sum = sum.saturating_add(lost);
    }

    fn add_open(&mut self, direction: Direction, lost: u64) {
        let sum = self.open.entry(direction).or_default();
        *sum = sum.saturating_add(lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::recorded::Cause;

    fn started() -> Record {
        Record::Started {
            at_ms: 1,
            uptime_ms: 1,
            boot_id: String::new(),
            tool_version: String::new(),
            counters: BTreeMap::new(),
        }
    }

    fn losses(lost: u64) -> Record {
        let of = BTreeMap::from([("vti1".to_owned(), lost)]);
        Record::Losses { at_ms: 2, of, inbound: BTreeMap::new() }
    }

    fn episode(code: u16, lost: u64) -> Record {
        let cause = Cause { code, lost, summary: String::new(), gaps: 0, gap_ms: None };
        let interface = "vti1".to_owned();
        Record::Episode(Episode { interface, lost, causes: vec![cause], ..Episode::default() })
    }

    fn after(records: &[Record]) -> (Vec<(u16, u64)>, Option<u64>) {
        let mut totals = Totals::default();
        records.iter().for_each(|record| totals.take(record));
        (totals.ended("vti1").collect(), totals.open("vti1"))
    }

    #[test]
    fn losses_belong_to_a_cause_once_their_episode_has_ended() {
        assert_eq!(after(&[started(), losses(3), losses(4)]), (vec![], Some(7)));
        let ended = [started(), losses(3), episode(912, 9), episode(911, 1), episode(912, 1)];
        assert_eq!(after(&ended), (vec![(911, 1), (912, 10)], None));
        assert_eq!(after(&[losses(3), started()]), (vec![(919, 3)], None), "it was killed");
    }

    #[test]
    fn sums_go_on_from_their_record_and_what_is_before_it_counts_once() {
        let before = [started(), episode(912, 9), losses(3)];
        let mut totals = Totals::default();
        before.iter().for_each(|record| totals.take(record));
        let record = totals.record().unwrap();
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        for earlier in [&before[..], &[]] {
            let all = [earlier, &[record.clone(), episode(912, 4)]].concat();
            assert_eq!(after(&all), (vec![(912, 13)], None));
        }
        assert_eq!(Totals::default().record(), None);
    }

    #[test]
    fn the_directions_do_not_replace_each_other() {
        let refused = |lost| Record::Losses {
            at_ms: 3,
            of: BTreeMap::new(),
            inbound: BTreeMap::from([("vti1".to_owned(), lost)]),
        };
        let Record::Episode(episode) = episode(402, 9) else { unreachable!() };
        let inbound = Record::Episode(Episode { inbound: true, ..episode });
        let records = [started(), losses(3), refused(4), inbound];
        assert_eq!(after(&records[..3]), (vec![], Some(7)));
        assert_eq!(after(&records), (vec![(402, 9)], Some(3)));
        let killed = [started(), losses(3), refused(4), started()];
        assert_eq!(after(&killed), (vec![(499, 4), (919, 3)], None));
        let mut totals = Totals::default();
        records[..3].iter().for_each(|record| totals.take(record));
        assert_eq!(after(&[totals.record().unwrap()]), (vec![], Some(7)));
    }

    #[test]
    fn no_interface_takes_those_of_another() {
        let mut totals = Totals::default();
        totals.add_ended("vti10".into(), 911, 5);
        totals.add_ended("vti".into(), 911, 6);
        assert_eq!(totals.ended("vti1").count(), 0);
    }
}
