//! From records to episodes, also those of a recorder that was killed, and to losses while no recorder ran. Pure.

use super::reader::Contents;
use super::record::{Counted, Record};
use crate::code::Code;
use crate::snapshot::recorded::{Cause, Episode, Loss, Recorded, Remark};
use crate::units::{DAMAGED_LINE, WAS, sum};
use std::collections::BTreeMap;

/// Episodes and remarks from the records.
pub fn recorded(contents: &Contents) -> Recorded {
    let mut told = Recorded { running: contents.running, ..Recorded::default() };
    let mut open: BTreeMap<Direction, Vec<Loss>> = BTreeMap::new();
    for record in &contents.records {
        if let Some(at_ms) = record.at() {
            if told.since_ms == 0 {
                told.since_ms = at_ms;
            }
            told.until_ms = at_ms;
        }
        match record {
            Record::Started { at_ms, uptime_ms, .. } => {
                told.booted_ms = Some(at_ms.saturating_sub(*uptime_ms));
                told.episodes.extend(std::mem::take(&mut open).into_iter().map(cut_off));
            }
            Record::Losses { at_ms, of, inbound } => {
                for (direction, lost) in losses(of, inbound) {
                    let course = open.entry(direction).or_default();
                    course.push(Loss { at_ms: *at_ms, lost });
                }
            }
            Record::Episode(episode) => {
                open.remove(&(episode.interface.clone(), episode.inbound));
                told.episodes.push(episode.clone());
            }
            Record::Remark(remark) => told.remarks.push(remark.clone()),
            // Each of them is told as it is (`history::path`).
            Record::PathLosses { .. }
            | Record::Counters { .. }
            | Record::Stopped { .. }
            | Record::Totals { .. }
            | Record::Unknown => {}
        }
    }
    told.episodes.extend(open.into_iter().map(if contents.running { going_on } else { cut_off }));
    told.remarks.extend(contents.aside.iter().map(|aside| {
        let what = format!(
            "a damaged file of the journal was set aside as {}: its records are not shown",
            aside.name
        );
        Remark { at_ms: aside.at_ms, interface: None, what }
    }));
    if contents.damaged > 0 {
        let what = format!(
            "{} of the journal {} skipped",
            DAMAGED_LINE.of(contents.damaged),
            WAS.word(contents.damaged)
        );
        told.remarks.push(Remark { at_ms: told.until_ms, interface: None, what });
    }
    told
}

/// An interface, and whether what it receives is meant.
pub(super) type Direction = (String, bool);

/// The losses of a record, by direction.
pub(super) fn losses(
    out: &BTreeMap<String, u64>,
    inbound: &BTreeMap<String, u64>,
) -> impl Iterator<Item = (Direction, u64)> {
    let of = |all: &BTreeMap<String, u64>, is_inbound| {
        let each = all.iter().map(|(name, lost)| ((name.clone(), is_inbound), *lost));
        each.collect::<Vec<_>>()
    };
    of(out, false).into_iter().chain(of(inbound, true))
}

fn going_on(losses: (Direction, Vec<Loss>)) -> Episode {
    unfinished(losses, "not over yet")
}

fn cut_off(losses: (Direction, Vec<Loss>)) -> Episode {
    unfinished(losses, "the recorder was killed before the episode ended")
}

/// An episode for which only the losses were written.
fn unfinished(((interface, inbound), course): (Direction, Vec<Loss>), why: &str) -> Episode {
    let lost = sum(course.iter().map(|loss| loss.lost));
    Episode {
        interface,
        inbound,
        began_ms: course.first().map_or(0, |loss| loss.at_ms),
        ended_ms: course.last().map_or(0, |loss| loss.at_ms),
        open: true,
        lost,
        causes: vec![Cause {
            code: Code::of_unexplained_losses(inbound).number(),
            lost,
            summary: why.into(),
            gaps: 0,
            gap_ms: None,
        }],
        course,
        ..Episode::default()
    }
}

/// Packets that an interface lost while no recorder ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwatched {
    /// The interface.
    pub interface: String,
    /// They came from the peer, and were refused on arrival.
    pub inbound: bool,
    /// How many.
    pub lost: u64,
    /// When it was last watched.
    pub since_ms: u64,
}

/// The losses of each interface that the records account for, in the boot of the last recorder.
#[derive(Debug, Default)]
pub struct Accounts {
    boot_id: String,
    since_ms: u64,
    counted: BTreeMap<String, Counted>,
    /// Written losses of episodes that have not ended.
    running: BTreeMap<Direction, u64>,
}

impl Accounts {
    /// Takes the next record.
    pub fn take(&mut self, record: Record) {
        self.since_ms = record.at().unwrap_or(self.since_ms);
        match record {
            Record::Started { boot_id, counters, .. } => {
                (self.boot_id, self.counted) = (boot_id, counters);
                self.running.clear();
            }
            Record::Counters { counters, .. } => self.counted.extend(counters),
            Record::Losses { of, inbound, .. } => {
                for (direction, lost) in losses(&of, &inbound) {
                    let running = self.running.entry(direction).or_default();
                    *running = running.saturating_add(lost);
                }
            }
            Record::Episode(Episode { interface, ifindex, inbound, lost, counters, .. }) => {
                self.running.remove(&(interface.clone(), inbound));
                let new = Counted { ifindex, lost: 0, refused: Some(0) };
                let counted = self.counted.entry(interface).or_insert(new);
                if counted.ifindex != ifindex {
                    *counted = new;
                }
                if inbound {
                    // What only the host counted is in no counter of the interface.
                    let sum = |refused: u64| refused.saturating_add(counters.refused());
                    counted.refused = counted.refused.map(sum);
                } else {
                    counted.lost = counted.lost.saturating_add(lost);
                }
            }
            Record::Stopped { .. }
            | Record::PathLosses { .. }
            | Record::Remark(_)
            | Record::Totals { .. }
            | Record::Unknown => {}
        }
    }

    /// Compares them with the interfaces' losses `now`, in the boot `boot_id`.
    pub fn unwatched(&self, boot_id: &str, now: &BTreeMap<String, Counted>) -> Vec<Unwatched> {
        if boot_id.is_empty() || self.boot_id != boot_id {
            return Vec::new();
        }
        let compare = |(interface, counted): (&String, &Counted), inbound: bool| {
            let before =
                self.counted.get(interface).filter(|before| before.ifindex == counted.ifindex)?;
            let (before, now) = match inbound {
                false => (before.lost, counted.lost),
                true => (before.refused?, counted.refused?),
            };
            let running = self.running.get(&(interface.clone(), inbound)).copied().unwrap_or(0);
            let watched = before.saturating_add(running);
            let lost = now.checked_sub(watched).filter(|lost| *lost > 0)?;
            let (interface, since_ms) = (interface.clone(), self.since_ms);
            Some(Unwatched { interface, inbound, lost, since_ms })
        };
        let both = |of| [false, true].into_iter().filter_map(move |inbound| compare(of, inbound));
        now.iter().flat_map(both).collect()
    }
}
