//! From the records to what they tell: episodes, also of a recorder that was killed, and what nobody watched. Pure.

use super::reader::Contents;
use super::record::{Counted, Record};
use crate::code::Code;
use crate::snapshot::recorded::{Cause, Episode, Loss, Recorded, Remark};
use crate::units::{DAMAGED_LINE, WAS, sum};
use std::collections::BTreeMap;

/// What the records tell.
pub fn recorded(contents: &Contents) -> Recorded {
    let mut told = Recorded { running: contents.running, ..Recorded::default() };
    let mut open: BTreeMap<String, Vec<Loss>> = BTreeMap::new();
    for record in &contents.records {
        if let Some(at_ms) = at(record) {
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
            Record::Losses { at_ms, of } => {
                for (interface, lost) in of {
                    let course = open.entry(interface.clone()).or_default();
                    course.push(Loss { at_ms: *at_ms, lost: *lost });
                }
            }
            Record::Episode(episode) => {
                open.remove(&episode.interface);
                told.episodes.push(episode.clone());
            }
            Record::Remark(remark) => told.remarks.push(remark.clone()),
            Record::Stopped { .. } | Record::Unknown => {}
        }
    }
    told.episodes.extend(open.into_iter().map(if contents.running { going_on } else { cut_off }));
    told.remarks.extend(contents.aside.iter().map(|aside| {
        let what = format!(
            "a file of the journal was damaged and was set aside as {}: its records are not shown",
            aside.name
        );
        Remark { at_ms: aside.at_ms, interface: None, what }
    }));
    if contents.damaged > 0 {
        let what = format!(
            "{} of the journal {} passed over",
            DAMAGED_LINE.of(contents.damaged),
            WAS.word(contents.damaged)
        );
        told.remarks.push(Remark { at_ms: told.until_ms, interface: None, what });
    }
    told
}

fn at(record: &Record) -> Option<u64> {
    match record {
        Record::Started { at_ms, .. }
        | Record::Stopped { at_ms }
        | Record::Losses { at_ms, .. }
        | Record::Remark(Remark { at_ms, .. }) => Some(*at_ms),
        Record::Episode(episode) => Some(episode.ended_ms),
        Record::Unknown => None,
    }
}

fn going_on(losses: (String, Vec<Loss>)) -> Episode {
    unfinished(losses, "not over yet")
}

fn cut_off(losses: (String, Vec<Loss>)) -> Episode {
    unfinished(losses, "the recorder was ended before they were")
}

/// An episode of which only the losses were written.
fn unfinished((interface, course): (String, Vec<Loss>), why: &str) -> Episode {
    let lost = sum(course.iter().map(|loss| loss.lost));
    Episode {
        interface,
        began_ms: course.first().map_or(0, |loss| loss.at_ms),
        ended_ms: course.last().map_or(0, |loss| loss.at_ms),
        open: true,
        lost,
        causes: vec![Cause {
            code: Code::NotAttributable.number(),
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
    /// How many.
    pub lost: u64,
    /// When it was watched last.
    pub since_ms: u64,
}

/// What the records account for of the losses of each interface, in the boot of the last recorder.
#[derive(Debug, Default)]
pub struct Accounts {
    boot_id: String,
    since_ms: u64,
    counted: BTreeMap<String, Counted>,
    /// Written of episodes that are not over.
    running: BTreeMap<String, u64>,
}

impl Accounts {
    /// Takes the next record in.
    pub fn take(&mut self, record: Record) {
        self.since_ms = at(&record).unwrap_or(self.since_ms);
        match record {
            Record::Started { boot_id, counters, .. } => {
                (self.boot_id, self.counted) = (boot_id, counters);
                self.running.clear();
            }
            Record::Losses { of, .. } => {
                for (interface, lost) in of {
                    let running = self.running.entry(interface).or_default();
                    *running = running.saturating_add(lost);
                }
            }
            Record::Episode(Episode { interface, ifindex, lost, .. }) => {
                self.running.remove(&interface);
                let new = Counted { ifindex, lost: 0 };
                let counted = self.counted.entry(interface).or_insert(new);
                if counted.ifindex != ifindex {
                    *counted = new;
                }
                counted.lost = counted.lost.saturating_add(lost);
            }
            Record::Stopped { .. } | Record::Remark(_) | Record::Unknown => {}
        }
    }

    /// Compares with what the interfaces have lost `now`, in the boot `boot_id`.
    pub fn unwatched(&self, boot_id: &str, now: &BTreeMap<String, Counted>) -> Vec<Unwatched> {
        if boot_id.is_empty() || self.boot_id != boot_id {
            return Vec::new();
        }
        let compare = |(interface, counted): (&String, &Counted)| {
            let before =
                self.counted.get(interface).filter(|before| before.ifindex == counted.ifindex)?;
            let running = self.running.get(interface).copied().unwrap_or(0);
            let watched = before.lost.saturating_add(running);
            let lost = counted.lost.checked_sub(watched).filter(|lost| *lost > 0)?;
            Some(Unwatched { interface: interface.clone(), lost, since_ms: self.since_ms })
        };
        now.iter().filter_map(compare).collect()
    }
}
